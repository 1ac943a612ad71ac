"""Queries within four layers: an allow-list, the engine's locks, a child process with limits, a cap while reading."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from llmopt_core.databases.child import READY, answer, prepare, stop_sentence
from llmopt_core.databases.engines.base import file_mark
from llmopt_core.databases.limits import QueryLimits
from llmopt_core.databases.outcome import QueryOutcome
from llmopt_core.databases.source import DataSource
from llmopt_core.databases.tables import load_tables, table_files
from llmopt_core.errors import LlmOptError
from llmopt_core.execution.isolation import ChildPool, IsolationError, Limits, add_child, run_in_child
from llmopt_core.settings import Settings

# The child starts, loads its engine and opens the database within these.
_OPENING = Limits(memory=2_000_000_000, cpu=60.0, wall=60.0)
# By the clock, after which a query counts as a long one that may have to be ended.
_LONG_SECONDS = 0.2

# As many at once as the machine has cores. Apart from the children that read documents: nobody's question waits for a
# book.
POOL = ChildPool(max(2, min(4, os.cpu_count() or 2)))
_adding = threading.Lock()


class _TimeOver(Exception):
    """The query's time by the clock is over."""


class SqlExecutor:
    """Runs queries over one source. Threads may share it; each query has a child process to itself.

    Args:
        source: Where the figures are.
        limits: What each query may take.
        spare: Whether a second child is made ready while a query runs for long, so that the next one need not wait for
            the start of one where this one has to be ended.
        home: The workspace, where table files are kept as a database; by default that of the environment.
    """

    def __init__(
        self,
        source: DataSource,
        limits: QueryLimits | None = None,
        *,
        spare: bool = True,
        home: Path | None = None,
    ) -> None:
        self.source = source
        self._home = home
        self._loaded: tuple[object, Path] | None = None
        self.limits = limits or QueryLimits()
        self._spare = spare

    def run(self, sql: str, heartbeat: Callable[[], None] | None = None) -> QueryOutcome:
        """Run one query.

        Args:
            sql: One SELECT in the dialect of the source.
            heartbeat: Called some times a second. What it raises ends the query and is passed on.

        Returns:
            What came of it; no query raises.
        """
        limits = self.limits
        if len(sql) > limits.text:
            return QueryOutcome("refused", f"The query has {len(sql):,} characters; at most {limits.text:,} may run.")
        try:
            source = self._open_source()
        except LlmOptError as error:
            return QueryOutcome("error", str(error), is_source_fault=True)
        timer = _Timer(limits.seconds, self._look(source, heartbeat))
        bounds = Limits(
            _OPENING.memory + limits.memory, _OPENING.cpu + limits.seconds, 2 * _OPENING.wall + limits.seconds
        )
        try:
            outcome: QueryOutcome = run_in_child(
                answer, (source, sql, limits), bounds, on_part=timer.start, heartbeat=timer.look, pool=POOL
            )
        except _TimeOver:
            return QueryOutcome("ended", stop_sentence("time", limits), seconds=timer.seconds)
        except IsolationError as stop:
            what = "crash" if stop.reason == "failed" else stop.reason
            return QueryOutcome("ended", stop_sentence(what, limits, stop.detail), seconds=timer.seconds)
        finally:
            # A child that was ended has a successor before anybody asks.
            if self._spare:
                _add_spare(source, self.limits)
        return outcome

    def _open_source(self) -> DataSource:
        """What the child opens: tables are loaded into a database of their own first."""
        if self.source.kind != "tables":
            return self.source
        # Their contents are read again only where a file has another size or time.
        marks = [(str(file), file_mark(file)) for file in table_files(self.source)]
        if self._loaded is None or self._loaded[0] != marks or not self._loaded[1].exists():
            self._loaded = marks, load_tables(self.source, self._home or Settings.from_environment().home)
        return DataSource("tables", str(self._loaded[1]), self.source.name)

    def _look(self, source: DataSource, heartbeat: Callable[[], None] | None) -> Callable[[float], None]:
        def look(seconds: float) -> None:
            if self._spare and seconds > _LONG_SECONDS:
                _add_spare(source, self.limits)
            if heartbeat is not None:
                heartbeat()

        return look


def run_query(source: DataSource, sql: str, limits: QueryLimits | None = None) -> QueryOutcome:
    """`SqlExecutor.run` for a single query."""
    return SqlExecutor(source, limits, spare=False).run(sql)


def _add_spare(source: DataSource, limits: QueryLimits) -> None:
    """Begin to make a child ready, where none waits and none is on its way."""
    if not POOL.idle.empty() or not _adding.acquire(blocking=False):
        return

    def add() -> None:
        try:
            add_child(prepare, (source, limits), _OPENING, POOL)
        finally:
            _adding.release()

    # A daemon: nobody waits for it at the end of the program, and the child ends with its owner.
    threading.Thread(target=add, name="sql-spare", daemon=True).start()


class _Timer:
    """The query's time by the clock, which begins once its source is open."""

    def __init__(self, limit: float, look: Callable[[float], None]) -> None:
        self._limit = limit
        self._look = look
        self._begin = time.monotonic()
        self._has_begun = False

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begin

    def start(self, _count: int, _total: int, what: str) -> None:
        if what == READY:
            self._begin, self._has_begun = time.monotonic(), True

    def look(self) -> None:
        # Until then it waits for its turn and for the child's start, which have limits of their own.
        if self._has_begun and self.seconds > self._limit:
            raise _TimeOver
        self._look(self.seconds if self._has_begun else 0.0)
