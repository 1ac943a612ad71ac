"""The one place where money and calls are counted: what a call takes is entered at the call, whatever becomes of it.

Everything that pays (answers, judges, embedding at endpoints, reranking, writing, searches, pilots) goes through
`Models`, and each of its calls through the `Budget` that `Models` works within.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from llmopt_core.errors import OutOfBudget
from llmopt_core.execution.accounts import open_accounts
from llmopt_core.execution.money import dollars
from llmopt_core.types import Usage


@dataclass(frozen=True, slots=True)
class Quote:
    """What a call may take, before it is made.

    Attributes:
        model: Calls of one model are expected to cost alike.
        least_usd: What its prompt costs in any case.
        most_usd: With an answer as long as allowed; None where no price is known.
    """

    model: str
    least_usd: float = 0.0
    most_usd: float | None = None


class Budget:
    """The most a piece of work may take. Safe to use from any thread and any event loop; without limits it counts.

    The rule: a call starts beside others only where the budget would pay all of them with answers as long as allowed.
    Near the end calls therefore wait for each other, and the last ones are made one by one: a call that is alone
    starts where it fits if it costs as much as the dearest of its model so far, and at least its prompt, and is refused
    otherwise. So all calls together can cost more than the budget by no more than what one call costs above that. Of a
    model that was never asked, one call goes first. A refused call was not made; calls in flight are never given up.

    Args:
        usd: The most all calls may cost.
        calls: The most calls. What a cache answers is no call.
        minutes: After so many minutes no further call is made.
        usage: What was paid before within this budget.
        dearest: By model, what its dearest call cost before.

    Attributes:
        on_call: Called after each call.
        has_refused: Whether a call was not made for want of room.
        usage: What was paid, earlier work within this budget included.
        session_usage: What was paid now, without earlier work.
    """

    def __init__(
        self,
        usd: float | None = None,
        calls: int | None = None,
        minutes: float | None = None,
        *,
        usage: Usage = Usage(),
        dearest: Mapping[str, float] | None = None,
    ) -> None:
        self.usd, self.calls, self.minutes = usd, calls, minutes
        self.on_call: Callable[[], None] | None = None
        self.has_refused = False
        # Limits are for all sessions together, reports for this one.
        self.usage, self.session_usage = usage, Usage()
        self._cost = usage.cost_usd or 0.0
        self._dearest = dict(dearest or {})
        # By model: how much of what its prompt was expected to cost a call really cost at most, such as a half where
        # prompts were cached.
        self._share: dict[str, float] = {}
        # Begun and not ended; a list, as two calls may be equal in everything.
        self._flying: list[Call] = []
        self._waiting: list[Future[None]] = []
        self._lock = threading.Lock()
        self._start = time.monotonic()

    @property
    def dearest(self) -> dict[str, float]:
        """What the dearest call of each model cost."""
        return dict(self._dearest)

    @property
    def remaining_usd(self) -> float | None:
        """What is left; None without a limit, and 0 where a call cost more than was foreseen."""
        return None if self.usd is None else max(0.0, self.usd - self._cost)

    def call(self, quote: Quote) -> Call:
        """A call, as a context: `async with` in an event loop, `with` in a thread.

        Raises:
            OutOfBudget: On entering: there is no room for it.
        """
        return Call(self, quote)

    def refusal(self) -> OutOfBudget:
        """Why no further call is made, in words for the user."""
        # In the order in which `_has_room` looks.
        if self.minutes is not None and self._is_out_of_time():
            what, state = f"{self.minutes:g} minutes", "they are over"
        elif self.calls is not None and self.usage.calls >= self.calls:
            what, state = f"{self.calls:,} calls", f"{self.usage.calls:,} were made"
        else:
            what, state = dollars(self.usd or 0.0), f"{dollars(self._cost)} are spent"
        return OutOfBudget(
            f"The budget of {what} leaves no room for the next call ({state}). What was made is kept: with a larger "
            "budget the work goes on from there."
        )

    def start(self, call: Call) -> Future[None] | None:
        """Let a call fly; or a future that is done when it should ask again."""
        with self._lock:
            if self._has_room(call.quote):
                self._flying.append(call)
                return None
            # While others fly, their ends may make room; alone, waiting would never end.
            if not self._flying or self._is_out_of_time():
                self.has_refused = True
                raise self.refusal()
            waiting: Future[None] = Future()
            self._waiting.append(waiting)
            return waiting

    def end(self, call: Call) -> None:
        """The call has landed: those that wait may ask again."""
        with self._lock:
            self._flying.remove(call)
            # All are woken and ask again: which of them fits now, only their quotes tell.
            waiting, self._waiting = self._waiting, []
        for one in waiting:
            # Its caller may have been cancelled.
            with suppress(InvalidStateError):
                one.set_result(None)

    def likely(self, quote: Quote) -> Usage:
        """What a call takes as far as can be told before it ends."""
        cost = max(self._dearest.get(quote.model, 0.0), self._least(quote))
        # None where no price is known: a sum of it says "unknown", not "free".
        return Usage(calls=1, cost_usd=cost if cost or quote.most_usd is not None else None)

    def add(self, quote: Quote, usage: Usage) -> None:
        """Enter what a call took."""
        cost = usage.cost_usd or 0.0
        with self._lock:
            self.usage += usage
            self.session_usage += usage
            # A thousand additions of 0.1 must not end below 100 or above.
            self._cost = round(self._cost + cost, 15)
            self._dearest[quote.model] = max(self._dearest.get(quote.model, 0.0), cost)
            if quote.least_usd:
                share = cost / quote.least_usd
                self._share[quote.model] = max(self._share.get(quote.model, 0.0), share)
        # Outside the lock: it may look at the budget.
        if self.on_call is not None:
            self.on_call()

    def _is_out_of_time(self) -> bool:
        return self.minutes is not None and time.monotonic() - self._start >= 60 * self.minutes

    def _has_room(self, quote: Quote) -> bool:
        if self._is_out_of_time():
            return False
        # What is under way counts as made.
        if self.calls is not None and self.usage.calls + len(self._flying) >= self.calls:
            return False
        return self.usd is None or self._can_pay(quote, self.usd)

    def _can_pay(self, quote: Quote, usd: float) -> bool:
        highest_cost = self._dearest.get(quote.model)
        # Free calls fit in any budget, even in one that is spent; without a price list, a first call that cost nothing
        # shows it.
        if quote.most_usd == 0.0 or (highest_cost == 0.0 and quote.most_usd is None):
            return True
        flying = [call.quote for call in self._flying if call.quote.most_usd != 0.0]
        # Nobody knows what its calls cost before one has ended: one goes first.
        if highest_cost is None and any(other.model == quote.model for other in flying):
            return False
        if self._cost >= usd:
            return False
        if not flying:
            return fits_budget(self._cost + max(highest_cost or 0.0, self._least(quote)), usd)
        return fits_budget(self._cost + sum(map(self._most, flying)) + self._most(quote), usd)

    def _least(self, quote: Quote) -> float:
        """What the prompt costs; where all calls of the model cost less than was foreseen, so much less."""
        # Never more than quoted: a dear call in the past is held in `_dearest`.
        return quote.least_usd * min(1.0, self._share.get(quote.model, 1.0))

    def _most(self, quote: Quote) -> float:
        return max(self._dearest.get(quote.model, 0.0), quote.most_usd or 0.0)


class Call:
    """One call within a budget; see `Budget.call`."""

    def __init__(self, budget: Budget, quote: Quote) -> None:
        self.quote = quote
        self._budget = budget
        self._likely: Usage | None = None

    def enter(self, usage: Usage) -> None:
        """Say what the call took, to the budget and to the accounts of this part of the work."""
        self._budget.add(self.quote, usage)
        self._land(usage)

    async def __aenter__(self) -> Self:
        while (waiting := self._budget.start(self)) is not None:
            await asyncio.wrap_future(waiting)
        self._fly()
        return self

    async def __aexit__(self, _: object, error: BaseException | None, *__: object) -> None:
        self._end(error)

    def __enter__(self) -> Self:
        while (waiting := self._budget.start(self)) is not None:
            waiting.result()
        self._fly()
        return self

    def __exit__(self, _: object, error: BaseException | None, *__: object) -> None:
        self._end(error)

    def _end(self, error: BaseException | None) -> None:
        try:
            # What an `EndpointError` or a cancellation says it took; other exceptions have no such attribute.
            usage = getattr(error, "usage", None)
            if usage is not None:
                # The call was paid although nothing came of it.
                self.enter(usage)
            elif self._likely is not None:
                self._land(Usage())
        finally:
            # Whatever happened: a call that never lands would keep all others waiting.
            self._budget.end(self)

    def _fly(self) -> None:
        self._likely = self._budget.likely(self.quote)
        for account in open_accounts():
            account.start(self._likely)

    def _land(self, took: Usage) -> None:
        # Once only: a call may be entered and then end with an error.
        likely, self._likely = self._likely, None
        for account in open_accounts():
            account.end(likely, took)


def fits_budget(usd: float, most: float) -> bool:
    """Whether so much may be paid from a budget."""
    # Sums of prices are not exact: ten times 0.1 may be 1.
    return usd <= most * (1 + 1e-9)
