"""Accuracy of a run of data questions, by difficulty, by comparator, and on the golds that an audit trusts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from llmopt_core.databases.comparison.difficulty import LEVELS, Level, difficulty
from llmopt_core.evaluation.sample import UNPROVABLE
from llmopt_core.statistics.intervals import Summary, summarize
from llmopt_core.types import Record

EXECUTION = "execution_accuracy"
COMPARATORS: Mapping[str, str] = {
    EXECUTION: "Ours",
    "spider_accuracy": "Spider",
    "bird_accuracy": "BIRD",
    "spider2_accuracy": "Spider 2",
    "defog_accuracy": "Defog",
}
"""Metric -> who compares by it."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What the comparators say of one answer.

    Attributes:
        verdicts: By metric; None where it says nothing.
        sql: The query that was compared.
    """

    example_id: str
    question: str
    verdicts: Mapping[str, float | None]
    sql: str = ""

    @property
    def is_disputed(self) -> bool:
        """Whether two of them say different things."""
        return len({value for value in self.verdicts.values() if value is not None}) > 1


def accuracy(records: Sequence[Record], without: Collection[str] = ()) -> Summary:
    """Execution accuracy, without the questions of these ids."""
    return summarize([_value(one, EXECUTION) for one in records if one.example.id not in without])


def unprovable(records: Sequence[Record]) -> list[str]:
    """The questions whose right result and the model's are both empty, which proves nothing."""
    return [one.example.id for one in records if EXECUTION in one.scores and _is_unprovable(one)]


def accuracy_by_level(records: Sequence[Record], dialect: str) -> dict[Level, Summary]:
    """Execution accuracy by the difficulty (Spider's rules) of the right query; levels of no question are left out."""
    values: dict[Level, list[float | None]] = {level: [] for level in LEVELS}
    for record in records:
        golds = record.example.gold_queries
        level = difficulty(golds[0], dialect) if golds else None
        if level is not None:
            values[level].append(_value(record, EXECUTION))
    return {level: summarize(found) for level, found in values.items() if found}


def comparator_rows(records: Sequence[Record]) -> list[Disagreement]:
    """Each answer with the verdicts of the comparators that it was scored by."""
    names = [name for name in COMPARATORS if any(name in record.scores for record in records)]
    return [
        Disagreement(
            record.example.id, record.example.question, {name: _value(record, name) for name in names},
            record.answer.data.sql if record.answer is not None and record.answer.data is not None else "",
        )
        for record in records
        if record.failure is None
    ]  # fmt: skip


def _value(record: Record, metric: str) -> float | None:
    return record.scores[metric].value if metric in record.scores else None


def _is_unprovable(record: Record) -> bool:
    score = record.scores[EXECUTION]
    return score.value is None and score.failure_kind == UNPROVABLE
