"""Names that the app gives say what is inside."""

from __future__ import annotations

import pytest

from llmopt_core.experiments.descriptive_names import configuration_name, question_set_name

_RAG = {"chunking": {"method": "recursive", "size": 200}, "search": {"method": "hybrid"}, "top_k": 5}


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"retrieval": _RAG}, "rag · recursive 200 · hybrid · top 5"),
        (
            {"retrieval": {**_RAG, "rerank": {"method": "cross-encoder"}, "transform": {"method": "hyde"}}},
            "rag · recursive 200 · hybrid · hyde · cross-encoder · top 5",
        ),
        (
            {"model": {"name": "gpt-x"}, "prompt": {"few_shot": {"examples": [1, 2]}}},
            "prompt alone · 2 examples · gpt-x",
        ),
        ({}, "prompt alone"),
    ],
)
def test_a_configuration_is_named_by_what_it_does(values: dict[str, object], name: str) -> None:
    assert configuration_name(values) == name
    assert configuration_name(values, [name, f"{name} (2)"]) == f"{name} (3)"


def test_written_questions_are_named_by_their_documents() -> None:
    assert question_set_name(["handbook.pdf", "handbook.pdf"]) == "questions of handbook.pdf"
    assert question_set_name(["a.md", "b.md", "c.md", "d.md"]) == "questions of a.md, b.md and 2 more"
    assert len(question_set_name(["long" * 100])) <= 120
