"""What every stage that asks a model needs to know about it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from llmopt_core.models.base import ModelSpec
from llmopt_core.models.registry import Models

T = TypeVar("T")


def completes(model: ModelSpec, models: Models) -> bool:
    """Whether the model is given a plain text to continue, rather than messages.

    Raises:
        BadInput: There is no such endpoint.
    """
    return (model.mode or models.endpoint(model.endpoint).mode) == "completion"


async def together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run all at once. Where one fails the others are cancelled, so that nothing goes on spending."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except BaseExceptionGroup as errors:
        first: BaseException = errors
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None
    return [task.result() for task in tasks]
