"""A measured configuration as the adviser sees it, from the store or from a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from llmopt_core.experiments.run_scores import RunScoreTable
from llmopt_core.labs.evaluation.adviser.causes import Examination
from llmopt_core.labs.evaluation.adviser.traits import Traits
from llmopt_core.runs.values import PerQuestion
from llmopt_core.statistics.intervals import Summary
from llmopt_core.statistics.paired_comparison import Comparison


@dataclass(frozen=True)
class AdvisedRun:
    """One configuration's run.

    Attributes:
        total: How many questions it is meant to have.
        done: How many records there are, failed ones included.
        spec: The configuration as it is stored; None where a file does not hold it.
        table: Its values, for comparisons.
        comparisons: Against the baseline, by metric.
        overlap_count: How many of its questions it was trained on.
        calls_each: Model calls for a question, those of a judge with them; None where nobody knows.
        measured_at: When it was started; None where a file does not say.
        examine: Reads its records and gives the cause of each; called for few runs, since it reads traces.
    """

    name: str
    total: int
    done: int
    failed: int
    traits: Traits
    summaries: Mapping[str, Summary]
    table: RunScoreTable
    examine: Callable[[], Examination]
    spec: Mapping[str, Any] | None = None
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    overlap_count: int = 0
    run_id: int | None = None
    each: PerQuestion = field(default_factory=PerQuestion)
    fingerprint: str = ""
    calls_each: float | None = None
    measured_at: datetime | None = None

    def mean(self, metric: str) -> float | None:
        """The mean of a metric; None where it was not scored."""
        summary = self.summaries.get(metric)
        return None if summary is None else summary.mean
