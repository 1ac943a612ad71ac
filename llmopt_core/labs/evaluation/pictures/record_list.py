"""Which records of a run lie behind a mark of a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llmopt_core.experiments.run_scores import RunScoreTable, higher_is_better
from llmopt_core.labs.evaluation.pictures.score_bands import Band, float_array


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One record: its score by one metric, None with `failed` where the answer failed, else where it has none."""

    example_id: str
    category: str
    value: float | None
    failed: bool = False


def list_records(
    run: RunScoreTable,
    metric: str,
    categories: Mapping[str, str],
    *,
    band: Band | None = None,
    category: str | None = None,
) -> list[RecordRow]:
    """The records of a run, those without a score first and then the worst scores first.

    Args:
        run: Whose records.
        metric: By which score they are ordered and chosen.
        categories: Example id -> its category, empty where it has none.
        band: Only those whose score lies in it.
        category: Only those of it.
    """
    values = run.align(metric, run.scores.examples)
    inside = [True] * len(values) if band is None else band.holds(float_array(values)).tolist()
    rows = [
        RecordRow(example, categories.get(example, ""), value, example in run.scores.failures)
        for example, value, is_inside in zip(run.scores.examples, values, inside, strict=True)
        if is_inside
    ]
    wanted = [row for row in rows if category is None or row.category == category]
    worst = 1 if higher_is_better(metric) else -1
    # The order is stable: equal ones stay in the order of the set.
    return sorted(wanted, key=lambda row: (row.value is not None, worst * (row.value or 0.0)))
