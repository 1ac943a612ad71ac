"""PostgreSQL, each query in a transaction that only reads."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, suppress
from typing import Any

from llmopt_core.databases.allow_list import Names
from llmopt_core.databases.engines.base import EngineError, QueryRefusal, QueryStop, Result, SourceError, read_rows
from llmopt_core.databases.functions import FUNCTIONS
from llmopt_core.databases.limits import QueryLimits

_INSTALL = 'The driver for PostgreSQL is not installed; run: pip install "psycopg[binary]"'
_CONNECT_SECONDS = 10
# The server ends the query itself, also where this process is killed first: nobody would cancel it then.
_BEGIN = """
BEGIN TRANSACTION READ ONLY;
SET LOCAL statement_timeout = {milliseconds};
SET LOCAL lock_timeout = {milliseconds};
SET LOCAL idle_in_transaction_session_timeout = {idle_milliseconds};
SET LOCAL standard_conforming_strings = on;
SET LOCAL client_min_messages = error
"""
_TABLES = """
SELECT lower(c.relname) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND n.nspname !~ '^(pg_|information_schema$)'
"""
# Functions of one argument, a row or a value, but for those that compute from it alone and for names of columns.
_ROWS = """
SELECT DISTINCT lower(p.proname) FROM pg_catalog.pg_proc p
WHERE p.pronargs > 0 AND p.pronargs - p.pronargdefaults <= 1 AND p.provolatile <> 'i' AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE a.attname = p.proname AND a.attnum > 0 AND n.nspname !~ '^(pg_|information_schema$)')
"""
# SQLSTATE classes: insufficient resources, program limit exceeded; query_canceled, by time; disk_full among the first.
_LIMIT_CLASSES, _CANCELLED = ("53", "54"), "57014"


class PostgreSQLEngine:
    """A connection to a PostgreSQL server.

    Args:
        where: The URL. It may hold a password, which no message of this class repeats.

    Raises:
        EngineError: The server cannot be reached, or the driver is not installed.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._connection: Any = self._connect()

    def _connect(self) -> Any:
        try:
            import psycopg
            from psycopg.conninfo import conninfo_to_dict
        except ImportError:
            raise SourceError(_INSTALL) from None
        try:
            arguments = conninfo_to_dict(self._where)
        except psycopg.Error:
            # The cause may quote the part with the password.
            raise EngineError(
                "The postgresql:// URL cannot be read; expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
            ) from None
        arguments.setdefault("connect_timeout", _CONNECT_SECONDS)
        arguments.setdefault("application_name", "llmopt")
        try:
            connection = psycopg.connect(**arguments, autocommit=True, prepare_threshold=None)  # type: ignore[arg-type]
            connection.execute("SET default_transaction_read_only = on")
            tables, functions = (frozenset(name for (name,) in connection.execute(sql)) for sql in (_TABLES, _ROWS))
            self._names = Names(tables, functions - FUNCTIONS["postgres"])
        except (psycopg.Error, UnicodeError) as error:
            raise SourceError(_connect_sentence(error, str(arguments.get("password") or ""))) from None
        _load_odd_values(connection)
        return connection

    @property
    def names(self) -> Names:
        """What the database calls its own."""
        return self._names

    @property
    def connection(self) -> Any:
        """For questions of our own, never for a query that somebody wrote."""
        return self._connection

    def is_current(self) -> bool:
        """Whether the connection stands, as far as this side knows."""
        return not self._connection.closed

    def run(self, sql: str, limits: QueryLimits) -> Result:
        """Run one query.

        Raises:
            EngineError: The server complains, or is gone.
            QueryRefusal: The role or the transaction may not do that.
            QueryStop: It ran into a limit.
        """
        import psycopg

        self._begin(limits)
        cursor = self._connection.cursor()
        try:
            # The extended protocol, which takes one statement and no more.
            with closing(_stream(cursor, sql)) as stream:
                rows, cut = read_rows(stream, limits)
            columns = tuple(column.name for column in cursor.description or ())
        except MemoryError:
            raise QueryStop("memory") from None
        except (psycopg.Error, ValueError, OverflowError) as error:
            self._raise_readable(error)
        finally:
            with suppress(psycopg.Error):
                self._connection.execute("ROLLBACK")
        return Result(columns, rows, cut)

    def _begin(self, limits: QueryLimits) -> None:
        import psycopg

        milliseconds = max(1, int(limits.seconds * 1000))
        text = _BEGIN.format(milliseconds=milliseconds, idle_milliseconds=milliseconds + 60_000)
        try:
            self._connection.execute(text)
        except psycopg.OperationalError:
            # The server was started again since the last query, or ended a connection that was idle for long.
            self._connection.close()
            self._connection = self._connect()
            self._connection.execute(text)

    def _raise_readable(self, error: Exception) -> None:
        state = str(getattr(error, "sqlstate", None) or "")
        words = _words(error)
        if state == _CANCELLED:
            raise QueryStop("time") from None
        if state.startswith(_LIMIT_CLASSES) or "invalid memory alloc request" in words:
            raise QueryStop("engine", words) from None
        if state in ("42501", "25006"):
            raise QueryRefusal(f"The server refuses this query ({words}).") from None
        if self._connection.closed or self._connection.broken:
            raise SourceError("The connection to the PostgreSQL server broke during the query; try again.") from None
        raise EngineError(f"{words}.") from None

    def close(self) -> None:
        """Let go of the server."""
        self._connection.close()


def _stream(cursor: Any, sql: str) -> Generator[tuple[Any, ...]]:
    # Without arguments a percent sign stays one.
    yield from cursor.stream(sql)


def _load_odd_values(connection: Any) -> None:
    """Values that Python has no type for come as the server writes them."""
    from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader
    from psycopg.types.string import TextLoader

    for name, loader in (("date", DateLoader), ("timestamp", TimestampLoader), ("timestamptz", TimestamptzLoader)):
        connection.adapters.register_loader(name, _or_text(loader))
    # Python would take a month for 30 days.
    connection.adapters.register_loader("interval", TextLoader)


def _or_text(loader: Any) -> Any:
    """A loader that gives the text of `infinity` and of years beyond 9999."""
    from psycopg import DataError

    class Loader(loader):  # type: ignore[misc]
        def load(self, data: Any) -> Any:
            try:
                return super().load(data)
            except DataError:
                return bytes(data).decode()

    return Loader


def _words(error: Exception) -> str:
    diagnostic = getattr(error, "diag", None)
    primary = getattr(diagnostic, "message_primary", None)
    hint = getattr(diagnostic, "message_hint", None)
    text = " ".join(str(primary or error).split())[:500].rstrip(".")
    return f"{text} ({hint.rstrip('.')})" if primary and hint else text


def _connect_sentence(error: Exception, password: str) -> str:
    words = _words(error)
    if password:
        words = words.replace(password, "***")
    return f"The PostgreSQL server cannot be used: {words}."
