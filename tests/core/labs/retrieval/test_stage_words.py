"""Stages and parts of retrieval in words: nothing that only a configuration file says reaches a page."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from llmopt_core.labs.retrieval.stage_words import method_words, part_words, stage_words
from llmopt_core.retrieval.ablation import variants
from llmopt_core.retrieval.spec import RerankMethod, RetrievalSpec, TransformMethod

SEARCHES = ("dense", "bm25")
TRANSFORMS = [name for name in get_args(TransformMethod) if name != "none"]
RERANKS = [name for name in get_args(RerankMethod) if name != "none"]


@pytest.mark.parametrize("method", [*SEARCHES, *TRANSFORMS, *RERANKS, "rrf", "weighted", "turns", "top-k", "mmr"])
def test_every_method_has_words(method: str) -> None:
    assert method_words(method) != method


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("rerank", RERANKS)
def test_every_part_that_can_be_left_out_has_words(transform: str, rerank: str) -> None:
    spec = RetrievalSpec.model_validate(
        {
            "search": {"method": "hybrid", "mmr": 0.5, "threshold": 0.1},
            "transform": {"method": transform},
            "rerank": {"method": rerank, "model": "reader" if rerank == "cross-encoder" else ""},
        }
    )
    cells = {name: part_words(name) for name in variants(spec)}
    assert len(cells) == 6
    for name, words in cells.items():
        assert words.startswith("without ")
        assert words != name
    assert cells["without bm25"] == "without search by words (BM25)"
    assert cells["without dense"] == "without search by meaning (dense)"


def test_a_stage_is_told_with_what_it_searched_for() -> None:
    assert stage_words("bm25: What is a text?") == "by words: What is a text?"
    assert stage_words("transform (decompose)") == "wordings: its parts"
    assert stage_words("embed (all-MiniLM-L6-v2)") == "embedding: all-MiniLM-L6-v2"
    assert not any(re.search(r"llm-|yes-no", stage_words(name)) for name in RERANKS)


def test_what_is_not_known_stays_as_it_is() -> None:
    assert method_words("all-MiniLM-L6-v2") == "all-MiniLM-L6-v2"
    assert part_words("without fact check") == "without fact check"
    assert stage_words("of another version") == "of another version"
