"""How far long work is, in the same words in the app and on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmopt_core.reporting.formatting import dollars, duration, money


@dataclass(frozen=True, slots=True)
class ProgressSummary:
    """A moment of long work.

    Attributes:
        done, total: Of `unit`; a total of 0 stands for not known yet.
        seconds_left: None where it is not known.
        cost_usd: Of all so far; None where the endpoint has no price list.
        left_usd: Of the budget; None without one.
        message: What is being done, in few words.
    """

    done: int = 0
    total: int = 0
    unit: str = "questions"
    seconds_left: float | None = None
    cost_usd: float | None = 0.0
    left_usd: float | None = None
    message: str = ""

    @property
    def share(self) -> float:
        """Between 0 and 1."""
        # More may be done than was announced, as where questions were added meanwhile; a bar takes no more than 1.
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def count_words(self) -> str:
        """`12 of 48 questions`; empty where the total is not known."""
        return f"{self.done:,} of {self.total:,} {self.unit}" if self.total else ""

    @property
    def remaining_time(self) -> str:
        """`2 min`; `not known yet` where it is not."""
        return "not known yet" if self.seconds_left is None else duration(self.seconds_left)

    @property
    def cost(self) -> str:
        """`$0.01`, `free`, or `no price list`."""
        return money(self.cost_usd)

    @property
    def line(self) -> str:
        """`12 of 48 questions · 2 min left · $0.01 so far`."""
        time_words = "time left not known yet" if self.seconds_left is None else f"{duration(self.seconds_left)} left"
        cost = "cost not known: no price list" if self.cost_usd is None else f"{self.cost} so far"
        parts = [self.count_words, time_words, cost]
        if self.left_usd is not None:
            parts.append(f"{dollars(self.left_usd)} of the budget left")
        return " · ".join(part for part in parts if part)


def summarize_progress(progress: Mapping[str, Any]) -> ProgressSummary:
    """What a job has reported."""
    return ProgressSummary(
        done=int(progress.get("done") or 0),
        total=int(progress.get("total") or 0),
        unit=str(progress.get("unit") or "questions"),
        seconds_left=progress.get("seconds_left"),
        # A key that is missing means nothing was spent yet, a None means that the price is not known.
        cost_usd=progress.get("cost_usd", 0.0),
        left_usd=progress.get("left_usd"),
        message=str(progress.get("message") or ""),
    )
