"""Cache reads and writes off the event loop, gathered while earlier ones are under way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor

from llmopt_core.cache import Cache

_Wish = tuple[str, bytes | None, "Future[bytes | None]"]

# Of its own, so that a finished call does not queue behind long work in asyncio's default threads.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="llmopt-call-cache")


class Courier:
    """Carries values of one stage to and from a cache.

    What is asked for while the thread is busy goes in one transaction afterwards: twenty-five answers that arrive
    together cost two commits, and the event loop never waits for a locked database.
    """

    def __init__(self, cache: Cache, stage: str) -> None:
        self._cache = cache
        self._stage = stage
        self._lock = threading.Lock()
        self._wishes: list[_Wish] = []
        self._busy = False

    async def get(self, key: str) -> bytes | None:
        """The stored value, if there is one."""
        if getattr(self._cache, "reads_at_once", False):
            return self._cache.get_many(self._stage, [key]).get(key)
        return await asyncio.wrap_future(self._ask(key, None))

    async def put(self, key: str, value: bytes) -> None:
        """Store a value; returns once it is stored. It is stored even where this wait is cancelled."""
        await asyncio.wrap_future(self._ask(key, value))

    def _ask(self, key: str, value: bytes | None) -> Future[bytes | None]:
        future: Future[bytes | None] = Future()
        with self._lock:
            self._wishes.append((key, value, future))
            if not self._busy:
                self._busy = True
                _threads.submit(self._work)
        return future

    def _work(self) -> None:
        while True:
            with self._lock:
                wishes, self._wishes = self._wishes, []
                if not wishes:
                    self._busy = False
                    return
            self._fulfil([wish for wish in wishes if wish[1] is not None])
            self._fulfil([wish for wish in wishes if wish[1] is None])

    def _fulfil(self, wishes: list[_Wish]) -> None:
        """Either all reads or all writes."""
        if not wishes:
            return
        try:
            values = {key: value for key, value, _ in wishes if value is not None}
            found = {}
            if values:
                self._cache.put_many(self._stage, values)
            else:
                found = self._cache.get_many(self._stage, [key for key, _, _ in wishes])
        except BaseException as error:
            _settle(wishes, {}, error)
        else:
            _settle(wishes, found, None)


def _settle(wishes: Iterable[_Wish], found: dict[str, bytes], error: BaseException | None) -> None:
    for key, _, future in wishes:
        try:
            if error is None:
                future.set_result(found.get(key))
            else:
                future.set_exception(error)
        except InvalidStateError:
            # Its caller was cancelled.
            continue
