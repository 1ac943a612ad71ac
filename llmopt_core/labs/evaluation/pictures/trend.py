"""A metric over time: what was measured on other questions, or graded by another judge, is another line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from llmopt_core.experiments.imported_runs import import_source
from llmopt_core.experiments.run_scores import RunScoreTable
from llmopt_core.runs.values import Run
from llmopt_core.statistics.clusters import summarize_clusters
from llmopt_core.statistics.intervals import Summary
from llmopt_core.types.grouping import group_values


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One run.

    Attributes:
        mark: What must stand beside its number, such as that it was chosen on these questions.
        is_trained: Whether it was trained on them.
    """

    run_id: int
    when: datetime
    summary: Summary
    fingerprint: str
    mark: str = ""
    is_trained: bool = False


@dataclass(frozen=True, slots=True)
class TrendLine:
    """Runs that may be joined: of one configuration, on one version of a set, graded by one judge; oldest first."""

    configuration: str
    set_version: str
    judge: str
    points: tuple[TrendPoint, ...]


@dataclass(frozen=True, slots=True)
class Trend:
    """What can be drawn.

    Attributes:
        lines: In the order in which their configurations first ran.
        versions: Of the set, the oldest first.
        undated: Configurations whose files do not say when they ran.
        unscored: Runs without any value of this metric.
    """

    lines: tuple[TrendLine, ...]
    versions: tuple[str, ...]
    undated: tuple[str, ...]
    unscored: int


def trend_of(
    runs: Sequence[Run],
    tables: Mapping[int, RunScoreTable],
    metric: str,
    marks: Mapping[int, str] | None = None,
) -> Trend:
    """The lines of these runs.

    Args:
        runs: Of one evaluation set by name, in any of its versions.
        tables: Their values, by the run's id.
        metric: By which metric.
        marks: Run id -> what must stand beside it.
    """
    dated = sorted((run for run in runs if _has_date(run)), key=lambda run: (run.created_at, run.id))
    summaries = {run.id: _summary(tables[run.id], metric) for run in dated}
    scored = [run for run in dated if summaries[run.id].mean is not None]
    groups = group_values(((run.name, run.set_version, run.judge), run) for run in scored)
    lines = tuple(
        TrendLine(*key, tuple(_point(run, summaries[run.id], tables[run.id], marks or {}) for run in members))
        for key, members in groups.items()
    )
    versions = tuple(dict.fromkeys(run.set_version for run in scored))
    undated = tuple(dict.fromkeys(run.name for run in runs if not _has_date(run)))
    return Trend(lines, versions, undated, len(dated) - len(scored))


def _has_date(run: Run) -> bool:
    source = import_source(run.imported)
    return source is None or source.has_date


def _point(run: Run, summary: Summary, table: RunScoreTable, marks: Mapping[int, str]) -> TrendPoint:
    return TrendPoint(run.id, run.created_at, summary, run.fingerprint, marks.get(run.id, ""), table.seen > 0)


def _summary(run: RunScoreTable, metric: str) -> Summary:
    values = [*run.scores.values.get(metric, ())]
    clusters = [run.clusters.get(name, f"question {name}") for name in run.scores.examples][: len(values)]
    missing = max(0, run.total - len(values))
    # What is not answered yet counts as not scored.
    groups = [*clusters, *(f"unasked {number}" for number in range(missing))] if run.clusters and clusters else None
    return summarize_clusters([*values, *[None] * missing], groups)
