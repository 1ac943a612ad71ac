"""Room in a budget for what a search has still to confirm."""

from __future__ import annotations

from dataclasses import dataclass

from llmopt_core.execution.budget import Budget, fits_budget
from llmopt_core.types import Usage


@dataclass
class Reserve:
    """Whether a whole answer can be paid, and the last test after it: what is begun shall not be for nothing.

    What is in flight is counted at the dearest answer so far. Calls beside the answers are made one at a time and are
    dearer, so they have a price of their own. The budget itself looks at each call.
    """

    budget: Budget
    calls_each: int
    calls: int = 0
    usd: float = 0.0
    dearest: float = 0.0
    dearest_beside: float = 0.0
    in_flight: int = 0
    answers: int = 0
    has_price: bool = False

    def has_room(self, *, beside: bool) -> bool:
        """Whether one more answer, or call beside them, fits with what is in flight and reserved."""
        # What is reserved for the last test counts as if it were under way.
        open_calls = self.in_flight + self.answers
        calls = self.calls + open_calls * self.calls_each + (1 if beside else self.calls_each)
        usd = self.usd + open_calls * self.dearest + (self.dearest_beside if beside else self.dearest)
        fits = self.budget.calls is None or calls <= self.budget.calls
        return fits and (self.budget.usd is None or fits_budget(usd, self.budget.usd))

    @property
    def is_unknown(self) -> bool:
        """Whether a budget in USD is set and what an answer costs has not been seen yet."""
        return self.budget.usd is not None and not self.has_price

    def add(self, usage: Usage, *, beside: bool = False) -> None:
        """Something was paid, or came from the cache."""
        self.has_price = self.has_price or bool(usage.calls)
        self.calls += usage.calls
        self.usd += usage.cost_usd or 0.0
        cost = usage.cost_usd or 0.0
        if beside:
            self.dearest_beside = max(self.dearest_beside, cost)
        else:
            self.calls_each = max(self.calls_each, usage.calls)
            self.dearest = max(self.dearest, cost)

    def __enter__(self) -> None:
        self.in_flight += 1

    def __exit__(self, *_: object) -> None:
        self.in_flight -= 1
