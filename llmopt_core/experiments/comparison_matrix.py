"""Every configuration against every other by one metric, corrected over all of the pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from llmopt_core.experiments.comparison_family import describe_unit
from llmopt_core.experiments.result import comparison_values
from llmopt_core.experiments.run_scores import (
    RunScoreTable,
    higher_is_better,
    pair_clusters,
    qualify_comparison,
)
from llmopt_core.statistics.many_pairs import make_samples
from llmopt_core.statistics.paired_comparison import Comparison, compare_samples
from llmopt_core.statistics.verdict import Verdict

_OPPOSITE: Mapping[Verdict, Verdict] = {"better": "worse", "worse": "better"}


@dataclass(frozen=True, slots=True)
class Matrix:
    """All pairs of configurations by one metric.

    Attributes:
        names: Of the configurations, in order.
        pairs: (first, second) -> the second against the first, each pair once and in the order of `names`.
        unit: What is tested as one, in words.
    """

    metric: str
    names: tuple[str, ...]
    pairs: Mapping[tuple[str, str], Comparison]
    unit: str

    @property
    def family(self) -> str:
        """What is corrected over, in words."""
        count = sum(one.pairs > 0 for one in self.pairs.values())
        return (
            f"Corrected over all {count:,} pairs of {len(self.names)} configurations (Holm: the more pairs, the more "
            "evidence each needs)."
        )

    def verdict(self, row: str, column: str) -> Verdict | None:
        """The word for the row's configuration against the column's; None on the diagonal and without pairs."""
        comparison = self.pairs.get((column, row))
        if comparison is not None:
            return comparison.verdict if comparison.pairs else None
        reverse = self.pairs.get((row, column))
        if reverse is None or not reverse.pairs:
            return None
        return _OPPOSITE.get(reverse.verdict, reverse.verdict)

    def inside_judge_noise(self, row: str, column: str) -> bool:
        """Whether the judge alone may make the difference of these two."""
        comparison = self.pairs.get((column, row)) or self.pairs.get((row, column))
        return comparison is not None and comparison.inside_judge_noise

    def difference(self, row: str, column: str) -> float | None:
        """The row's mean minus the column's, over the questions that both answered."""
        comparison, reverse = self.pairs.get((column, row)), self.pairs.get((row, column))
        if comparison is not None:
            return comparison.difference
        return None if reverse is None or reverse.difference is None else -reverse.difference


def compare_all(runs: Sequence[RunScoreTable], metric: str, margin: float | None = None) -> Matrix:
    """Every pair of runs, tested together.

    Args:
        runs: Of the same questions; each pair is compared on those that both answered.
        metric: By which metric.
        margin: Differences below it do not matter; by default as of `compare_pairs`.
    """
    pairs = list(combinations(range(len(runs)), 2))
    examples = sorted({example for run in runs for example in run.scores.examples})
    columns = [np.array([np.nan if v is None else v for v in run.align(metric, examples)]) for run in runs]
    contents = [np.array([run.contents.get(example, "") for example in examples]) for run in runs]
    clusters = [pair_clusters(run, run, examples) for run in runs]
    labels = next((one for one in clusters if one is not None), None)
    samples = make_samples(
        # Another question under the same id is no pair.
        [(np.where(contents[i] == contents[j], columns[i], np.nan), columns[j]) for i, j in pairs],
        clusters=labels,
    )
    comparisons = compare_samples(samples, higher_is_better(metric), margin)
    fair = [qualify_comparison(one, runs[i], runs[j], metric) for one, (i, j) in zip(comparisons, pairs, strict=True)]
    names = tuple(run.name for run in runs)
    return Matrix(
        metric,
        names,
        {(names[i], names[j]): one for (i, j), one in zip(pairs, fair, strict=True)},
        describe_unit(runs),
    )


def matrix_values(matrices: Sequence[Matrix]) -> dict[str, Any]:
    """Matrices of the same runs as plain values, one per metric.

    `comparisons` has each pair once with its numbers; `verdicts` by metric the words of rows against columns, both in
    the order of `configurations`, None on the diagonal and without pairs. Each metric is a family of its own.
    """
    first = matrices[0]
    return {
        "configurations": list(first.names),
        "metrics": [one.metric for one in matrices],
        "family": {"kind": "all pairs", "size": len(first.pairs), "words": first.family},
        "unit": first.unit,
        "verdicts": {
            one.metric: [[one.verdict(row, column) for column in one.names] for row in one.names] for one in matrices
        },
        "comparisons": [
            {"metric": one.metric, "a": a, "b": b, **comparison_values(pair)}
            for one in matrices
            for (a, b), pair in one.pairs.items()
        ],
    }
