"""Two runs against each other: by the whole, by category, and question by question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llmopt_core.experiments.comparison_family import Family
from llmopt_core.experiments.flips import Flips, list_flips
from llmopt_core.experiments.leaderboard import compare_runs, leaderboard
from llmopt_core.experiments.run_scores import (
    RunScoreTable,
    common_examples,
    higher_is_better,
    pair_clusters,
    qualify_comparison,
)
from llmopt_core.statistics.intervals import Summary
from llmopt_core.statistics.paired_comparison import Comparison, PairedSample, compare_samples
from llmopt_core.types.grouping import group_values

NO_CATEGORY = ""


@dataclass(frozen=True, slots=True)
class HeadToHead:
    """The second run against the first by one metric.

    Attributes:
        means: Of each, over what it was asked.
        comparison: Over what both answered, tested together with its family.
        categories: By category, tested together with each other; empty where all questions have the same.
        flips: The questions on which they differ.
    """

    means: tuple[Summary, Summary]
    comparison: Comparison
    categories: Mapping[str, Comparison]
    flips: Flips


def head_to_head(  # noqa: PLR0917
    first: RunScoreTable,
    second: RunScoreTable,
    metric: str,
    categories: Mapping[str, str],
    family: Family | None = None,
    margin: float | None = None,
) -> HeadToHead:
    """Compare two runs in all ways.

    Args:
        first: What the other is compared with.
        second: The other.
        metric: By which metric.
        categories: Example id -> its category, `NO_CATEGORY` where it has none.
        family: What the whole is tested together with.
        margin: Differences below it do not matter.

    Raises:
        BadInput: They have no example in common.
    """
    comparison = compare_runs(first, second, metric, family, margin)
    rows = leaderboard([first, second], [metric])
    return HeadToHead(
        (rows[0].cells[metric].summary, rows[1].cells[metric].summary),
        comparison,
        _by_category(first, second, metric, categories, margin),
        list_flips(first, second, metric),
    )


def _by_category(
    first: RunScoreTable, second: RunScoreTable, metric: str, categories: Mapping[str, str], margin: float | None
) -> dict[str, Comparison]:
    groups = group_values((categories.get(example, NO_CATEGORY), example) for example in common_examples(first, second))
    if len(groups) < 2:
        return {}
    samples = [
        PairedSample(
            first.align(metric, examples),
            second.align(metric, examples),
            clusters=pair_clusters(first, second, examples),
        )
        for examples in groups.values()
    ]
    comparisons = compare_samples(samples, higher_is_better(metric), margin)
    return {name: qualify_comparison(one, first, second, metric) for name, one in zip(groups, comparisons, strict=True)}
