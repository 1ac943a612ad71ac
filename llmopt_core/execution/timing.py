"""How long a piece of work takes by itself, without the wait for its turn while other questions are worked on."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any


class SelfTime:
    """Adds up the work that is told while it listens.

    Attributes:
        seconds: The work so far; None where none was told.
        wait_seconds: For turns inside that work.
    """

    def __init__(self) -> None:
        self.seconds: float | None = None
        self.wait_seconds = 0.0

    def add(self, seconds: float) -> None:
        """Tell of work."""
        self.seconds = (self.seconds or 0.0) + seconds


_timer: ContextVar[SelfTime | None] = ContextVar("own time", default=None)


@contextmanager
def self_time() -> Iterator[SelfTime]:
    """Listen to the work done inside, also in threads started with `asyncio.to_thread`, which carry the context."""
    timer = SelfTime()
    token = _timer.set(timer)
    try:
        yield timer
    finally:
        _timer.reset(token)


def record(seconds: float) -> None:
    """Tell whoever listens that work took so long."""
    timer = _timer.get()
    if timer is not None:
        timer.add(seconds)


@contextmanager
def exclusive(lane: AbstractContextManager[Any]) -> Iterator[None]:
    """Do work in its lane, and record how long it took without the waits for the lane and those of `exclude_wait`."""
    timer = _timer.get()
    with lane:
        # Waits so far; only those within this block are taken off.
        earlier_wait, start = timer.wait_seconds if timer else 0.0, time.perf_counter()
        try:
            yield
        finally:
            if timer is not None:
                timer.add(time.perf_counter() - start - (timer.wait_seconds - earlier_wait))


@contextmanager
def exclude_wait(lock: AbstractContextManager[Any]) -> Iterator[None]:
    """Hold a lock; the wait for it is no work."""
    start, timer = time.perf_counter(), _timer.get()
    with lock:
        if timer is not None:
            timer.wait_seconds += time.perf_counter() - start
        yield


def makespan(seconds: Sequence[float], lanes: int) -> float:
    """How long calls take together that are made in this order, at most `lanes` at once.

    So calls that the cache answered, or that waited for those of other questions, count with their own time.
    """
    # When each lane is free again; the next call takes the one that is free first.
    free = [0.0] * max(1, min(lanes, len(seconds)))
    for one in seconds:
        heapq.heapreplace(free, free[0] + one)
    return max(free)
