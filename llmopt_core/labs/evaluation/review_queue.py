"""Which records are read, and in which order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from llmopt_core.labs.evaluation.failure_kinds import FAILURE_KINDS, Diagnosis

Order = Literal["failures", "flips", "set"]
_UNKNOWN = len(FAILURE_KINDS)


def review_queue(
    diagnoses: Sequence[Diagnosis],
    order: Order = "failures",
    other: Sequence[Diagnosis] = (),
    only: Collection[str] | None = None,
) -> list[str]:
    """The ids of the examples whose records are read.

    Args:
        diagnoses: Of the configuration whose records are read, in the order of the set.
        order: `failures` first, of one cause together, then what nobody can tell, then what passed; the `flips` alone,
            on which one of two configurations passed, those first that this one lost; or as in the `set`.
        other: Of the configuration that `flips` are against.
        only: The ids that are wanted; all by default.
    """
    records = [one for one in diagnoses if only is None or one.example_id in only]
    if order == "flips":
        outcomes = {one.example_id: one.passed for one in other}
        records = [one for one in records if _is_flip(one.passed, outcomes.get(one.example_id))]
    if order != "set":
        # The sort is stable: equal ones stay in the order of the set.
        records.sort(key=_urgency)
    return [one.example_id for one in records]


def flip_counts(one: Sequence[Diagnosis], other: Sequence[Diagnosis]) -> tuple[int, int]:
    """On how many examples only the first passed, and only the second."""
    outcomes: Mapping[str, bool | None] = {item.example_id: item.passed for item in other}
    pairs = [(item.passed, outcomes.get(item.example_id)) for item in one]
    return pairs.count((True, False)), pairs.count((False, True))


def _is_flip(one: bool | None, other: bool | None) -> bool:
    return one is not None and other is not None and one != other


def _urgency(record: Diagnosis) -> tuple[int, int]:
    place = {False: 0, None: 1, True: 2}[record.passed]
    return place, FAILURE_KINDS.index(record.first) if record.first else _UNKNOWN
