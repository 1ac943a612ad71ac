"""Cache reads and writes off the event loop, gathered while earlier ones are under way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from typing import Literal

from llmopt_core.cache import Cache, SupportsClaim

_Kind = Literal["put", "claim", "release", "get"]
_Operation = tuple[_Kind, str, bytes, "Future[bytes | None]"]
# The order in which what was gathered is done: what is stored must be seen by those who claim or read after it, and a
# claim whose caller was cancelled is given back after it was made.
_KINDS: tuple[_Kind, ...] = ("put", "claim", "release", "get")

# Of its own, so that a finished call does not queue behind long work in asyncio's default threads.
# Two: while one waits for a locked database, the other serves another cache.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="llmopt-call-cache")


class BatchedCache:
    """Carries values of one stage to and from a cache.

    What is asked for while the thread is busy goes in one transaction afterwards: twenty-five answers that arrive
    together cost two commits, and the event loop never waits for a locked database.
    """

    def __init__(self, cache: Cache, stage: str) -> None:
        self._cache = cache
        self._claims = cache if isinstance(cache, SupportsClaim) else None
        self._stage = stage
        self._lock = threading.Lock()
        self._waiting: list[_Operation] = []
        self._busy = False

    async def get(self, key: str) -> bytes | None:
        """The stored value, if there is one."""
        # SQLite on this machine: a look takes less time than handing it to a thread.
        if getattr(self._cache, "reads_at_once", False):
            return self._cache.get_many(self._stage, [key]).get(key)
        return await asyncio.wrap_future(self._submit("get", key))

    async def put(self, key: str, value: bytes) -> None:
        """Store a value; returns once it is stored. It is stored even where this wait is cancelled."""
        await asyncio.wrap_future(self._submit("put", key, value))

    async def claim(self, key: str, token: str) -> bool:
        """Whether the value is this caller's to make; always so where the cache knows no claims."""
        if self._claims is None:
            return True
        return await asyncio.wrap_future(self._submit("claim", key, token.encode())) is not None

    def release(self, key: str, token: str) -> None:
        """Give a claim back without a value. Nobody waits for it, so that a cancelled caller can do it too."""
        if self._claims is not None:
            self._submit("release", key, token.encode())

    def _submit(self, kind: _Kind, key: str, value: bytes = b"") -> Future[bytes | None]:
        future: Future[bytes | None] = Future()
        with self._lock:
            self._waiting.append((kind, key, value, future))
            # One drain at a time keeps the order of what was asked for.
            if not self._busy:
                self._busy = True
                _threads.submit(self._drain)
        return future

    def _drain(self) -> None:
        while True:
            with self._lock:
                # All that has gathered goes together; what comes now waits for the next turn.
                operations, self._waiting = self._waiting, []
                if not operations:
                    # Under the lock: what is submitted afterwards starts a new drain.
                    self._busy = False
                    return
            for kind in _KINDS:
                self._perform(kind, [operation for operation in operations if operation[0] == kind])

    def _perform(self, kind: _Kind, operations: list[_Operation]) -> None:
        """All of one kind at once."""
        if not operations:
            return
        try:
            if kind == "release":
                # One by one: the same key may be given back by a caller that held it and by one that did not.
                for _, key, token, _ in operations:
                    self._apply(kind, {key: token})
                results = {}
            else:
                results = self._apply(kind, {key: value for _, key, value, _ in operations})
        # Any: a future that nobody settles would leave its caller waiting for ever.
        except BaseException as error:
            _settle(operations, {}, error)
        else:
            _settle(operations, results, None)

    def _apply(self, kind: _Kind, values: dict[str, bytes]) -> dict[str, bytes]:
        if kind == "put":
            self._cache.put_many(self._stage, values)
        elif kind == "get":
            return self._cache.get_many(self._stage, values)
        elif self._claims is not None:
            tokens = {key: token.decode() for key, token in values.items()}
            if kind == "claim":
                # Any value will do: the caller only asks whether its key is there.
                return dict.fromkeys(self._claims.claim_many(self._stage, tokens), b"")
            self._claims.release_many(self._stage, tokens)
        return {}


def _settle(operations: Iterable[_Operation], values: dict[str, bytes], error: BaseException | None) -> None:
    for _, key, _, future in operations:
        # Its caller may have been cancelled.
        with suppress(InvalidStateError):
            if error is None:
                future.set_result(values.get(key))
            else:
                future.set_exception(error)
