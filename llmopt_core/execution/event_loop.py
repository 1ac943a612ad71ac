"""The one event loop of a process: every job, and what a page asks at once, awaits its calls in it.

So limiters, clients and the call cache belong to one loop. Blocking work stays out of it: in the thread of its job, or
in `asyncio.to_thread`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

# asyncio's own few threads would let the searches of one evaluation keep another job's waiting.
# Most of them wait (for files, child processes, the database), so there may be more than cores.
_THREADS = 32


def run_in_loop(work: Coroutine[Any, Any, T]) -> T:
    """Await work in the loop, from a thread that may wait; the work keeps the caller's context variables.

    Raises:
        RuntimeError: The caller is in the loop itself, which would wait for itself.
    """
    loop = _loop()
    # Waiting here would stop the loop that is to do the work.
    if _running_loop() is loop:
        # Else Python complains of a coroutine that was never awaited.
        work.close()
        raise RuntimeError("work in the event loop must be awaited, not waited for")
    future = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        return future.result()
    finally:
        # Where the wait was broken off, nobody wants the rest.
        future.cancel()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


# `cache` alone may run its function twice when two threads come at once, and two loops would share clients and
# limiters.
_starting = threading.Lock()


def _loop() -> asyncio.AbstractEventLoop:
    with _starting:
        return _start_loop()


@cache
def _start_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="beside-the-loop"))
    # A daemon: it never ends by itself.
    threading.Thread(target=loop.run_forever, name="event-loop", daemon=True).start()
    return loop
