"""Configurations that were measured together, and which of them leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from llmopt_core.evaluation.metrics.catalogue import CORRECTNESS
from llmopt_core.experiments.caveats import RunCaveats
from llmopt_core.experiments.outcome import is_nearly_complete
from llmopt_core.runs.values import Run
from llmopt_core.statistics.intervals import Summary
from llmopt_core.statistics.paired_comparison import Comparison


@dataclass(frozen=True)
class MeasuredRun:
    """One configuration's run among those compared.

    Attributes:
        name: Unique among them; an earlier version of a configuration carries its fingerprint.
        summaries: By metric.
        comparisons: Against the baseline, by metric, where both have scores; empty for the baseline itself.
        caveats: What its tuned parts were trained on, and its documents.
    """

    name: str
    run: Run
    summaries: Mapping[str, Summary]
    comparisons: Mapping[str, Comparison]
    is_baseline: bool = False
    caveats: RunCaveats | None = None

    @property
    def overlap_count(self) -> int:
        """How many of its questions it was trained on."""
        return self.caveats.overlap_count if self.caveats else 0

    @property
    def done(self) -> int:
        """How many records it has, failed ones included."""
        return self.run.done

    @property
    def failed(self) -> int:
        """How many of those failed."""
        return self.run.failed


class Measured(Protocol):
    """What decides who leads."""

    @property
    def done(self) -> int:
        """How many records it has, failed ones included."""

    @property
    def failed(self) -> int:
        """How many of those failed."""

    @property
    def overlap_count(self) -> int:
        """How many of its questions it was trained on."""

    @property
    def summaries(self) -> Mapping[str, Summary]:
        """Means by metric."""


M = TypeVar("M", bound=Measured)


def decisive_metrics(metrics: Sequence[str]) -> tuple[str, ...]:
    """What decides who leads: correctness where it was measured, else all of these."""
    # Grounding alone can be high with wrong answers.
    return (CORRECTNESS,) if CORRECTNESS in metrics else tuple(metrics)


def leader_of(entries: Sequence[M], metrics: Sequence[str]) -> M | None:
    """The entry with the highest mean over these metrics; one that was not scored on a metric counts 0 there.

    What was trained on its questions leads nothing, and neither does what was asked fewer than the others, or left so
    many without an answer that its mean stands over other questions.
    """
    largest_size = max((entry.done for entry in entries), default=0)
    complete_entries = [entry for entry in entries if entry.done == largest_size and is_nearly_complete(entry)]
    fair_entries = [entry for entry in complete_entries if not entry.overlap_count]
    candidates = [entry for entry in fair_entries if any(_mean(entry, metric) is not None for metric in metrics)]
    # A sum orders them as a mean would, as all are over the same metrics.
    return max(candidates, key=lambda entry: sum(_mean(entry, metric) or 0.0 for metric in metrics), default=None)


def _mean(entry: Measured, metric: str) -> float | None:
    summary = entry.summaries.get(metric)
    return None if summary is None else summary.mean
