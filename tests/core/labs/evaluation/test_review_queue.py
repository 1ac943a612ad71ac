"""The order in which records are read."""

from llmopt_core.labs.evaluation.failure_kinds import Diagnosis, FailureKind
from llmopt_core.labs.evaluation.review_queue import flip_counts, review_queue


def record(name: str, passed: bool | None, kind: FailureKind | None = None) -> Diagnosis:
    return Diagnosis(name, None, passed, {kind: "so"} if kind else {})


A = [
    record("right", True),
    record("open", None),
    record("unused", False, "not-used"),
    record("unknown", False),
    record("lost", False, "not-retrieved"),
    record("unused too", False, "not-used"),
]
B = [record("right", False, "error"), record("open", True), record("unused", True), record("lost", False, "refused")]


def test_failures_come_first_by_cause_then_what_nobody_can_tell() -> None:
    assert review_queue(A) == ["lost", "unused", "unused too", "unknown", "open", "right"]


def test_flips_are_what_one_of_the_two_got_right_and_losses_come_first() -> None:
    assert review_queue(A, "flips", B) == ["unused", "right"]
    assert flip_counts(A, B) == (1, 1)
    assert review_queue(A, "flips") == []


def test_as_in_the_set_and_a_part_of_it() -> None:
    assert review_queue(A, "set") == [one.example_id for one in A]
    assert review_queue(A, "failures", only={"open", "unused"}) == ["unused", "open"]
