"""Many slow calls, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from typing import Any, TypeVar

from llmopt_core.errors import Cancellation, EndpointError, LlmOptError, OutOfBudget, StorageError
from llmopt_core.types import Failure

T = TypeVar("T")
R = TypeVar("R")

# Calls that start at the same moment are refused together by a server; a little apart they are not.
_APART_SECONDS = 0.003
_SPREAD_SECONDS = 0.1


async def map_concurrently(
    items: Iterable[T],
    work: Callable[[T], Awaitable[R]],
    *,
    concurrency: int,
    on_result: Callable[[int, T, R | Failure], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    stage: str = "work",
) -> list[R | Failure]:
    """Run `work` on every item, at most `concurrency` at once; the next starts as soon as one ends.

    An item whose work raises becomes a `Failure` and the others go on. Cancelling the caller cancels all that is in
    flight and waits for it, so nothing goes on spending in the background.

    Args:
        items: May be computed on the way; one is taken when there is room for it.
        work: The asynchronous work on one item.
        concurrency: At least 1.
        on_result: Called in the event loop with position, item and result as each finishes. What it raises stops all.
        should_stop: Asked before each item is started; once true nothing new starts, what is in flight finishes.
        stage: Names the stage in failures.

    Returns:
        Results in the order of the items; items never started have a `Failure` of kind `cancelled`.

    Raises:
        OutOfBudget: Raised by work or `on_result`: all work is cancelled and the error passed on, as with
            `Cancellation` and `StorageError`.
    """
    if concurrency < 1:
        raise ValueError(f"concurrency must be at least 1, not {concurrency}")
    # One iterator for all workers: who is free takes the next. No await within `next`, so no item is taken twice.
    source = enumerate(items)
    results: dict[int, R | Failure] = {}

    async def worker(number: int) -> None:
        # Calls that start together end together and then wait for each other's turn in the loop, again and again.
        await asyncio.sleep(min(number * _APART_SECONDS, _SPREAD_SECONDS * number / concurrency))
        for position, item in _until(source, should_stop):
            result = await _attempt(work, item, stage)
            # Kept before it is told: `on_result` may raise, and what was paid for is not lost with it.
            results[position] = result
            if on_result is not None:
                on_result(position, item, result)

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(concurrency):
                group.create_task(worker(number))
    # One error out of its group: callers catch `OutOfBudget`, not a group that holds one. A cancellation passes as it
    # is.
    except* Exception as errors:
        raise _first(errors) from None
    never = Failure(stage, "cancelled", "Stopped before this was started.")
    # What is left of the source was never started; after a stop it is only counted.
    total = max(results, default=-1) + 1 + sum(1 for _ in source)
    return [results.get(position, never) for position in range(total)]


async def run_together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run all at once. Where one fails the others are cancelled, so that nothing goes on spending.

    Raises:
        BaseException: What the first that failed raised, out of its group.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    # Base: what a task raises that is no `Exception` comes in such a group.
    except BaseExceptionGroup as errors:
        raise _first(errors) from None
    return [task.result() for task in tasks]


def _until(source: Iterator[tuple[int, T]], should_stop: Callable[[], bool] | None) -> Iterator[tuple[int, T]]:
    while should_stop is None or not should_stop():
        item = next(source, None)
        if item is None:
            return
        yield item


async def _attempt(work: Callable[[T], Awaitable[R]], item: T, stage: str) -> R | Failure:
    try:
        return await work(item)
    except (OutOfBudget, Cancellation, StorageError):
        # What a full disk keeps from being stored is no failure of the item: it is done again when there is room.
        raise
    except Exception as error:
        return failure_of(error, stage)


def failure_of(error: BaseException, stage: str) -> Failure:
    """The failure that an exception stands for, in words for the user."""
    if isinstance(error, EndpointError):
        return Failure(stage, error.kind, str(error))
    if isinstance(error, LlmOptError):
        return Failure(stage, type(error).__name__, str(error))
    # At most 500 characters: libraries put whole requests into their messages.
    return Failure(stage, type(error).__name__, f"{type(error).__name__}: {error}"[:500])


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error inside nested groups."""
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        # It is what stopped the others.
        first = first.exceptions[0]
    return first
