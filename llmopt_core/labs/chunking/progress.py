"""How far a sweep is, and whether it shall stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from llmopt_core.errors import Cancellation
from llmopt_core.execution.budget import Budget

OnProgress = Callable[[dict[str, Any]], None]


@dataclass
class Reporter:
    """Hands on where a sweep stands.

    Attributes:
        on_progress: Called with `done`, `total`, `unit`, `message`, `cached` and `seconds_left`.
        should_cancel: Asked before every step.
        budget: Knows what the embedding model has cost; None where it runs on this machine.
    """

    on_progress: OnProgress | None = None
    should_cancel: Callable[[], bool] | None = None
    budget: Budget | None = None
    _lengths: Any = None
    _cached_count: int = -1
    _start: float = 0.0

    def check(self) -> None:
        """Stop here where that was asked for.

        Raises:
            Cancellation: It was.
        """
        if self.should_cancel is not None and self.should_cancel():
            raise Cancellation("The sweep was cancelled.")

    def say(self, message: str) -> None:
        """A step without a count."""
        self._tell(0, 0, "", message)

    def cutting(self, count: int, total: int) -> None:
        """Documents that every method has cut."""
        self._tell(count, total, "documents", "cutting")

    def measuring(self, count: int, total: int) -> None:
        """Chunkings that were searched."""
        self._tell(count, total, "chunkings", "searching")

    def embedding_starts(self, lengths: npt.NDArray[np.int64]) -> None:
        """Characters of each text that is to be embedded; the longest come first."""
        self._lengths = lengths.astype(np.float64)
        self._cached_count, self._start = -1, time.monotonic()

    def embedding(self, count: int, total: int) -> None:
        """Texts whose vectors are there; the first call tells how many the cache had."""
        if self._cached_count < 0:
            self._cached_count = count
        self._tell(count, total, "texts", "embedding", self._remaining_seconds(count, total))

    def _remaining_seconds(self, count: int, total: int) -> float | None:
        fresh, missing = count - self._cached_count, total - self._cached_count
        # Nothing is embedded yet, so there is no speed to go on.
        if fresh <= 0 or not len(self._lengths):
            return None
        # Which texts are new is not known; taken evenly from all, their work goes with their length.
        sample = self._lengths[np.linspace(0, len(self._lengths) - 1, missing).astype(int)]
        finished_length = sample[:fresh].sum() or 1.0  # Texts may all be empty; nothing is divided by zero.
        return float((time.monotonic() - self._start) * sample[fresh:].sum() / finished_length)

    def _tell(self, count: int, total: int, unit: str, message: str, seconds: float | None = None) -> None:
        # At every step of the work, since each of them reports.
        self.check()
        if self.on_progress is not None:
            # -1: not known yet.
            cached_count = max(0, self._cached_count)
            values = {"done": count, "total": total, "unit": unit, "message": message, "cached": cached_count}
            self.on_progress({**values, **self._cost(), "seconds_left": seconds})

    def _cost(self) -> dict[str, Any]:
        if self.budget is None:
            return {}
        # The cost is that of the whole work, earlier attempts included, as its budget counts.
        cost = self.budget.usage.cost_usd
        return {
            "tokens": self.budget.session_usage.prompt_tokens,
            "cost_usd": cost,
            "left_usd": self.budget.remaining_usd,
        }
