"""What one configuration came to in a search."""

from __future__ import annotations

from dataclasses import dataclass

from llmopt_core.statistics.clusters import summarize_clusters
from llmopt_core.statistics.intervals import Summary
from llmopt_core.statistics.tables import mean
from llmopt_core.types import Record


@dataclass(frozen=True, slots=True)
class TrialResult:
    """One configuration on some examples.

    Attributes:
        values: The metric per example; None where it could not be scored or was not tried.
        records: None where it was not tried.
        clusters: The documents that each example shares with others; None where no two share one.
    """

    values: tuple[float | None, ...]
    records: tuple[Record | None, ...]
    clusters: tuple[str, ...] | None = None

    @property
    def complete(self) -> bool:
        """Whether every example was tried."""
        return None not in self.records

    @property
    def summary(self) -> Summary:
        """Mean with its interval."""
        return summarize_clusters(self.values, self.clusters)

    @property
    def tokens(self) -> float | None:
        """Mean prompt tokens of an answer, cached ones counted as when they were made."""
        return mean([record.answer.usage.prompt_tokens for record in self.records if record and record.answer])
