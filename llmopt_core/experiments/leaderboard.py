"""Runs side by side: each against a baseline, on the examples both have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.catalogue import METRICS
from llmopt_core.experiments.training_overlap import fair
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Run, RunScores
from llmopt_core.statistics.intervals import Summary, summarize
from llmopt_core.statistics.paired import Comparison, compare_family

Values = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """The values of one run by metric and example.

    Attributes:
        total: How many examples the run was meant to have; those without a value count as not scored.
        run_id: None where the values come from a file.
        seen: How many of its questions its tuned parts were trained on.
    """

    name: str
    total: int
    scores: RunScores
    run_id: int | None = None
    seen: int = 0

    def aligned(self, metric: str, examples: Sequence[str]) -> Values:
        """The metric's values for these examples, None where there is none."""
        values = dict(zip(self.scores.examples, self.scores.values.get(metric, ()), strict=False))
        return tuple(values.get(example) for example in examples)


@dataclass(frozen=True, slots=True)
class Cell:
    """One metric of one run.

    Attributes:
        versus: Against the baseline; None for the baseline itself and where no example has both values. `p_value` and
            `verdict` are adjusted (Holm) for the number of configurations that this metric compares with the baseline.
    """

    summary: Summary
    versus: Comparison | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One configuration on the leaderboard."""

    name: str
    run_id: int | None
    is_baseline: bool
    cells: dict[str, Cell]


def scored_runs(store: Store, runs: Sequence[Run]) -> list[Scored]:
    """The values of stored runs, read at once."""
    from llmopt_core.experiments.training_sources import overlap_of

    tables = store.scores([run.id for run in runs])
    return [Scored(run.name, run.total, tables[run.id], run.id, overlap_of(store, run).seen) for run in runs]


def leaderboard(runs: Sequence[Scored], metrics: Sequence[str], baseline: int = 0) -> list[Row]:
    """One row per run, in the given order.

    Args:
        runs: Of the same evaluation set; examples are matched by id.
        metrics: Columns.
        baseline: Position in `runs` of the one the others are compared with.
    """
    if not runs:
        return []
    columns = {metric: _column(runs, metric, baseline) for metric in metrics}
    return [
        Row(run.name, run.run_id, i == baseline, {metric: columns[metric][i] for metric in metrics})
        for i, run in enumerate(runs)
    ]


def compare_runs(a: Scored, b: Scored, metric: str) -> Comparison:
    """Run `b` against the baseline `a`.

    Raises:
        BadInput: They have no example in common.
    """
    if not set(a.scores.examples) & set(b.scores.examples):
        raise BadInput(f"{a.name} and {b.name} have no example in common; compare runs of the same evaluation set.")
    examples = tuple(dict.fromkeys((*a.scores.examples, *b.scores.examples)))
    columns = ((a.aligned(metric, examples), b.aligned(metric, examples)),)
    return fair_between(_compared(columns, higher_is_better(metric))[0], a, b)


def fair_between(comparison: Comparison, a: Scored, b: Scored) -> Comparison:
    """See `fair`; `b` is compared with the baseline `a`."""
    return fair(comparison, a_seen=a.seen > 0, b_seen=b.seen > 0)


def higher_is_better(metric: str) -> bool:
    """The direction of a metric; a check that is not in the catalogue passes with 1."""
    return METRICS[metric].higher_is_better if metric in METRICS else True


def baseline_position(names: Sequence[str]) -> int:
    """Which run others are compared with by default: the one named `baseline`, else the first."""
    return next((i for i, name in enumerate(names) if name.casefold() == "baseline"), 0)


def _column(runs: Sequence[Scored], metric: str, baseline: int) -> list[Cell]:
    base = runs[baseline]
    higher = higher_is_better(metric)
    examples = base.scores.examples
    first = base.aligned(metric, examples)
    others = [i for i in range(len(runs)) if i != baseline]
    found = _compared(tuple((first, runs[i].aligned(metric, examples)) for i in others), higher)
    versus = {i: fair_between(one, base, runs[i]) for i, one in zip(others, found, strict=True) if one.pairs}
    return [_cell(run, metric, versus.get(i)) for i, run in enumerate(runs)]


def _cell(run: Scored, metric: str, versus: Comparison | None) -> Cell:
    values = tuple(run.scores.values.get(metric, ()))
    missing = (None,) * max(0, run.total - len(values))
    return Cell(_summary((*values, *missing)), versus)


# The same finished runs are asked for on every rerun of a page.
@lru_cache(maxsize=4096)
def _summary(values: Values) -> Summary:
    return summarize(values)


@lru_cache(maxsize=4096)
def _compared(columns: tuple[tuple[Values, Values], ...], higher: bool) -> list[Comparison]:
    return compare_family(columns, higher)
