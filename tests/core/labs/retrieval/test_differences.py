"""In what two retrievals differ: only what has an effect is told."""

from __future__ import annotations

import pytest

from llmopt_core.labs.retrieval.differences import difference_lines, name_change
from llmopt_core.retrieval.spec import RetrievalSpec

RERANKED = {"rerank": {"method": "late-interaction"}}
ROUTING = {"method": "nearest", "examples": [{"question": "Who?", "category": "who"}]}
ASKED = {"rerank": {"method": "llm-yes-no"}}


def spec(**parts: object) -> RetrievalSpec:
    return RetrievalSpec.model_validate(parts)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({}, {"search": {"method": "hybrid"}}, ["Search: By meaning (dense) → Both (hybrid)"]),
        ({}, {"search": {"method": "hybrid", "rrf_k": 10}},
         ["Search: By meaning (dense) → Both (hybrid)", "Constant of the ranks: none → 10"]),
        ({}, {"search": {"weight": 0.9, "fusion": "weighted"}}, []),
        ({"search": {"method": "hybrid"}}, {"search": {"method": "hybrid", "fusion": "weighted"}},
         ["Merged: By ranks (RRF) → By scores"]),
        ({}, RERANKED, ["Rerank: As found → Late interaction (built in)"]),
        (RERANKED, {}, ["Rerank: Late interaction (built in) → As found"]),
        ({}, ASKED, ["Rerank: As found → LLM: does it answer, yes or no"]),
        (RERANKED, ASKED, ["Rerank: Late interaction (built in) → LLM: does it answer, yes or no"]),
        (ASKED, {"rerank": {"method": "llm-yes-no", "llm": {"endpoint": "builtin"}}}, []),
        ({"rerank": {"candidates": 5}}, {}, []),
        ({}, {"rerank": {"method": "late-interaction", "candidates": 5}},
         ["Rerank: As found → Late interaction (built in)", "Candidates of the reranker: none → 5"]),
        ({}, {"transform": {"n": 9}, "top_k": 7}, ["Chunks handed over: 3 → 7"]),
        ({}, {"routing": ROUTING}, ["Routing: none → nearest"]),
        ({"routing": ROUTING}, {"routing": {**ROUTING, "routes": {"who": {"top_k": 2}}}},
         ["Routing: nearest, set up otherwise"]),
    ],
)  # fmt: skip
def test_only_settings_with_an_effect_are_told(before: dict, after: dict, told: list[str]) -> None:
    assert difference_lines(spec(**before), spec(**after)) == told


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        ({"search": {"method": "dense"}}, {"search": {"method": "bm25"}, "top_k": 9}, "rag · bm25, top 9"),
        ({"rerank": {"method": "late-interaction"}}, {}, "rag · no rerank"),
        ({}, {"chunking": {"size": 99}}, "rag · size 99"),
        ({}, {}, "rag"),
    ],
)
def test_a_name_says_what_was_changed(before: dict[str, object], after: dict[str, object], name: str) -> None:
    assert name_change("rag", spec(**before), spec(**after)) == name
