"""How many calls an endpoint gets at once, counted over all threads and event loops of the process."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType

_Waiter = tuple[asyncio.AbstractEventLoop, "asyncio.Future[None]"]


_is_urgent: ContextVar[bool] = ContextVar("is_urgent", default=False)


@contextmanager
def urgent() -> Iterator[None]:
    """What is called inside is served before all that is not: somebody waits for it."""
    token = _is_urgent.set(True)
    try:
        yield
    finally:
        _is_urgent.reset(token)


class Limiter:
    """An asynchronous semaphore that several event loops may share; first come, first served among equally urgent."""

    def __init__(self, limit: int) -> None:
        self._lock = threading.Lock()
        self._free = limit
        self._waiting: deque[_Waiter] = deque()
        self._urgent: deque[_Waiter] = deque()

    async def __aenter__(self) -> None:
        loop = asyncio.get_running_loop()
        with self._lock:
            if self._free > 0:
                self._free -= 1
                return
            turn: asyncio.Future[None] = loop.create_future()
            waiter = (loop, turn)
            (self._urgent if _is_urgent.get() else self._waiting).append(waiter)
        try:
            await turn
        except BaseException:
            self._give_up(waiter)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def _give_up(self, waiter: _Waiter) -> None:
        """Leave the queue, or pass the turn on where it had just been given."""
        with self._lock:
            for line in (self._urgent, self._waiting):
                if waiter in line:
                    line.remove(waiter)
                    return
        self._release()

    def _release(self) -> None:
        with self._lock:
            while line := self._urgent or self._waiting:
                loop, turn = line.popleft()
                try:
                    loop.call_soon_threadsafe(_wake, turn)
                except RuntimeError:
                    # That loop was closed while its call waited.
                    continue
                return
            self._free += 1


def _wake(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)


_limiters: dict[tuple[str, int], Limiter] = {}
_limiters_lock = threading.Lock()


def limiter_for(identity: str, limit: int) -> Limiter:
    """The process's one limiter for an endpoint; another limit makes another limiter."""
    with _limiters_lock:
        return _limiters.setdefault((identity, limit), Limiter(limit))
