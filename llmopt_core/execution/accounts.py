"""Accounts: what was paid for a part of the work, such as one record. The calls of a `Budget` are entered in them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from llmopt_core.types import Usage


class Account:
    """Adds up what is paid for a part of the work. Safe to use from any thread.

    Args:
        usage: What was paid before.
        on_change: Called after each entry and at the start and end of each call, in the thread that made it.

    Attributes:
        usage: Everything so far.
    """

    def __init__(self, usage: Usage = Usage(), on_change: Callable[[], None] | None = None) -> None:
        self.usage = usage
        # A list and no sum: unknown costs (None) cannot be taken out of a sum again.
        self._flying: list[Usage] = []
        self._on_change = on_change
        self._lock = threading.Lock()

    @property
    def flying(self) -> Usage:
        """What the calls that are under way are likely to take: paid for, should this process die before they end."""
        with self._lock:
            return sum(self._flying, Usage())

    def add(self, usage: Usage) -> None:
        """Enter what one call took."""
        with self._lock:
            self.usage += usage
        # Outside the lock: whoever is told reads the sums, which takes it again.
        self._tell()

    def start(self, likely: Usage) -> None:
        """A call is under way."""
        with self._lock:
            self._flying.append(likely)
        self._tell()

    def end(self, likely: Usage | None, took: Usage) -> None:
        """A call has ended, and what it took is known; None where it had ended before."""
        with self._lock:
            if likely is not None:
                # The first that is equal will do: equal calls are likely to take the same.
                self._flying.remove(likely)
            self.usage += took
        self._tell()

    def _tell(self) -> None:
        if self._on_change is not None:
            self._on_change()


# A tuple, since a context is copied shallowly: with a list, a task's account would appear in its siblings.
_accounts: ContextVar[tuple[Account, ...]] = ContextVar("accounts", default=())


@contextmanager
def account_for(account: Account) -> Iterator[Account]:
    """Enter into this account, too, what is paid meanwhile, in tasks and threads that start from here as well."""
    token = _accounts.set((*_accounts.get(), account))
    try:
        yield account
    finally:
        _accounts.reset(token)


def open_accounts() -> tuple[Account, ...]:
    """The accounts of this part of the work."""
    return _accounts.get()


def enter(usage: Usage) -> None:
    """Enter what was taken from a cache into the accounts of this part of the work."""
    # What a cache gave goes past the budget, which counts what is paid.
    for account in _accounts.get():
        account.add(usage)
