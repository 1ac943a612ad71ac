"""What the child process does: opens a source, looks at the query, runs it. The child stays warm between queries."""

from __future__ import annotations

import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache

from llmopt_core.databases.allow_list import inspect_query
from llmopt_core.databases.engines.base import Engine, EngineError, QueryRefusal, QueryStop, SourceError
from llmopt_core.databases.limits import QueryLimits
from llmopt_core.databases.outcome import QueryOutcome
from llmopt_core.databases.source import DataSource, Dialect
from llmopt_core.execution.isolation_child import begin_limits

Tell = Callable[[int, int, str], None]

# Told once the source is open: from here on the query's own time counts.
READY = "ready"

# As many as the parser's functions need for a query that is nested as deep as people and models write.
_RECURSION = 5_000
# Without a query for so long, a DuckDB file is let go: nobody else may write to it while it is open.
_IDLE_SECONDS = 1.0
_guard = threading.Lock()
_open: tuple[DataSource, int, Engine] | None = None
_closing: threading.Timer | None = None


def answer(source: DataSource, sql: str, limits: QueryLimits, tell: Tell) -> QueryOutcome:
    """Run one query in this process."""
    sys.setrecursionlimit(_RECURSION)
    with _guard:
        begin = time.monotonic()
        _load_parser(source.dialect)
        try:
            engine = _engine(source, limits.memory)
        except EngineError as error:
            return QueryOutcome("error", str(error), seconds=time.monotonic() - begin, is_source_fault=True)
        tell(1, 1, READY)
        begin = time.monotonic()
        # The limits that came with the call are those of opening: what is loaded for it is not the query's.
        begin_limits(limits.memory, limits.seconds)
        try:
            with _no_writing():
                outcome = _run(engine, source, sql, limits)
        finally:
            _close_soon(source)
    return replace(outcome, seconds=time.monotonic() - begin)


def prepare(source: DataSource, limits: QueryLimits, _tell: Tell) -> None:
    """Load and open all that a first query would have to wait for."""
    _load_parser(source.dialect)
    # The query that comes will say what is wrong.
    with _guard, suppress(EngineError):
        _engine(source, limits.memory)
        _close_soon(source)


@cache
def _load_parser(dialect: Dialect) -> None:
    inspect_query("SELECT 1", dialect)


def _run(engine: Engine, source: DataSource, sql: str, limits: QueryLimits) -> QueryOutcome:
    inspection = inspect_query(sql, source.dialect, engine.names)
    if inspection.status != "ok":
        return QueryOutcome(inspection.status, inspection.reason)
    try:
        result = engine.run(inspection.sql, limits)
    except EngineError as error:
        return QueryOutcome("error", str(error), is_source_fault=isinstance(error, SourceError))
    except QueryRefusal as refusal:
        return QueryOutcome("refused", str(refusal))
    except QueryStop as stop:
        return QueryOutcome("ended", stop_sentence(stop.limit, limits, stop.detail))
    reason = _cut_sentence(result.cut, len(result.rows), limits)
    return QueryOutcome("ok", reason, result.columns, result.rows, is_cut=bool(result.cut))


@contextmanager
def _no_writing() -> Iterator[None]:
    """Let this process write no byte to any file, whatever the engine is talked into."""
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))


def stop_sentence(what: str, limits: QueryLimits, detail: str = "") -> str:
    """Why a query was ended.

    Args:
        what: `time`, `memory`, `engine` or `crash`.
        limits: What it might take.
        detail: More about the last two.
    """
    if what == "memory":
        return f"The query needed more than {limits.memory // 1_000_000:,} MB of memory and was ended."
    if what == "time":
        return f"The query took more than {limits.seconds:g} s and was ended."
    if what == "engine":
        return f"The query reached a limit of the database ({detail}) and was ended."
    return f"The query broke the process that ran it ({detail}) and was ended."


def _cut_sentence(cut: str, count: int, limits: QueryLimits) -> str:
    if cut == "rows":
        return f"Only the first {count:,} rows were read; there are more."
    if cut == "bytes":
        return f"Only the first {count:,} rows were read, as the result is larger than {limits.result_bytes:,} bytes."
    return ""


def _engine(source: DataSource, memory: int) -> Engine:
    """The engine of the source, opened where it is not open yet or where another file is there by now."""
    global _open, _closing  # noqa: PLW0603
    if _closing is not None:
        _closing.cancel()
        _closing = None
    if _open is not None and _open[:2] == (source, memory) and _open[2].is_current():
        return _open[2]
    _close()
    engine = _new_engine(source, memory)
    _open = source, memory, engine
    return engine


def _close() -> None:
    global _open  # noqa: PLW0603
    if _open is not None:
        _open[2].close()
        _open = None


def _close_soon(source: DataSource) -> None:
    global _closing  # noqa: PLW0603
    if source.kind != "duckdb":
        return

    def close() -> None:
        with _guard:
            # Cancelled while it waited for the query that cancelled it.
            if _closing is timer:
                _close()

    timer = _closing = threading.Timer(_IDLE_SECONDS, close)
    timer.daemon = True
    timer.start()


def _new_engine(source: DataSource, memory: int) -> Engine:
    if source.kind == "sqlite":
        from llmopt_core.databases.engines.sqlite import SQLiteEngine

        return SQLiteEngine(source.where)
    if source.dialect == "duckdb":
        from llmopt_core.databases.engines.duckdb import DuckDBEngine

        return DuckDBEngine(source.where, memory)
    from llmopt_core.databases.engines.postgresql import PostgreSQLEngine

    return PostgreSQLEngine(source.where)
