"""SQLite, opened so that it only reads."""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from llmopt_core.databases.allow_list import Names
from llmopt_core.databases.engines.base import (
    EngineError,
    QueryRefusal,
    QueryStop,
    Result,
    SourceError,
    file_mark,
    read_rows,
)
from llmopt_core.databases.limits import QueryLimits
from llmopt_core.databases.schema import quote_name_always

# Refused even where SQLite has them: they touch files, load code, give pointers away, or fill memory at one stroke.
FORBIDDEN_FUNCTIONS = frozenset(
    ("load_extension", "readfile", "writefile", "edit", "fts3_tokenizer", "randomblob", "zeroblob", "lsdir", "zipfile",
     "sqlite_dbpage", "eval", "fsdir")
)  # fmt: skip
_ALLOWED_ACTIONS = frozenset(
    (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
)
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 10_000_000,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 100_000,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 25_000,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 200,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
_OPERATIONS_BETWEEN_LOOKS = 10_000
# What SQLite says where a query is too large for it.
_OWN_LIMITS = ("too big", "too large", "too many", "too complex", "stack overflow", "at most", "disk is full")
# Somebody who writes holds it for moments; a lock that stays is told.
_BUSY_SECONDS = 1.0


class SQLiteEngine:
    """An SQLite file, locked before the first query is seen.

    Raises:
        EngineError: There is no database that can be read.
    """

    def __init__(self, where: str) -> None:
        self._path = Path(where)
        self._mark = self._marks()
        self._end = 0.0
        try:
            self._connection = open_to_read(self._path)
            self._lock()
        except sqlite3.Error as error:
            raise EngineError(sentence(self._path.name, error)) from error

    def _lock(self) -> None:
        connection = self._connection
        # Before the authorizer, which keeps the schema table out of reach.
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
        self._names = Names(frozenset(str(name).lower() for name, _ in found))
        # Virtual tables are connected at first use, which the authorizer would forbid.
        virtual = [quote_name_always(str(name)) for name, sql in found if str(sql).upper().startswith("CREATE VIRTUAL")]
        for table in ("json_each('[]')", "json_tree('[]')", *virtual):
            # Of a module that is not here; a query of it will say so.
            with suppress(sqlite3.OperationalError):
                connection.execute(f"SELECT 1 FROM {table} LIMIT 0").fetchall()  # noqa: S608
        for what, most in _LIMITS.items():
            connection.setlimit(what, most)
        connection.set_authorizer(_authorize)
        connection.set_progress_handler(lambda: time.monotonic() > self._end, _OPERATIONS_BETWEEN_LOOKS)

    @property
    def names(self) -> Names:
        """What the database calls its own."""
        return self._names

    def is_current(self) -> bool:
        """Whether the path still leads to the file that is open, and nobody changed it."""
        return self._marks() == self._mark

    def _marks(self) -> tuple[object, object]:
        return file_mark(self._path), file_mark(_log(self._path))

    def run(self, sql: str, limits: QueryLimits) -> Result:
        """Run one query.

        Raises:
            EngineError: SQLite complains.
            QueryRefusal: The authorizer refuses.
            QueryStop: It ran out of time, or into a limit of SQLite.
        """
        self._end = time.monotonic() + limits.seconds
        cursor = self._connection.cursor()
        try:
            cursor.execute(sql)
            columns = tuple(str(column[0]) for column in cursor.description or ())
            rows, cut = read_rows(cursor, limits)
        except MemoryError:
            raise QueryStop("memory") from None
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
            if "prohibited" in str(error) or "not authorized" in str(error):
                raise QueryRefusal(f"SQLite's lock refuses this query ({error}).") from None
            if "interrupted" in str(error):
                raise QueryStop("time") from None
            if any(words in str(error) for words in _OWN_LIMITS):
                raise QueryStop("engine", str(error)) from None
            kind = SourceError if any(words in str(error) for words in _SOURCE_WORDS) else EngineError
            raise kind(sentence(self._path.name, error)) from error
        finally:
            # An unread rest would hold a lock that keeps writers out.
            cursor.close()
        return Result(columns, rows, cut)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def open_to_read(path: Path) -> sqlite3.Connection:
    """A connection that reads, without the locks that a foreign query needs.

    Raises:
        sqlite3.Error: There is no database that can be read.
    """
    extra = "&immutable=1" if _is_at_rest(path) else ""
    # check_same_thread: the child answers in one thread, whichever that is.
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=ro{extra}", uri=True, timeout=_BUSY_SECONDS, isolation_level=None,
        check_same_thread=False, cached_statements=0,
    )  # fmt: skip
    connection.text_factory = _text
    try:
        for pragma in ("query_only=1", "trusted_schema=0", "cell_size_check=1", "mmap_size=0", "temp_store=2"):
            connection.execute(f"PRAGMA {pragma}")
        # A damaged file, or another one, shows at the first read.
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _is_at_rest(path: Path) -> bool:
    """Whether the file keeps a write-ahead log that is empty: even a reader would then make files beside it."""
    with suppress(OSError), path.open("rb") as file:
        # Bytes 18 and 19 of the header are the versions that write and read it; 2 is a log.
        return file.read(20)[18:20] == b"\x02\x02" and not (_log(path).exists() and _log(path).stat().st_size)
    return False


def _authorize(action: int, first: str | None, second: str | None, _database: str | None, _origin: str | None) -> int:
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in FORBIDDEN_FUNCTIONS:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_READ and (first or "").lower().startswith(("sqlite_", "pragma_")):
        return sqlite3.SQLITE_DENY
    # Full-text search asks for it within a query, to see whether somebody wrote.
    if action == sqlite3.SQLITE_PRAGMA and first == "data_version" and second is None:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_OK if action in _ALLOWED_ACTIONS else sqlite3.SQLITE_DENY


def _text(data: bytes) -> str:
    # Files of other programs hold texts in other encodings; one such cell must not fail a query.
    return data.decode("utf-8", "replace")


# The file's fault, and not the query's.
_SOURCE_WORDS = ("locked", "busy", "not a database", "malformed", "unable to open", "disk I/O")


def sentence(name: str, error: Exception) -> str:
    """What SQLite complains of, for people."""
    words = " ".join(str(error).split()).rstrip(".")
    if "locked" in words or "busy" in words:
        return f"{name} is locked by a program that writes to it: wait until it is done, and try again."
    if "not a database" in words or "malformed" in words:
        return f"{name} is damaged or no SQLite database ({words}): restore it from a copy."
    if "unable to open" in words:
        return f"{name} cannot be opened: see that it is there and that you may read it."
    return f"{words}."
