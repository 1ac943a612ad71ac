"""What retrieval gives: chunks for the model, and the trace of every stage."""

from __future__ import annotations

from dataclasses import dataclass

from llmopt_core.types import Hit, StageTrace, Usage

RANKING_STAGES = ("search", "fusion", "filter", "rerank", "select")
"""Stages that return chunks. `route`, `transform` and `embed` come before them and return none."""


@dataclass(frozen=True, slots=True)
class Retrieval:
    """The chunks handed on, best first, with the trace of how they were found.

    Attributes:
        hits: At most `top_k`.
        trace: Every stage in order, also those that did nothing but were asked to.
        category: Which route was taken; None without routing.
    """

    hits: tuple[Hit, ...]
    trace: tuple[StageTrace, ...] = ()
    category: str | None = None

    @property
    def usage(self) -> Usage:
        """Model calls of all stages."""
        return sum((stage.usage for stage in self.trace), Usage())

    @property
    def seconds(self) -> float:
        """Time of all stages, without what is done once."""
        return sum(stage.seconds for stage in self.trace)

    @property
    def once_seconds(self) -> float:
        """Time for what later questions find done."""
        return sum(stage.once_seconds for stage in self.trace)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Where a stage fell back to something simpler."""
        return tuple(stage.warning for stage in self.trace if stage.warning)
