"""How often each kind of failure comes, by configuration and category, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llmopt_core.labs.evaluation.failure_kinds import FAILURE_KINDS, Diagnosis, FailureKind
from llmopt_core.statistics.intervals import Rate, rate
from llmopt_core.types.grouping import group_values


@dataclass(frozen=True, slots=True)
class KindCount:
    """How often a kind came.

    Attributes:
        category: None for all categories together; empty for the examples without one.
        kind: None for failures of which no kind could be told.
        rate: Over the records of which it is known whether they failed, with Wilson's interval; `total` counts the
            others too.
        example_ids: Which records.
    """

    configuration: str
    category: str | None
    kind: FailureKind | None
    rate: Rate
    example_ids: tuple[str, ...]


def count_kinds(
    diagnoses: Mapping[str, Sequence[Diagnosis]], *, by_category: bool = False, first_only: bool = False
) -> list[KindCount]:
    """One count per configuration, category and kind, those of nothing included.

    Args:
        diagnoses: By configuration.
        by_category: Whether each category is counted for itself.
        first_only: Whether a record counts for its likely cause alone, so that the counts add up to the failures.
    """
    return [
        _count(name, category, kind, group, first_only)
        for name, records in diagnoses.items()
        for category, group in _groups(records, by_category).items()
        for kind in (*FAILURE_KINDS, None)
    ]


def _groups(records: Sequence[Diagnosis], by_category: bool) -> dict[str | None, list[Diagnosis]]:
    if not by_category:
        return {None: list(records)}
    return dict(sorted(group_values((record.category or "", record) for record in records).items()))


# Five arguments: what names a count, and what it is of.
def _count(
    name: str, category: str | None, kind: FailureKind | None, records: Sequence[Diagnosis], first_only: bool
) -> KindCount:
    matches = [_matches(record, kind, first_only) for record in records]
    example_ids = tuple(record.example_id for record, match in zip(records, matches, strict=True) if match)
    return KindCount(name, category, kind, rate(matches), example_ids)


def _matches(record: Diagnosis, kind: FailureKind | None, first_only: bool) -> bool | None:
    if record.passed is None:
        return None
    if kind is None:
        return not record.passed and not record.kinds
    return record.first == kind if first_only else kind in record.kinds
