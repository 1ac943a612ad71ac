"""Setting references, and reading a reviewed table back."""

from __future__ import annotations

from typing import Any

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.labs.documents.question_writing.review import candidates_of_rows, places_of, with_edits
from llmopt_core.labs.documents.reference_spans import coverage, with_references
from llmopt_core.types import Document, EvaluationSet, Example, Span

DOCUMENT = Document("a.txt", "The harbour was built in 1712.")


def row(**values: Any) -> dict[str, Any]:
    usual = {"keep": True, "question": "When?", "answer": "1712", "quote": "built in 1712", "document": "a.txt"}
    return {**usual, "start": 16, "end": 29, "match": 1.0, **values}


def test_a_reviewed_row_keeps_its_place_and_an_edited_quote_is_looked_up() -> None:
    same, edited = candidates_of_rows([row(), row(quote="harbour was built"), row(keep=False, question="")], [DOCUMENT])
    assert same.span == Span("a.txt", 16, 29)
    assert edited.span == Span("a.txt", 4, 21)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"question": "  "}, "Row 1 has no question"),
        ({"quote": "seven purple elephants"}, "Row 1: the quote does not stand in a.txt"),
        ({"document": "gone.txt"}, "Row 1: the document gone.txt is gone"),
        ({"question": None}, "Row 1 has no question"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        candidates_of_rows([row(**changes)], [DOCUMENT])


def test_references_are_set_once_each_and_counted() -> None:
    questions = EvaluationSet("set", (Example("a", "A?"), Example("b", "B?", None, (Span("a.txt", 25, 90),))))
    variant = with_references(questions, "a", [Span("a.txt", 0, 3), Span("a.txt", 0, 3)])
    assert variant.examples[0].references == (Span("a.txt", 0, 3),)
    result = coverage(variant.examples, {"a.txt": 30})
    assert (result.complete, result.missing, result.broken) == (1, 0, ("b",))
    with pytest.raises(BadInput, match="no question z"):
        with_references(questions, "z", [])


def test_what_two_people_edit_in_a_review_is_both_kept_and_a_closed_review_stays_closed() -> None:
    draft = {"rows": [row(), row(quote="harbour was built")], "passages": 2}
    places = places_of(draft)
    first = with_edits(draft, places, {0: {"question": "One?"}})
    both = with_edits(first, places, {1: {"keep": False}})
    assert both is not None
    assert [(one["question"], one["keep"]) for one in both["rows"]] == [
        ("One?", True), (draft["rows"][1]["question"], False)
    ]  # fmt: skip
    assert both["passages"] == 2
    assert with_edits(None, places, {0: {"question": "Too late?"}}) is None
    assert with_edits({"rows": [row()]}, places, {0: {"question": "Another draft?"}}) is None
