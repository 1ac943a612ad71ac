"""How much work of this machine's own models and indexes goes on at once: as much as `LLMOPT_THREADS` allows."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Lanes:
    """A number of lanes; whoever works holds one, or all of them. First come, first served.

    A thread that holds lanes already goes on in those: it never waits for itself.

    Attributes:
        size: How many there are.
    """

    def __init__(self, size: int = 1) -> None:
        self.size = size
        self._count = 0
        self._condition = threading.Condition()
        self._waiting: deque[object] = deque()
        self._mine = threading.local()

    def resize(self, size: int) -> None:
        """Have another number of lanes, at least one; what is under way is not disturbed."""
        with self._condition:
            # What holds all lanes gives back what it took, whatever the size is by then.
            self.size = max(1, size)
            self._condition.notify_all()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Work in one lane."""
        with self._hold(all_of_them=False):
            yield

    @contextmanager
    def all(self) -> Iterator[None]:
        """Work in all lanes: nothing else goes on meanwhile."""
        with self._hold(all_of_them=True):
            yield

    @contextmanager
    def _hold(self, *, all_of_them: bool) -> Iterator[None]:
        # A reranker that embeds holds a lane already: waiting for another, two such threads would wait for each other.
        if getattr(self._mine, "held", 0):
            yield
            return
        lane_count = self._mine.held = self._take(all_of_them)
        try:
            yield
        finally:
            self._mine.held = 0
            with self._condition:
                self._count -= lane_count
                self._condition.notify_all()

    def _take(self, all_of_them: bool) -> int:
        ticket = object()
        with self._condition:
            # In a queue, so that many small pieces never keep one out that wants all lanes.
            self._waiting.append(ticket)
            try:
                self._condition.wait_for(lambda: self._waiting[0] is ticket and self._has_room(all_of_them))
                count = self.size if all_of_them else 1
                self._count += count
            finally:
                # Also where the wait was broken off: a ticket left in front would stop everybody.
                self._waiting.remove(ticket)
                self._condition.notify_all()
        return count

    def _has_room(self, all_of_them: bool) -> bool:
        # All of them only when none is used, even by one that was taken under a larger size.
        return not self._count if all_of_them else self._count < self.size


LANES = Lanes()
"""The lanes of this process; `Models` gives them the size that its settings allow."""
