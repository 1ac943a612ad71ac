"""A database URL -> connections whose failures are told in one sentence."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

from llmopt_core.errors import (
    BadInput,
    DatabaseConnectionError,
    LlmOptError,
    MissingDependency,
    StorageError,
    WorkspaceBusy,
)
from llmopt_core.runs.reconnect import is_transient, patiently
from llmopt_core.workspace import make_folder

# Other processes write in short transactions; a lock that lasts longer is a fault.
BUSY_SECONDS = 30
# Between two tries to switch a new file to WAL; the switch of another process is over in milliseconds.
_SWITCH_SECONDS = 0.005


# A server that crashed before the transaction reached the disk gives its number again; asking for a number that was not
# given yet is an error.
_STATUS = """
SELECT CASE WHEN :number >= txid_snapshot_xmax(txid_current_snapshot()) THEN 'aborted' ELSE txid_status(:number) END
"""


class Database:
    """One engine with two ways in: `read()` and `write()`, each one transaction.

    On SQLite a writer takes the write lock at its start, so that two processes wait for each other (up to 30 s)
    instead of failing in the middle. On a server, a lost connection raises `DatabaseConnectionError`, and nothing of
    the transaction is stored: see `reconnect`.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        # It stands in messages and logs, where no password may stand.
        self.where = self.engine.url.render_as_string(hide_password=True)
        # SQLite's own waiting for its write lock is sleeping in steps of milliseconds; threads here can do better.
        self._turn: AbstractContextManager[Any] = threading.RLock() if self.is_sqlite else nullcontext()
        self._watch: sqlite3.Connection | None = None
        self._watching = threading.Lock()
        # A wrong address is told at once; only a server that was there is waited for.
        self._was_reached = False
        sa.event.listen(self.engine, "connect", self._on_connect)
        if self.is_sqlite:
            self.where = self.engine.url.database or "memory"
            _prepare_sqlite(self.engine)

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a SQLite file."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self, *, one_moment: bool = False) -> Iterator[sa.Connection]:
        """A transaction that only reads; all its statements see the same state if `one_moment`."""
        with self._explain_errors(), self.engine.connect() as connection:
            # SQLite reads so anyway; on a server each statement sees what others have committed before it.
            if one_moment and not self.is_sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that writes; committed at the end, rolled back on any error."""
        with self._turn, self._explain_errors(), self.engine.connect() as connection:
            # Read by `on_begin`: a writer must say so before its transaction begins.
            connection.execution_options(writes=True)
            with connection.begin() as transaction:
                yield connection
                # A connection that is lost on the way leaves open whether the commit arrived; with a file there is no
                # such doubt.
                if not self.is_sqlite:
                    self._commit(connection, transaction)

    def _commit(self, connection: sa.Connection, transaction: sa.RootTransaction) -> None:
        """Commit on a server. Where the connection is lost on the way, the server is asked whether it took it."""
        # Asked before the commit: once the connection is lost, nobody can name the transaction. None: it wrote nothing.
        number = connection.scalar(sa.text("SELECT txid_current_if_assigned()"))
        try:
            transaction.commit()
        except DBAPIError as error:
            if (
                number is None
                or not is_transient(error)
                or not patiently(lambda: self._is_committed(number), self.where)
            ):
                raise

    def _is_committed(self, number: int) -> bool:
        """Whether a transaction is committed; one that nobody knows the end of yet is asked for again."""
        with self.read() as connection:
            status = connection.scalar(sa.text(_STATUS), {"number": number})
        if status == "in progress":
            raise DatabaseConnectionError(f"The database {self.where} has not ended the last transaction yet.")
        return bool(status == "committed")

    @contextmanager
    def driver(self, *, writes: bool = False) -> Iterator[sqlite3.Connection]:
        """The SQLite driver's own connection in a transaction, for the few statements that are made thousands of times.

        For those, what SQLAlchemy does around a statement takes longer than the statement.
        """
        with (
            self._turn if writes else nullcontext(),
            self._explain_errors(),
            closing(self.engine.raw_connection()) as pooled_connection,
        ):
            connection = cast(sqlite3.Connection, pooled_connection.driver_connection)
            # The write lock at once: see `on_begin`.
            connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
            try:
                yield connection
                connection.execute("COMMIT")
            # Whatever ends it, Ctrl-C too: a transaction left open would keep the lock of the file.
            except BaseException:
                # A commit that fails, as on a full disk, may have rolled back by itself; a second rollback would hide
                # why it failed.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def version(self) -> int | None:
        """A number that changes with every transaction that any process commits; None where there is no such thing."""
        # A second connection to a database in memory would see another, empty one.
        if not self.is_sqlite or self.engine.url.database in (None, "", ":memory:"):
            return None
        with self._explain_errors(), self._watching:
            # SQLite counts for each connection what others did, so this one does nothing else.
            if self._watch is None:
                # Any thread may ask, one at a time: `_watching` sees to that.
                self._watch = sqlite3.connect(str(self.engine.url.database), check_same_thread=False)
            return int(self._watch.execute("PRAGMA data_version").fetchone()[0])

    def insert_new(self, table: sa.Table) -> Any:
        """An insert that leaves existing rows as they are."""
        if self.is_sqlite:
            from sqlalchemy.dialects.sqlite import insert

            return insert(table).on_conflict_do_nothing()
        from sqlalchemy.dialects.postgresql import insert as postgres_insert

        return postgres_insert(table).on_conflict_do_nothing()

    def close(self) -> None:
        """Close every connection."""
        with self._watching:
            if self._watch is not None:
                self._watch.close()
                self._watch = None
        self.engine.dispose()

    def _on_connect(self, _connection: Any, _record: Any) -> None:
        self._was_reached = True

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            is_lost = isinstance(error, DBAPIError) and not self.is_sqlite and is_transient(error)
            # A server that starts up answers, though no connection was made yet.
            if is_lost and (self._was_reached or "starting up" in str(error)):
                raise DatabaseConnectionError(f"The database {self.where} ended the connection.") from error
            raise explain(error, self.where) from error


def _engine(url: str) -> sa.Engine:
    if url.startswith(("postgres://", "postgresql://")):
        # SQLAlchemy would look for psycopg2, and does not know the `postgres://` that hosting services hand out.
        url = "postgresql+psycopg://" + url.split("://", 1)[1]
    try:
        database_url = sa.make_url(url)
        if database_url.get_backend_name() not in ("sqlite", "postgresql"):
            raise BadInput(
                f"The database URL names {database_url.get_backend_name()}; use sqlite:///... or postgresql://..."
            )
        _make_file(database_url)
        # A restarted server or a firewall drops connections that wait in the pool, so each is tried before use; a file
        # drops none.
        return sa.create_engine(
            database_url, connect_args=_connect_args(database_url), pool_pre_ping=not url.startswith("sqlite")
        )
    # SQLAlchemy imports the driver that the URL names.
    except ModuleNotFoundError as error:
        raise MissingDependency('PostgreSQL needs a driver: pip install -e ".[postgres]"') from error
    except (SQLAlchemyError, NoSuchModuleError) as error:
        raise BadInput(
            f"The database URL cannot be read ({type(error).__name__}); use sqlite:///path/to/file.db"
        ) from error


def _connect_args(url: sa.URL) -> dict[str, Any]:
    # Without its own limit libpq waits as long as the system does, minutes where a firewall swallows what is sent.
    return {"timeout": BUSY_SECONDS} if url.get_backend_name() == "sqlite" else {"connect_timeout": 10}


def _make_file(url: sa.URL) -> None:
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        path = Path(str(url.database))
        make_folder(path.parent)
        # SQLite gives its companions, such as the write-ahead log, the rights of the database.
        # Where it cannot be made, the connection fails next, and says why.
        with suppress(OSError):
            path.touch(mode=0o600)


def _prepare_sqlite(engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "connect")
    def on_connect(connection: sqlite3.Connection, _record: Any) -> None:
        # SQLAlchemy begins transactions itself (below); the driver's own begin comes too late for a write lock.
        connection.isolation_level = None
        _use_wal(connection)
        # NORMAL: with WAL a power cut may cost the last transactions, never the file. Foreign keys are followed only on
        # demand, and deleting a project relies on them. A negative size is in KiB: 32 MB of pages for each connection,
        # instead of 2.
        for pragma in ("synchronous=NORMAL", "foreign_keys=ON", "cache_size=-32000"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def on_begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        # A plain BEGIN takes the write lock with the first write. Of two that have read before, one would then fail at
        # once: what it read is out of date, and no waiting helps.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch a file to WAL. While another process switches the same new file, SQLite refuses instead of waiting."""
    last = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > last:
                raise
            time.sleep(_SWITCH_SECONDS)


