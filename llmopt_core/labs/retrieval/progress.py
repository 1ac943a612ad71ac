"""How far the lab's long work is, what it has taken, and how long the rest takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from llmopt_core.execution.budget import Budget
from llmopt_core.execution.progress import Pace
from llmopt_core.types import Usage


@dataclass(frozen=True, slots=True)
class LabProgress:
    """A moment of the work, counted in questions of every configuration.

    Attributes:
        cached: Of those done, the ones that were kept from before.
        usage: Of the calls that were made; its cost is what the work has cost in all, pilots and earlier attempts
            included, as its budget counts.
        seconds_left: At the pace of what was made; None before enough was.
        left_usd: Of the budget; None without one.
    """

    done: int = 0
    total: int = 0
    cached: int = 0
    usage: Usage = Usage()
    seconds_left: float | None = None
    left_usd: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """In the words of the job panel."""
        return {
            "done": self.done,
            "total": self.total,
            "unit": "questions",
            "cached": self.cached,
            "tokens": self.usage.prompt_tokens + self.usage.completion_tokens,
            "cost_usd": self.usage.cost_usd,
            "left_usd": self.left_usd,
            "seconds_left": self.seconds_left,
        }


OnLabProgress = Callable[[LabProgress], None]


class Tally:
    """Counts questions as they are done.

    Args:
        total: All of them.
        budget: Knows what was spent.
        on_progress: Told after each, and after each call.
        slow: How many of them take the time, such as answers where searches come between; by default all.
        at_once: So many start together, and the first of them wait for models to be loaded.
        clock: In seconds.
    """

    def __init__(  # noqa: PLR0917
        self,
        total: int,
        budget: Budget,
        on_progress: OnLabProgress | None = None,
        slow: int | None = None,
        at_once: int = 4,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total, self._budget, self._on_progress = total, budget, on_progress
        self._slow_left, self._pace = total if slow is None else slow, Pace(at_once, clock)
        self._count = self._cached_count = 0
        # Calls come between steps: cost and budget move with them.
        budget.on_call = self._tell

    def step(self, *, from_cache: bool, slow: bool = True) -> None:
        """One more is done."""
        self._count += 1
        self._cached_count += from_cache
        self._slow_left -= slow
        # Kept ones take no time, and would make the rest look short.
        if slow and not from_cache:
            self._pace.step()
        self._tell()

    def _tell(self) -> None:
        if self._on_progress is not None:
            finished_count, left_usd = min(self._count, self._total), self._budget.remaining_usd
            usage = replace(self._budget.session_usage, cost_usd=self._budget.usage.cost_usd)
            seconds = self._pace.remaining_seconds(self._slow_left) if self._slow_left else 0.0
            self._on_progress(LabProgress(finished_count, self._total, self._cached_count, usage, seconds, left_usd))
