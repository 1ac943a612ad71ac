"""A database server that restarts is waited for, as a busy SQLite file is."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError

from llmopt_core.errors import DatabaseConnectionError, StorageError

# Long enough for a restart of the server, short enough that nobody takes it for a hang.
WAIT_SECONDS = 30
# In seconds, doubled each time: a short gap costs little, and a server that starts is not stormed.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0

_Class = TypeVar("_Class", bound=type)

# Shut down, crashed, starting up; too many sessions; a deadlock or a conflict that the next try does not have.
_STATES = frozenset(("57P01", "57P02", "57P03", "53300", "40P01", "40001"))
# What the driver says where there is no such code. All that keeps it from connecting begins with the first one.
_SIGNS = (
    "connection failed", "refused", "starting up", "shutting down", "recovery mode", "closed the connection",
    "connection is closed",
    "connection is lost", "terminating connection", "reset by peer", "broken pipe", "timeout expired", "eof detected",
    "too many clients",
)  # fmt: skip


def is_transient(error: DBAPIError) -> bool:
    """Whether the same transaction may well succeed in a moment: nothing of it is stored."""
    state = str(getattr(error.orig, "sqlstate", None) or "")
    message = str(error.orig).lower()
    return (
        error.connection_invalidated
        # Class 08 of SQL's states: the connection failed.
        or state.startswith("08")
        or state in _STATES
        or (not state and any(sign in message for sign in _SIGNS))
    )


def patiently(work: Callable[[], Any], where: str) -> Any:
    """What `work` gives, tried again while the server is away.

    Raises:
        StorageError: It stayed away for 30 s.
    """
    last, pause = 0.0, _FIRST_PAUSE
    while True:
        try:
            return work()
        except DatabaseConnectionError as error:
            # From the first failure on: work that was slow before it still has the whole wait.
            last = last or time.monotonic() + WAIT_SECONDS
            if time.monotonic() > last:
                raise StorageError(
                    f"The database {where} has not answered for {WAIT_SECONDS} s: check that it runs, then resume; "
                    "what was stored is safe."
                ) from error
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def retrying(cls: _Class) -> _Class:
    """Let every public method of a part of the store be one piece of work that is tried again (see `patiently`).

    Each is one transaction of which nothing is stored when it fails, so that trying again writes nothing twice.
    """
    for name, method in list(vars(cls).items()):
        # Private methods are parts of a public one's transaction, and are tried again with it.
        if inspect.isfunction(method) and not name.startswith("_"):
            setattr(cls, name, _with_retries(method))
    return cls


def _with_retries(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(self: Any, *args: Any, **more: Any) -> Any:
        # What can be read only once is read before the first try.
        arguments = [list(value) if isinstance(value, Iterator) else value for value in args]
        return patiently(lambda: method(self, *arguments, **more), self.database.where)

    return call
