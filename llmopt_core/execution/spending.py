"""What earlier sessions of the same work have paid counts within its budget, also those that were killed.

An evaluation keeps this in its run. Other work has no run: what it has paid lies beside what was paid for,
in the cache, under a name of the work, one entry for each session.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from llmopt_core.cache import Cache, SupportsClaim, SupportsReplace
from llmopt_core.errors import BadInput
from llmopt_core.execution.accounts import Account, account_for
from llmopt_core.execution.budget import Budget
from llmopt_core.execution.money import dollars
from llmopt_core.types import Usage

STAGE = "spent"


@dataclass(frozen=True, slots=True)
class Spending:
    """What was paid for a piece of work.

    Attributes:
        usage: In all sessions; calls that were under way when one was killed count like the dearest of their model.
        dearest: By model, what its dearest call cost.
        is_stopped: Whether the last session ended at its budget.
        usd: The most that it might cost in all, as it was said last; None where that was left open.
        calls: The same for calls.
    """

    usage: Usage = Usage()
    dearest: Mapping[str, float] = field(default_factory=dict)
    is_stopped: bool = False
    usd: float | None = None
    calls: int | None = None


NO_SPENDING = Spending()


def read_spending(cache: Cache | None, work: str) -> Spending:
    """What was paid so far for the work of that name."""
    keeper = _keeper(cache)
    entries = keeper.starting_with(STAGE, f"{work}/") if keeper is not None else {}
    # Sorted by name, which begins with the time: the last one's limits and state are the work's.
    sessions = [session for key in sorted(entries) if (session := _read(entries[key])) is not None]
    if not sessions:
        return NO_SPENDING
    usage = sum((session.usage for session in sessions), Usage())
    return replace(sessions[-1], usage=usage, dearest=_dearest(sessions))


def check_larger_budget(cache: Cache | None, work: str, usd: float | None, calls: int | None = None) -> None:
    """Ask for a larger budget where the last session of the work ended at its own.

    Raises:
        BadInput: Says what was spent.
    """
    before = read_spending(cache, work)
    if not before.is_stopped:
        return
    # One that is larger is enough: the other may not have been what stopped it.
    larger = (usd or 0.0) > (before.usd or 0.0) or (calls or 0) > (before.calls or 0)
    if _is_left_open(before, usd, calls) or _is_used_up(before, usd, calls) or not larger:
        raise _budget_error(before)


def _is_used_up(before: Spending, usd: float | None, calls: int | None) -> bool:
    cost, call_count = before.usage.cost_usd or 0.0, before.usage.calls
    # A budget that is spent already would stop at its first call.
    return (usd is not None and usd <= cost) or (calls is not None and calls <= call_count)


def _is_left_open(before: Spending, usd: float | None, calls: int | None) -> bool:
    return (usd is None and before.usd is not None) or (calls is None and before.calls is not None)


def _budget_error(before: Spending) -> BadInput:
    cost, calls = before.usage.cost_usd or 0.0, before.usage.calls
    in_usd = cost > 0 or before.usd is not None
    facts = f"{dollars(cost)} are spent so far, in {calls:,} calls" if in_usd else f"{calls:,} calls are made so far"
    limits = [name for name, limit in (("USD", before.usd), ("calls", before.calls)) if limit is not None]
    return BadInput(
        f"This was stopped by its budget, and {facts}: to go on, say what it may take in all, as a larger budget "
        f"({' and '.join(limits) or 'USD'})."
    )


def spending_words(cache: Cache, work: str, budget_usd: float) -> str:
    """What of a budget is spent for the work of that name, and what is left, for people."""
    cost = read_spending(cache, work).usage.cost_usd or 0.0
    remainder = dollars(max(0.0, budget_usd - cost))
    return f"{dollars(cost)} of the budget of {dollars(budget_usd)} are spent, {remainder} are left"


@contextmanager
def spending(
    cache: Cache | None,
    work: str,
    usd: float | None,
    calls: int | None = None,
    *,
    pilot: bool = False,
    minimum: Spending = NO_SPENDING,
) -> Iterator[Budget]:
    """A budget for work that may be begun several times: what it was paid before is part of it.

    Args:
        cache: Where it is kept; without one that keeps what changes, only this session counts.
        work: Names the work by everything that decides its result.
        usd: The most that it may cost in all.
        calls: The most calls in all.
        pilot: Whether it only tries what the work will cost; that asks for no new budget.
        minimum: What is recorded elsewhere of the same sessions; where that is more, it counts.

    Raises:
        BadInput: Its budget stopped it and no new one is given, or it is worked on within a budget at this moment.
    """
    before = read_spending(cache, work)
    if before.is_stopped and not pilot and _is_left_open(before, usd, calls):
        raise _budget_error(before)
    # The run and the cache may both know of the same sessions, so their sums must not be added. The dearer one has seen
    # more.
    more = max(before, minimum, key=lambda one: (one.usage.cost_usd or 0.0, one.usage.calls))
    budget = Budget(usd, calls, usage=more.usage, dearest=_dearest([minimum, before]))
    keeper = _keeper(cache)
    # A notebook with a cache in memory alone: this session still keeps to its budget.
    if keeper is None:
        yield budget
        return
    with (
        _alone(cache, work, has_limits=usd is not None or calls is not None),
        # A pilot must not wipe out that the work itself was stopped.
        _Session(keeper, work, budget, before if before.is_stopped and pilot else None) as session,
        account_for(session.account),
    ):
        yield budget


def _dearest(sessions: Iterable[Spending]) -> dict[str, float]:
    costs: dict[str, float] = {}
    for session in sessions:
        for model, cost in session.dearest.items():
            costs[model] = max(cost, costs.get(model, 0.0))
    return costs


def _keeper(cache: Cache | None) -> SupportsReplace | None:
    store: object = cache
    return store if isinstance(store, SupportsReplace) else None


@contextmanager
def _alone(cache: Cache | None, work: str, *, has_limits: bool) -> Iterator[None]:
    """Two sessions would each take the whole budget for their own."""
    store: object = cache
    if not has_limits or not isinstance(store, SupportsClaim):
        yield
        return
    # The claim ends with its process, so a killed session does not lock its work for ever.
    token = uuid.uuid4().hex
    if not store.claim_many(STAGE, {work: token}):
        raise BadInput("The same work is under way already, within its budget; wait until it has ended.")
    try:
        yield
    finally:
        store.release_many(STAGE, {work: token})


class _Session:
    """Keeps what one session pays, in a thread of its own: of what comes fast the last state is enough."""

    def __init__(self, cache: SupportsReplace, work: str, budget: Budget, stop: Spending | None) -> None:
        self.account = Account(on_change=self._wake_up)
        self._cache, self._budget, self._stop = cache, budget, stop
        # One entry per session, so that two without limits never write over each other. Padded, so that text sorts like
        # numbers.
        self._key = f"{work}/{time.time_ns():020d}{uuid.uuid4().hex[:8]}"
        # What the last write was asked for.
        self._state: Any = (0, Usage())
        self._wake, self._over = threading.Event(), False
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._write, name="spending", daemon=True)

    def __enter__(self) -> _Session:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if not self._thread.is_alive():
            # Nothing was paid, but it was stopped: the next session must be told.
            if self._budget.has_refused:
                self._save()
            return
        # Set before waking: the thread reads it after it was woken, so its last save is after everything.
        self._over = True
        self._wake.set()
        self._thread.join()
        # An error of the work itself is not hidden behind that of the book-keeping.
        if self._problem is not None and kind is None:
            raise self._problem

    def _wake_up(self) -> None:
        state = (self.account.usage.calls, self.account.flying)
        # What a cache answers is entered as well, and is not paid.
        if state == self._state:
            return
        self._state = state
        with suppress(RuntimeError):
            # It may have been started by another call.
            self._thread.start()
        self._wake.set()

    def _write(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            # Read before the save, so that nothing is entered between the last save and the end.
            over = self._over
            try:
                self._save()
                # Each save is of all so far, so it makes up for those that failed before it.
                self._problem = None
            # The thread goes on: a full disk may have room again at the next entry.
            except BaseException as error:
                self._problem = error
            if over:
                return

    def _save(self) -> None:
        # A pilot after a stop asks for no budget of its own.
        limits = self._stop or self._budget
        values = {
            "usage": _values(self.account.usage),
            "flying": _values(self.account.flying),
            "dearest": self._budget.dearest,
            "stopped": self._stop is not None or self._budget.has_refused,
            "limits": [limits.usd, limits.calls],
        }
        self._cache.replace_many(STAGE, {self._key: json.dumps(values).encode()})


def _values(usage: Usage) -> list[Any]:
    # What is saved by caches is left out: it was not spent.
    return [usage.prompt_tokens, usage.completion_tokens, usage.cost_usd, usage.calls]


def _read(data: bytes) -> Spending | None:
    try:
        values = json.loads(data)
        # Calls in flight when the process died were paid for most likely.
        usage = Usage(*values["usage"]) + Usage(*values["flying"])
        dearest = {str(name): float(cost) for name, cost in values["dearest"].items()}
        # Before limits were kept, what was stopped had one in USD.
        usd, calls = values.get("limits", [0.0, None])
        return Spending(usage, dearest, values["stopped"], usd, calls)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
