import pytest

from llmopt_core.errors import BadInput
from llmopt_core.labs.documents.question_table import apply_edits, merge_edits, table_row
from llmopt_core.types import EvaluationSet, Example, Span

LENGTHS = {"guide.md": 100, "prices (2024).md": 40}
ONE = Example("q1", "When?", "1887", (Span("guide.md", 3, 9),), "date", {"level": 2})
TWO = Example("q2", "Who?", "Birch", (Span("prices (2024).md", 0, 40), Span("guide.md", 0, 5)),
              variables={"right_answers": ["Birch", "Eugenius Birch"]})  # fmt: skip
SET = EvaluationSet("s", (ONE, TWO))


def row(example: Example = ONE, **changes: object) -> dict[str, object]:
    return {**table_row(example, LENGTHS), **changes}


def edited(edits, questions: EvaluationSet = SET, base: EvaluationSet | None = None) -> dict[str, Example]:
    return {example.id: example for example in apply_edits(questions, edits, LENGTHS, base)[0].examples}


def test_a_row_shows_what_is_known_of_a_question() -> None:
    assert table_row(TWO, LENGTHS) == {
        "question": "Who?", "reference": "Birch", "more": ["Eugenius Birch"], "category": "",
        "sources": "prices (2024).md; guide.md 0-5",
    }  # fmt: skip


def test_rows_that_are_as_they_were_change_nothing() -> None:
    assert apply_edits(SET, {"q1": row(), "q2": row(TWO)}, LENGTHS)[0] == SET


def test_every_column_can_be_changed_and_the_variables_stay() -> None:
    variant = row(
        question="When did it open?", reference="1888", more=["in 1888"], category="", sources="prices (2024).md"
    )
    assert edited({"q1": variant})["q1"] == Example(
        "q1", "When did it open?", "1888", (Span("prices (2024).md", 0, 40),), None,
        {"level": 2, "right_answers": ["1888", "in 1888"]},
    )  # fmt: skip


@pytest.mark.parametrize(
    "text", ["guide.md 3-9; guide.md 20-30", "guide.md 3\u20139;guide.md  20 - 30;", "guide.md 3-9\nguide.md 20-30"]
)
def test_sources_are_read_as_people_type_them(text: str) -> None:
    assert edited({"q1": row(sources=text)})["q1"].references == (Span("guide.md", 3, 9), Span("guide.md", 20, 30))


def test_a_source_that_was_not_touched_stays_though_its_document_is_gone() -> None:
    gone = EvaluationSet("s", (Example("q1", "When?", None, (Span("gone.md", 0, 5),)),))
    values = {**table_row(gone.examples[0], LENGTHS), "reference": "1887"}
    assert edited({"q1": values}, gone)["q1"].references == (Span("gone.md", 0, 5),)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"question": "  "}, r"The row q1 has no question \(1887\)"),
        ({"sources": "gone.md"}, r"The row q1 \(When\?\): there is no document gone\.md; the project has guide\.md"),
        ({"sources": "guide.md 90-101"}, r"guide\.md 90-101 is no place in guide\.md, which has 100 characters"),
        ({"sources": "guide.md 9-3"}, r"guide\.md 9-3 is no place"),
        ({"category": "a\ud800"}, "cannot be used"),
    ],
)
def test_what_cannot_be_used_names_its_row(changes: dict[str, str], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        edited({"q1": row(**changes)})


def test_rows_are_added_and_taken_out() -> None:
    result = edited({"new-a-0": {"question": "How long?", "reference": "520 m"}, "new-a-1": {}, "q1": None})
    assert list(result) == ["q2", "q3"]
    assert (result["q3"].question, result["q3"].reference) == ("How long?", "520 m")


def test_the_last_question_stays() -> None:
    with pytest.raises(BadInput, match="No question would be left"):
        edited({"q1": None, "q2": None})


def test_what_others_saved_meanwhile_stays_and_the_same_question_is_told() -> None:
    newest = EvaluationSet("s", (Example("q1", "When exactly?", "1887"), TWO, Example("q3", "How long?")))
    found, notes = apply_edits(newest, {"q1": row(reference="1888"), "new-a-0": {"question": "Where?"}}, LENGTHS, SET)
    assert [(one.id, one.question) for one in found.examples] == [
        ("q1", "When?"), ("q2", "Who?"), ("q3", "How long?"), ("q4", "Where?"),
    ]  # fmt: skip
    assert notes == ("q1 was changed meanwhile; it is as you typed it.",)
    removed = EvaluationSet("s", (TWO,))
    again, notes = apply_edits(removed, {"q1": row(reference="1888")}, LENGTHS, SET)
    assert ([one.question for one in again.examples], notes) == (
        ["Who?", "When?"],
        ("q1 was removed meanwhile and is added again.",),
    )


def test_edits_of_two_tables_come_together() -> None:
    theirs = {"q2": row(TWO, category="who"), "new-b-0": {"question": "Where?"}}
    own = {"q1": row(category="when"), "new-a-0": {"question": "How long?"}}
    merged = merge_edits(theirs, own, SET, LENGTHS, "new-a-")
    assert set(merged) == {"q1", "q2", "new-a-0", "new-b-0"}
    # What was typed back and a row that was deleted again are no edits any more; those of the other table stay.
    assert set(merge_edits(merged, {"q1": row()}, SET, LENGTHS, "new-a-")) == {"q2", "new-b-0"}
