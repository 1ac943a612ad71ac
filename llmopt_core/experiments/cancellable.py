"""Work that somebody may stop, looked after now and then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from llmopt_core.errors import Cancellation
from llmopt_core.runs.owner import HEARTBEAT_SECONDS

T = TypeVar("T")

# A wish to stop is met at once, as people see it; looking more often would only wake the loop.
_LOOK_SECONDS = 0.2


async def cancellable(
    work: Coroutine[Any, Any, T],
    should_cancel: Callable[[], bool],
    beat: Callable[[], Coroutine[Any, Any, None]] | None = None,
) -> T:
    """What `work` gives, looking up now and then while it lasts, and letting it `beat` where others must see it live.

    Work that is not wanted any more when it would begin never begins: nothing is paid for it.

    Raises:
        Cancellation: `should_cancel` became true; everything in flight was dropped.
    """
    if should_cancel():
        work.close()
        raise Cancellation("Cancelled.")
    task = asyncio.ensure_future(work)
    last_beat = time.monotonic()
    try:
        while not task.done():
            # Unlike `wait_for`, it leaves the work alone when the time is over.
            await asyncio.wait((task,), timeout=_LOOK_SECONDS)
            if not task.done() and should_cancel():
                raise Cancellation("Cancelled.")
            if beat is not None and time.monotonic() - last_beat > HEARTBEAT_SECONDS:
                last_beat = time.monotonic()
                await beat()
    finally:
        if not task.done():
            task.cancel()
            # Waited for, so that its connections are closed and nothing is written later; how it ends is no news any
            # more.
            await asyncio.gather(task, return_exceptions=True)
    return task.result()
