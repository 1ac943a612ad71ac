"""How far a piece of work is, and how long the rest will take."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from llmopt_core.types import Usage


@dataclass(frozen=True, slots=True)
class Progress:
    """A picture of running work; each step makes a new one.

    Attributes:
        done: Items finished, failures and cached ones included.
        total: All items.
        cached: Items that took no model call; they say nothing about the speed of the rest.
        failed: Items that ended in a failure.
        usage: What the work took so far.
        started_at: Seconds of a monotonic clock.
        now: The same clock at the last step.
    """

    total: int
    done: int = 0
    cached: int = 0
    failed: int = 0
    usage: Usage = Usage()
    started_at: float = field(default_factory=time.monotonic)
    now: float = field(default_factory=time.monotonic)

    def step(
        self,
        usage: Usage | None = None,
        *,
        cached: bool = False,
        failed: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> Progress:
        """One more item is done."""
        return replace(
            self,
            done=self.done + 1,
            cached=self.cached + cached,
            failed=self.failed + failed,
            usage=self.usage if usage is None else self.usage + usage,
            now=clock(),
        )

    @property
    def seconds(self) -> float:
        """Wall time until the last step."""
        # The first step's clock may be handed in by a caller, and be behind.
        return max(self.now - self.started_at, 0.0)

    def remaining_seconds(self) -> float | None:
        """Seconds the rest will take at the speed of the items that were not cached; None before there is one.

        The rest is taken to be uncached, so that the truth is rather shorter than longer.
        """
        remaining = self.total - self.done
        if remaining <= 0:
            return 0.0
        # Cached items take no time, and would promise an end that never comes.
        fresh = self.done - self.cached
        return None if fresh <= 0 else self.seconds / fresh * remaining


@dataclass
class Pace:
    """The speed of work that begins in bursts.

    Attributes:
        at_once: So many items start together, and the first of them wait for models to be loaded.
        clock: In seconds.
    """

    at_once: int
    clock: Callable[[], float] = time.monotonic
    _count: int = 0
    _first: float = 0.0

    def step(self) -> None:
        """One more item that took its time is done."""
        # The first ones come in one burst: the clock starts with them.
        self._first = self._first or self.clock()
        self._count += 1

    def remaining_seconds(self, missing: int) -> float | None:
        """Seconds that the missing items will take; None before more than a burst is done."""
        count = self._count - 1 if self._count > self.at_once else 0
        return Progress(count + missing, count, started_at=self._first, now=self.clock()).remaining_seconds()
