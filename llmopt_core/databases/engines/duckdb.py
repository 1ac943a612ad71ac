"""DuckDB, opened so that it only reads, and only its own file."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmopt_core.databases.allow_list import Names
from llmopt_core.databases.engines.base import EngineError, QueryRefusal, QueryStop, Result, file_mark, read_rows
from llmopt_core.databases.limits import QueryLimits

# What DuckDB says where a query is too large for it.
_OWN_LIMITS = ("depth limit", "too large", "exceeds maximum", "exceeds the maximum", "maximum supported", "too big")
# Of the process's memory; the rest is for the rows on their way.
_MEMORY_SHARE = 0.6
# Fewer than DuckDB hands over at once: large cells are stopped at the cap.
_ROWS_AT_ONCE = 100


class DuckDBEngine:
    """A DuckDB file, locked before the first query is seen.

    Args:
        where: The path.
        memory: Bytes that DuckDB may take for all of its work.

    Raises:
        EngineError: There is no database that can be read.
    """

    def __init__(self, where: str, memory: int) -> None:
        import duckdb

        self._path = Path(where)
        self._mark = file_mark(self._path)
        self._is_broken = False
        # `connect` would make an empty database of a missing file, were it not for read_only.
        config: dict[str, Any] = {
            "enable_external_access": False,
            "autoload_known_extensions": False,
            "autoinstall_known_extensions": False,
            "allow_community_extensions": False,
            "python_enable_replacements": False,
            "memory_limit": f"{int(memory * _MEMORY_SHARE)}B",
            "threads": 1,
            "temp_directory": "",
            "max_temp_directory_size": "0MB",
        }
        try:
            self._connection = duckdb.connect(where, read_only=True, config=config)
            found = self._connection.execute("SELECT table_name FROM information_schema.tables").fetchall()
            self._names = Names(frozenset(str(name).lower() for (name,) in found))
            self._connection.execute("SET disabled_filesystems='LocalFileSystem'")
            self._connection.execute("SET lock_configuration=true")
        except duckdb.Error as error:
            raise EngineError(_open_sentence(self._path.name, error)) from error

    @property
    def names(self) -> Names:
        """What the database calls its own."""
        return self._names

    @property
    def connection(self) -> Any:
        """For questions of our own, never for a query that somebody wrote."""
        return self._connection

    def is_current(self) -> bool:
        """Whether the path still leads to the file that is open, and nobody changed it."""
        return not self._is_broken and file_mark(self._path) == self._mark

    def run(self, sql: str, limits: QueryLimits) -> Result:
        """Run one query.

        Raises:
            EngineError: DuckDB complains.
            QueryRefusal: The configuration refuses.
            QueryStop: It ran out of time or memory, or into a limit of DuckDB.
        """
        import duckdb

        timer = threading.Timer(limits.seconds, self._connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            cursor = self._connection.execute(sql)
            columns = tuple(str(column[0]) for column in cursor.description or ())
            rows, cut = read_rows(_rows(cursor), limits)
        except (MemoryError, duckdb.OutOfMemoryException):
            raise QueryStop("memory") from None
        except duckdb.InterruptException:
            raise QueryStop("time") from None
        except (duckdb.Error, ValueError, OverflowError) as error:
            words = _first_line(error)
            # After such an error DuckDB takes no other query.
            self._is_broken = isinstance(error, duckdb.InternalException | duckdb.FatalException)
            if "Permission Error" in words or "disabled by configuration" in words:
                raise QueryRefusal(f"DuckDB's lock refuses this query ({words.rstrip('.')}).") from None
            if any(part in words for part in _OWN_LIMITS):
                raise QueryStop("engine", words.rstrip(".")) from None
            raise EngineError(words) from error
        finally:
            timer.cancel()
        return Result(columns, rows, cut)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def _rows(cursor: Any) -> Iterator[tuple[Any, ...]]:
    while batch := cursor.fetchmany(_ROWS_AT_ONCE):
        yield from batch


def _first_line(error: Exception) -> str:
    # What follows draws the query with a mark below it; suggestions of other names stand there too.
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.lstrip().startswith("^")]
    kept = [line for line in lines if not line.startswith(("LINE ", "Extension", "Candidate functions"))]
    return f"{' '.join(kept)[:500].rstrip('.')}."


def _open_sentence(name: str, error: Exception) -> str:
    words = _first_line(error)
    if "set lock" in words or "Conflicting lock" in words:
        return f"{name} is locked by a program that writes to it: close it there, and try again."
    if "does not exist" in words or "No such file" in words:
        return f"{name} cannot be opened: see that it is there and that you may read it."
    return f"{name} is damaged or no DuckDB database of a version known here ({words.rstrip('.')}): restore it."
