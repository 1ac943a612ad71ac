"""One event loop serves all threads of a process."""

from __future__ import annotations

import asyncio
import threading
import time
from contextvars import ContextVar

import pytest

from llmopt_core.execution.event_loop import run_in_loop


async def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def test_all_threads_share_one_loop_and_work_overlaps() -> None:
    loops: list[asyncio.AbstractEventLoop] = []
    met = asyncio.Barrier(3)

    async def meet() -> None:
        await asyncio.wait_for(met.wait(), 30)
        loops.append(await _loop())

    threads = [threading.Thread(target=lambda: run_in_loop(meet())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loops == [run_in_loop(_loop())] * 3


def test_work_keeps_the_context_of_its_caller() -> None:
    who: ContextVar[str] = ContextVar("who", default="nobody")

    async def read() -> str:
        await asyncio.sleep(0)
        return await asyncio.to_thread(who.get)

    who.set("me")
    assert run_in_loop(read()) == "me"


def test_an_error_reaches_the_caller_and_stops_nothing_else() -> None:
    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run_in_loop(fail())
    assert run_in_loop(_loop()).is_running()


def test_the_loop_does_not_wait_for_itself() -> None:
    async def nested() -> None:
        run_in_loop(_loop())

    with pytest.raises(RuntimeError, match="awaited"):
        run_in_loop(nested())


def test_threads_that_block_leave_room_for_others() -> None:
    """asyncio's own few threads would all be taken."""
    go = threading.Event()

    async def block() -> None:
        await asyncio.gather(*(asyncio.to_thread(go.wait, 60) for _ in range(16)))

    async def look() -> str:
        return await asyncio.wait_for(asyncio.to_thread(lambda: "seen"), 30)

    thread = threading.Thread(target=lambda: run_in_loop(block()))
    thread.start()
    time.sleep(0.05)
    try:
        assert run_in_loop(look()) == "seen"
    finally:
        go.set()
        thread.join()
