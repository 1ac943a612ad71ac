"""What the calls of a piece of work cost, and no call beyond its budget."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from llmopt_core.errors import BudgetReached
from llmopt_core.models.base import ChatModel, ChatRequest, Completion
from llmopt_core.types import Usage

_Price = tuple[str, str]


class Meter:
    """Adds up what model calls take. What a call will cost is taken to be the dearest so far of the same model.

    A call the budget may have no room for waits for those in flight; only with none in flight is it refused, so
    nothing that is paid is lost. Use one per event loop.

    Args:
        budget_usd: The most all calls may cost.

    Attributes:
        usage: Of the calls that were made.
        on_call: Called after each of them.
    """

    def __init__(self, budget_usd: float | None = None) -> None:
        self.usage = Usage()
        self.on_call: Callable[[], None] | None = None
        self._budget = budget_usd
        self._dearest: dict[_Price, float] = {}
        self._reserved: dict[_Price, int] = {}
        self._changed = asyncio.Event()

    async def call(self, model: ChatModel, request: ChatRequest, on_text: Callable[[str], None] | None) -> Completion:
        """Make a call and count it.

        Raises:
            BudgetReached: There is no room for it.
        """
        price = (request.model.endpoint, request.model.name)
        await self._enter(price)
        try:
            completion = await model.complete(request, on_text)
            self.usage += completion.usage
            self._dearest[price] = max(self._dearest.get(price, 0.0), completion.usage.cost_usd or 0.0)
            if self.on_call is not None:
                self.on_call()
        finally:
            self._leave(price)
        return completion

    async def _enter(self, price: _Price) -> None:
        while not self._room(price):
            if not any(self._reserved.values()):
                raise BudgetReached(
                    f"The budget of {self._budget:g} USD leaves no room for the next call. What was made is kept: with "
                    "a larger budget the work goes on from there."
                )
            await self._changed.wait()
        self._reserved[price] = self._reserved.get(price, 0) + 1

    def _leave(self, price: _Price) -> None:
        self._reserved[price] -= 1
        self._changed.set()
        self._changed = asyncio.Event()

    def _room(self, price: _Price) -> bool:
        known = self._dearest.get(price)
        if self._budget is None or known == 0.0:
            return True
        held = sum(number * self._dearest.get(other, 0.0) for other, number in self._reserved.items())
        spent = (self.usage.cost_usd or 0.0) + held
        if known is None:
            # One at a time, until it is known what one costs.
            return not self._reserved.get(price) and spent < self._budget
        return spent + known <= self._budget


class MeteredChat:
    """Makes its calls through the meter that is set, if one is.

    Args:
        inner: The model.
        meter: The meter of this moment.
    """

    def __init__(self, inner: ChatModel, meter: Callable[[], Meter | None]) -> None:
        self._inner = inner
        self._meter = meter

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> Completion:
        """See `ChatModel.complete`."""
        meter = self._meter()
        return await (meter.call(self._inner, request, on_text) if meter else self._inner.complete(request, on_text))
