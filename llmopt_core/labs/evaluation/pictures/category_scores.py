"""One metric by category of question and configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llmopt_core.experiments.run_scores import RunScoreTable
from llmopt_core.statistics.clusters import summarize_clusters
from llmopt_core.statistics.intervals import Summary
from llmopt_core.types.grouping import group_values

NO_CATEGORY = ""


@dataclass(frozen=True, slots=True)
class CategoryScore:
    """What a configuration reaches on the questions of a category, `NO_CATEGORY` for those without one."""

    configuration: str
    category: str
    summary: Summary


def category_scores(runs: Sequence[RunScoreTable], metric: str, categories: Mapping[str, str]) -> list[CategoryScore]:
    """A row per configuration and category, categories by name and those without one last.

    Args:
        runs: Of the same set.
        metric: By which metric.
        categories: Example id -> its category.
    """
    return [
        CategoryScore(run.name, category, _summary(run, metric, examples))
        for run in runs
        for category, examples in sorted(_examples(run, categories).items(), key=lambda item: (not item[0], item[0]))
    ]


def _examples(run: RunScoreTable, categories: Mapping[str, str]) -> dict[str, list[str]]:
    return group_values((categories.get(example, NO_CATEGORY), example) for example in run.scores.examples)


def _summary(run: RunScoreTable, metric: str, examples: Sequence[str]) -> Summary:
    # Questions that share a document are no independent ones.
    clusters = [run.clusters.get(example, f"question {example}") for example in examples] if run.clusters else None
    return summarize_clusters(run.align(metric, examples), clusters)
