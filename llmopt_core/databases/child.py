"""What the child process does: opens a source, looks at the query, runs it. The child stays warm between queries."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable

from llmopt_core.databases.engines.base import Engine, EngineError, QueryStop
from llmopt_core.databases.limits import QueryLimits
from llmopt_core.databases.outcome import QueryOutcome
from llmopt_core.databases.source import DataSource

Tell = Callable[[int, int, str], None]

# Told once the source is open: from here on the query's own time counts.
READY = "ready"

# As many as the parser's functions need for a query that is nested as deep as people and models write.
_RECURSION = 5_000
_open: tuple[DataSource, Engine] | None = None


def answer(source: DataSource, sql: str, limits: QueryLimits, tell: Tell) -> QueryOutcome:
    """Run one query in this process."""
    from llmopt_core.databases.allow_list import refusal

    sys.setrecursionlimit(_RECURSION)
    begin = time.monotonic()
    try:
        engine = _engine(source, limits.memory)
    except EngineError as error:
        return QueryOutcome("error", str(error), seconds=time.monotonic() - begin)
    tell(1, 1, READY)
    begin = time.monotonic()
    # The limit that came with the call counts the opening, too.
    signal.setitimer(signal.ITIMER_PROF, limits.seconds)
    reason = refusal(sql, source.dialect)
    if reason is not None:
        return QueryOutcome("refused", reason, seconds=time.monotonic() - begin)
    try:
        result = engine.run(sql, limits)
    except EngineError as error:
        return QueryOutcome("error", str(error), seconds=time.monotonic() - begin)
    except QueryStop as stop:
        return QueryOutcome("ended", stop_sentence(str(stop), limits), seconds=time.monotonic() - begin)
    seconds = time.monotonic() - begin
    return QueryOutcome("ok", _cut_sentence(result.cut, len(result.rows), limits), result.columns, result.rows,
                        seconds, bool(result.cut))  # fmt: skip


def stop_sentence(what: str, limits: QueryLimits) -> str:
    """Why a query was ended."""
    if what == "memory":
        return f"The query needed more than {limits.memory // 1_000_000:,} MB of memory and was ended."
    if what == "time":
        return f"The query took more than {limits.seconds:g} s and was ended."
    return f"The query broke the process that ran it ({what}) and was ended."


def _cut_sentence(cut: str, count: int, limits: QueryLimits) -> str:
    if cut == "rows":
        return f"Only the first {count:,} rows were read; there are more."
    if cut == "bytes":
        return f"Only the first {count:,} rows were read, as the result is larger than {limits.result_bytes:,} bytes."
    return ""


def _engine(source: DataSource, memory: int) -> Engine:
    """The engine of the source, opened where it is not open yet or where another file is there by now."""
    global _open  # noqa: PLW0603
    if _open is not None:
        if _open[0] == source and _open[1].is_current():
            return _open[1]
        _open[1].close()
        _open = None
    engine = _new_engine(source, memory)
    _open = source, engine
    return engine


def _new_engine(source: DataSource, memory: int) -> Engine:
    if source.kind == "sqlite":
        from llmopt_core.databases.engines.sqlite import SQLiteEngine

        return SQLiteEngine(source.where)
    if source.kind == "duckdb":
        from llmopt_core.databases.engines.duckdb import DuckDBEngine

        return DuckDBEngine(source.where, memory)
    raise EngineError(f"A source of kind {source.kind} cannot be opened yet.")
