"""How many calls an endpoint gets at once, counted over all work in an event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from weakref import WeakKeyDictionary

_is_urgent: ContextVar[bool] = ContextVar("is_urgent", default=False)


@contextmanager
def urgent() -> Iterator[None]:
    """What is called inside is served before all that is not: somebody waits for it."""
    token = _is_urgent.set(True)
    try:
        yield
    finally:
        _is_urgent.reset(token)


class _Places:
    """The places that an endpoint has in one event loop, and who waits for one."""

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._urgent: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        return len(self._waiting) + len(self._urgent)

    async def enter(self) -> None:
        if self._free > 0:
            self._free -= 1
            return
        # Two lines, so that a person's question overtakes ten thousand of a run.
        line = self._urgent if _is_urgent.get() else self._waiting
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            await turn
        # A cancelled caller must leave the line, or its place would be given to nobody.
        except BaseException:
            if turn in line:
                line.remove(turn)
            elif not turn.cancelled():
                # It was given in the same moment.
                self.release()
            raise

    def release(self) -> None:
        # The place goes from hand to hand: were it freed first, a newcomer could take it before those who wait.
        while line := self._urgent or self._waiting:
            turn = line.popleft()
            # Cancelled meanwhile.
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class Limiter:
    """An asynchronous semaphore; first come, first served among equally urgent.

    Each event loop has places of its own: the app's jobs share one loop and so one limit, and a notebook that starts
    loops in threads gets the limit once in each of them.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # A future must be set in its own loop, so callers of two loops can hand each other nothing. Weak, as loops end.
        self._places: WeakKeyDictionary[asyncio.AbstractEventLoop, _Places] = WeakKeyDictionary()

    async def __aenter__(self) -> None:
        loop = asyncio.get_running_loop()
        # Dictionaries are not changed by two threads at once, and only this loop asks for its own entry.
        await self._places.setdefault(loop, _Places(self._limit)).enter()

    async def __aexit__(self, *_: object) -> None:
        self._places[asyncio.get_running_loop()].release()

    @property
    def waiting(self) -> int:
        """How many calls stand in line."""
        return sum(places.waiting for places in list(self._places.values()))


# Never dropped: an endpoint's calls in flight must be counted in the same place by all. There are as many as endpoints.
@cache
def limiter_for(identity: str, limit: int) -> Limiter:
    """The process's one limiter for an endpoint; another limit makes another limiter."""
    return Limiter(limit)
