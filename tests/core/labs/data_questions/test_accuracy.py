"""Accuracy of data questions, seen from several sides."""

from __future__ import annotations

from llmopt_core.evaluation.sample import UNPROVABLE
from llmopt_core.labs.data_questions.accuracy import accuracy, accuracy_by_level, comparator_rows, unprovable
from llmopt_core.types import Answer, Example, Record, Score


def _record(name: str, ours: float | None, bird: float | None, kind: str = "") -> Record:
    example = Example(name, f"Question {name}?", variables={"sql": "SELECT count(*) FROM t"})
    scores = {
        "execution_accuracy": Score(
            "execution_accuracy", ours, failure="why" if ours is None else "", failure_kind=kind
        ),
        "bird_accuracy": Score("bird_accuracy", bird, failure="" if bird is not None else "why"),
    }
    return Record(example, Answer("1"), scores=scores)


RECORDS = [
    _record("a", 1.0, 1.0),
    _record("b", 0.0, 1.0),
    _record("c", None, 1.0, UNPROVABLE),
    _record("d", None, None),
]


def test_what_proves_nothing_is_counted_apart_and_doubtful_golds_can_be_left_out() -> None:
    assert unprovable(RECORDS) == ["c"]
    assert (accuracy(RECORDS).mean, accuracy(RECORDS).scored) == (0.5, 2)
    assert accuracy(RECORDS, {"b"}).mean == 1.0
    assert {level: one.total for level, one in accuracy_by_level(RECORDS, "sqlite").items()} == {"easy": 4}
    assert [row.example_id for row in comparator_rows(RECORDS) if row.is_disputed] == ["b"]
