"""Queries within four layers: an allow-list, the engine's locks, a child process with limits, a cap while reading."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from llmopt_core.databases.child import READY, answer, stop_sentence
from llmopt_core.databases.limits import QueryLimits
from llmopt_core.databases.outcome import QueryOutcome
from llmopt_core.databases.source import DataSource
from llmopt_core.execution.isolation import ChildPool, IsolationError, Limits, run_in_child

# Beyond the query's own: the child starts, loads its engine and opens the database within these.
_OPEN_SECONDS = 60.0
# What engine and parser hold themselves; the query's own limit is added.
_OWN_MEMORY = 200_000_000

# As many at once as the machine has cores, and one more for a query that only waits for a server. Apart from the
# children that read documents: nobody's question waits for a book.
_pool = ChildPool(max(2, min(4, os.cpu_count() or 2)))


class _TimeOver(Exception):
    """The query's time by the clock is over."""


class SqlExecutor:
    """Runs queries over one source. Threads may share it; each query has a child process to itself.

    Args:
        source: Where the figures are.
        limits: What each query may take.
    """

    def __init__(self, source: DataSource, limits: QueryLimits | None = None) -> None:
        self.source = source
        self.limits = limits or QueryLimits()

    def run(self, sql: str, heartbeat: Callable[[], None] | None = None) -> QueryOutcome:
        """Run one query.

        Args:
            sql: One SELECT in the dialect of the source.
            heartbeat: Called some times a second. What it raises ends the query and is passed on.

        Returns:
            What came of it; no query raises.
        """
        begin = time.monotonic()
        limits = self.limits
        if len(sql) > limits.text:
            return QueryOutcome("refused", f"The query has {len(sql):,} characters; at most {limits.text:,} may run.")
        timer = _Timer(limits.seconds, heartbeat)
        bounds = Limits(limits.memory + _OWN_MEMORY, _OPEN_SECONDS + limits.seconds, 3600.0 + limits.seconds)
        try:
            outcome: QueryOutcome = run_in_child(
                answer, (self.source, sql, limits), bounds, on_part=timer.start, heartbeat=timer.look, pool=_pool
            )
        except _TimeOver:
            return QueryOutcome("ended", stop_sentence("time", limits), seconds=time.monotonic() - begin)
        except IsolationError as stop:
            reason = stop.detail if stop.reason in ("crash", "failed") else stop.reason
            return QueryOutcome("ended", stop_sentence(reason, limits), seconds=time.monotonic() - begin)
        return outcome


def run_query(source: DataSource, sql: str, limits: QueryLimits | None = None) -> QueryOutcome:
    """`SqlExecutor.run` for a single query."""
    return SqlExecutor(source, limits).run(sql)


class _Timer:
    """The query's time by the clock, which begins once its source is open."""

    def __init__(self, seconds: float, heartbeat: Callable[[], None] | None) -> None:
        self._seconds = seconds
        self._heartbeat = heartbeat
        # Until the source is open.
        self._end = time.monotonic() + _OPEN_SECONDS

    def start(self, _count: int, _total: int, what: str) -> None:
        if what == READY:
            self._end = time.monotonic() + self._seconds

    def look(self) -> None:
        if time.monotonic() > self._end:
            raise _TimeOver
        if self._heartbeat is not None:
            self._heartbeat()