# Parts of what SQLite and libpq say, in lower case; the first that is found counts.
_SAYINGS = (
    ("disk is full", "The disk that holds {where} is full: free some space, then resume."),
    ("no space left", "The disk that holds {where} is full: free some space, then resume."),
    ("readonly", "{where} cannot be written: check the permissions of the folder and the file."),
    ("unable to open", "{where} cannot be opened: check that the folder exists and that you may write to it."),
    ("not a database", "{where} is not a database: move it away, or point LLMOPT_HOME at another folder."),
    ("malformed", "{where} is damaged: restore a copy, or move it away to start anew."),
    ("disk i/o error", "{where} cannot be read or written (disk error): check the disk and the permissions."),
    ("connection refused", "The database {where} cannot be reached: check that it runs and that the URL is right."),
    ("connection failed", "The database {where} cannot be reached: check that it runs and that the URL is right."),
)


def explain(error: DBAPIError | sqlite3.Error, where: str) -> LlmOptError:
    """A database driver's error as one of ours, in one sentence."""
    original = error.orig if isinstance(error, DBAPIError) else error
    message = str(original).lower()
    if "locked" in message or "busy" in message:
        return WorkspaceBusy(
            f"Another process has been writing to {where} for {BUSY_SECONDS} s; try again when it is done."
        )
    for sign, sentence in _SAYINGS:
        if sign in message:
            return StorageError(sentence.format(where=where))
    # Further lines of a server's message (DETAIL, the statement) may quote what users wrote.
    first = str(original).strip().splitlines()[:1]
    return StorageError(f"The database {where} failed: {first[0] if first else type(original).__name__}")
