"""Runs side by side: each against a baseline, on the questions that both answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from llmopt_core.errors import BadInput
from llmopt_core.experiments.comparison_family import Family, family_of
from llmopt_core.experiments.run_scores import (
    RunScoreTable,
    Values,
    common_examples,
    higher_is_better,
    pair_runs,
    qualify_comparison,
)
from llmopt_core.reporting.formatting import number
from llmopt_core.statistics.clusters import summarize_clusters
from llmopt_core.statistics.intervals import Summary
from llmopt_core.statistics.paired_comparison import Comparison


@dataclass(frozen=True, slots=True)
class Cell:
    """One metric of one run.

    Attributes:
        versus: Against the baseline; None for the baseline itself and where no example has both values. `p_value` and
            `verdict` are adjusted (Holm) for all comparisons that are tested together, see `family`.
        apart: Whether the mean and the baseline's stand over other questions than those that both answered.
    """

    summary: Summary
    versus: Comparison | None = None
    apart: bool = False

    @property
    def note(self) -> str:
        """What both come to on the questions that both answered, where their means stand over others; else empty."""
        if not self.apart or self.versus is None:
            return ""
        means = f"{number(self.versus.before)} → {number(self.versus.after)}"
        return f"on the {self.versus.pairs:,} that both answered: {means}"


@dataclass(frozen=True, slots=True)
class Row:
    """One configuration on the leaderboard."""

    name: str
    run_id: int | None
    is_baseline: bool
    cells: dict[str, Cell]


def leaderboard(
    runs: Sequence[RunScoreTable],
    metrics: Sequence[str],
    baseline: int = 0,
    family: Family | None = None,
    margin: float | None = None,
) -> list[Row]:
    """One row per run, in the given order.

    Args:
        runs: Of the same evaluation set; examples are matched by id and content.
        metrics: Columns.
        baseline: Position in `runs` of the one the others are compared with.
        family: What their comparisons are tested together with; that of these runs by default.
        margin: Differences below it do not matter, as of `PairedSample.scale_margin`; by default the usual one.
    """
    if not runs:
        return []
    base = runs[baseline]
    columns: dict[str, list[Cell]] = {}
    for metric in metrics:
        test_family = family or family_of(runs, [metric])
        columns[metric] = [
            _cell(base, run, metric, test_family, margin, is_baseline=i == baseline) for i, run in enumerate(runs)
        ]
    return [
        Row(run.name, run.run_id, i == baseline, {metric: columns[metric][i] for metric in metrics})
        for i, run in enumerate(runs)
    ]


def compare_runs(
    a: RunScoreTable, b: RunScoreTable, metric: str, family: Family | None = None, margin: float | None = None
) -> Comparison:
    """Run `b` against the baseline `a`, on the questions that both answered.

    Args:
        a: The baseline.
        b: What is compared with it.
        metric: By which metric.
        family: What this comparison is tested together with; nothing by default.
        margin: Differences below it do not matter, as of `PairedSample.scale_margin`; by default the usual one.

    Raises:
        BadInput: They have no example in common.
    """
    if not common_examples(a, b):
        raise BadInput(f"{a.name} and {b.name} have no example in common; compare runs of the same evaluation set.")
    return _compare(a, b, metric, family, margin)


def _compare(
    a: RunScoreTable, b: RunScoreTable, metric: str, family: Family | None, margin: float | None
) -> Comparison:
    others = family.others(metric, a.name, b.name) if family else []
    sample = pair_runs(a, b, metric)
    scaled_margin = sample.scale_margin(margin) if margin is not None and sample.test else margin
    comparison = sample.compare(higher_is_better(metric), others=others, margin=scaled_margin)
    return qualify_comparison(comparison, a, b, metric)


def _cell(
    base: RunScoreTable, run: RunScoreTable, metric: str, family: Family, margin: float | None, *, is_baseline: bool
) -> Cell:
    summary = summarize_run(run, metric)
    versus = None if is_baseline else _compare(base, run, metric, family, margin)
    if versus is None or not versus.pairs:
        return Cell(summary)
    is_partial = versus.pairs < max(summary.scored, summarize_run(base, metric).scored)
    return Cell(summary, versus, is_partial)


def summarize_run(run: RunScoreTable, metric: str) -> Summary:
    """The mean of a run with its interval, by whole documents where its questions share them."""
    values = _values(run, metric)
    if not run.clusters:
        return _summary(values, None)
    names = [*run.scores.examples, *(f"unasked {number}" for number in range(len(values)))][: len(values)]
    return _summary(values, tuple(run.clusters.get(name, f"question {name}") for name in names))


def _values(run: RunScoreTable, metric: str) -> Values:
    values = tuple(run.scores.values.get(metric, ()))
    # Examples without a record yet count as not scored.
    return (*values, *(None,) * max(0, run.total - len(values)))


# The same finished runs are asked for on every rerun of a page.
@lru_cache(maxsize=4096)
def _summary(values: Values, clusters: tuple[str, ...] | None) -> Summary:
    return summarize_clusters(values, clusters)
