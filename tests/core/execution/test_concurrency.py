from __future__ import annotations

import asyncio

import pytest

from llmopt_core.errors import BadInput, Cancellation, EndpointError, OutOfBudget, StorageError
from llmopt_core.execution.concurrency import map_concurrently
from llmopt_core.types import Failure


class Work:
    """Doubles numbers when told to, counting what runs."""

    def __init__(self) -> None:
        self.running = self.peak = 0
        self.started: list[int] = []
        self.cancelled: list[int] = []
        self.gate = asyncio.Event()
        self.more = asyncio.Event()

    async def full(self, running: int) -> None:
        """Wait until so many run at once."""
        while self.running < running:
            self.more.clear()
            await self.more.wait()

    async def __call__(self, number: int) -> int:
        self.started.append(number)
        self.running += 1
        self.peak = max(self.peak, self.running)
        self.more.set()
        try:
            await self.gate.wait()
            await asyncio.sleep(0)
            return number * 2
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise
        finally:
            self.running -= 1


async def test_results_come_in_the_order_of_the_items():
    async def work(number: int) -> int:
        await asyncio.sleep(0.02 - number / 1000)
        return number * 2

    assert await map_concurrently(range(10), work, concurrency=4) == [n * 2 for n in range(10)]


@pytest.mark.parametrize("concurrency", [1, 3, 50])
async def test_never_more_at_once_than_allowed(concurrency: int):
    work = Work()
    mapped = asyncio.create_task(map_concurrently(range(12), work, concurrency=concurrency))
    await work.full(min(concurrency, 12))
    work.gate.set()

    await mapped

    assert work.peak == min(concurrency, 12)


async def test_no_items():
    assert await map_concurrently([], Work(), concurrency=3) == []


async def test_concurrency_must_be_positive():
    with pytest.raises(ValueError, match="at least 1"):
        await map_concurrently([1], Work(), concurrency=0)


async def test_the_next_starts_as_soon_as_one_ends():
    """One slow item holds up one place, not a batch."""
    slow = asyncio.Event()
    rows: list[int] = []

    async def work(number: int) -> int:
        if number == 0:
            await slow.wait()
        rows.append(number)
        if len(rows) == 9:
            slow.set()
        return number

    await map_concurrently(range(10), work, concurrency=2)

    assert rows[-1] == 0


async def test_items_are_taken_when_there_is_room():
    work = Work()
    taken: list[int] = []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    task = asyncio.create_task(map_concurrently(items(), work, concurrency=2))
    await asyncio.sleep(0.01)
    assert taken == [0, 1]
    work.gate.set()
    assert len(await task) == 100


async def test_a_failing_item_does_not_stop_the_others():
    async def work(number: int) -> int:
        if number == 1:
            raise EndpointError("Endpoint 'x' timed out.", "timeout")
        if number == 2:
            raise BadInput("file.csv line 3: no question.")
        if number == 3:
            raise ZeroDivisionError("division by zero")
        return number

    result = await map_concurrently(range(5), work, concurrency=2, stage="answer")

    assert result == [
        0,
        Failure("answer", "timeout", "Endpoint 'x' timed out."),
        Failure("answer", "BadInput", "file.csv line 3: no question."),
        Failure("answer", "ZeroDivisionError", "ZeroDivisionError: division by zero"),
        4,
    ]


async def test_each_result_is_reported_as_it_finishes():
    calls: list[tuple[int, str, object]] = []

    async def work(item: str) -> str:
        if item == "b":
            raise BadInput("no")
        return item.upper()

    await map_concurrently("abc", work, concurrency=1, on_result=lambda *report: calls.append(report))

    assert [(position, item) for position, item, _ in calls] == [(0, "a"), (1, "b"), (2, "c")]
    assert isinstance(calls[1][2], Failure)


async def test_stopping_lets_what_runs_finish():
    rows: list[int] = []

    async def work(number: int) -> int:
        await asyncio.sleep(0)
        rows.append(number)
        return number

    result = await map_concurrently(range(10), work, concurrency=2, should_stop=lambda: len(rows) >= 3)

    finished = [number for number in result if not isinstance(number, Failure)]
    assert 3 <= len(finished) <= 5
    assert len(result) == 10
    assert result[-1] == Failure("work", "cancelled", "Stopped before this was started.")


async def test_cancelling_cancels_what_runs_and_waits_for_it():
    work = Work()
    task = asyncio.create_task(map_concurrently(range(100), work, concurrency=5))
    await work.full(5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert work.running == 0
    assert sorted(work.cancelled) == [0, 1, 2, 3, 4]
    await asyncio.sleep(0.01)
    assert work.started == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "error", [OutOfBudget("1.00 USD spent."), Cancellation("Cancelled."), StorageError("The disk is full.")]
)
async def test_a_spent_budget_or_a_full_disk_stops_all(error: Exception):
    work = Work()

    async def spend(number: int) -> int:
        if number == 3:
            raise error
        return await work(number)

    with pytest.raises(type(error)):
        await map_concurrently(range(100), spend, concurrency=5)

    assert work.running == 0
    assert len(work.started) < 10


async def test_what_the_report_raises_stops_all():
    def full(*_report: object) -> None:
        raise OSError("disk full")

    async def work(number: int) -> int:
        return number

    with pytest.raises(OSError, match="disk full"):
        await map_concurrently(range(10), work, concurrency=2, on_result=full)
