"""Whether the answers of a cell passed or failed, in the sense of somebody who reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmopt_core.evaluation.assertions.columns import assertions_of, labels
from llmopt_core.evaluation.assertions.spec import AssertionSpec
from llmopt_core.experiments.grading import ASSERTIONS
from llmopt_core.experiments.run_scores import higher_is_better
from llmopt_core.types import Record, Score


@dataclass(frozen=True, slots=True)
class Outcome:
    """Passed, failed, or None where nothing tells; `word` says it, and how many of the repeats it holds for."""

    passed: bool | None = None
    word: str = ""


def outcome_of(records: Sequence[Record | None], metrics: Sequence[str] = ()) -> Outcome:
    """What the answers of one cell come to. A cell fails where one of its answers does.

    An answer fails where it did not come, where it is empty or did not pass its assertions, and where no assertion
    decides and a metric gives it the worst value there is.

    Args:
        records: Of every repeat; None for one that is not there yet.
        metrics: Those that decide where no assertion does.
    """
    # No word: nothing can be told of this answer yet.
    outcomes = [one for record in records if record is not None for one in [_outcome(record, metrics)] if one.word]
    failures = [one for one in outcomes if one.passed is False]
    if not outcomes:
        return Outcome()
    if not failures:
        return Outcome(True, "Passed")
    # Out of all that were asked for, not only of those that have come.
    if len(failures) < len(records):
        return Outcome(False, f"{len(failures)} of {len(records)} failed")
    # One word for all, or the plain one.
    return failures[0] if len({one.word for one in failures}) == 1 else Outcome(False, "Failed")


def assertions_in(record: Record) -> list[tuple[AssertionSpec, Score]]:
    """The record's assertions with their scores."""
    specs = assertions_of(record.example)
    pairs = zip(specs, labels(specs), strict=True)
    return [(spec, record.scores[name]) for spec, name in pairs if name in record.scores]


def passes_assertions(record: Record | None) -> bool | None:
    """Whether an answer passed its assertions; None where there are none, or that is not known."""
    if record is None or record.failure is not None or ASSERTIONS not in record.scores:
        return None
    return record.scores[ASSERTIONS].passed


def is_blank(record: Record) -> bool:
    """Whether an answer came without a word where no assertion that it passed could want none."""
    # Not run is no empty answer, and one without a record is none yet.
    if record.failure is not None or record.not_run or record.answer is None or record.answer.text.strip():
        return False
    return not any(score.passed and _may_want_none(spec) for spec, score in assertions_in(record))


def _may_want_none(spec: AssertionSpec) -> bool:
    # What an answer must not hold, how long or dear it may be: an empty one passes that without being meant.
    return not spec.negate and (
        spec.type in {"regex", "llm-rubric"} or (spec.type == "length" and spec.value.get("max") == 0)
    )


def _outcome(record: Record, metrics: Sequence[str]) -> Outcome:
    if record.failure is not None:
        # A stopped answer says nothing about the model.
        return Outcome() if record.failure.kind == "cancelled" else Outcome(False, "Failed")
    verdict = passes_assertions(record)
    # Before the verdict: most assertions pass on an empty text without anybody having meant that.
    if verdict is not False and is_blank(record):
        return Outcome(False, "Empty")
    if record.not_run or verdict is not None:
        return Outcome() if verdict is None else Outcome(verdict, "Passed" if verdict else "Failed")
    # Metrics decide only here, without assertions; only their worst value, since no border of good is known.
    worst = any(_at_worst(metric, record.scores[metric].value) for metric in metrics if metric in record.scores)
    return Outcome(False, "Worst score") if worst else Outcome()


def _at_worst(metric: str, value: float | None) -> bool:
    if value is None:
        return False
    # Values of metrics lie between 0 and 1.
    return value <= 0 if higher_is_better(metric) else value >= 1
