"""Bring a database to the current schema, in this process, by one process at a time."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from filelock import FileLock, Timeout

from llmopt_core.errors import StorageError, WorkspaceBusy
from llmopt_core.runs import tables_labs, tables_runs
from llmopt_core.runs.engine import Database
from llmopt_core.runs.tables import metadata

_FOLDER = Path(__file__).parent / "migrations"
# Another process migrates at this moment; large databases take a while.
_LOCK_SECONDS = 60
# Any number that is ours alone: advisory locks have no names.
_POSTGRES_LOCK = 4_711_001
# As Alembic makes it.
_VERSION_TABLE = (
    "CREATE TABLE alembic_version ("
    "version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)
# Importing them puts their tables into the metadata.
_TABLES = (tables_runs, tables_labs)


def head() -> str:
    """The newest revision: the number that begins the last file name in `migrations/versions`."""
    # Texts sort as numbers here, as all have four digits.
    return max(path.name.split("_", 1)[0] for path in (_FOLDER / "versions").glob("[0-9]*_*.py"))


def migrate(database: Database, home: Path) -> None:
    """Create or upgrade the tables; does nothing, quickly, when they are current.

    Raises:
        StorageError: The database cannot be written, or was made by a newer version of this program.
        WorkspaceBusy: Another process has been migrating for a minute.
    """
    if _revision(database) == head():
        return
    try:
        # The file keeps the processes of this workspace apart, `_alone` those of other machines on the same server.
        with FileLock(home / "migrate.lock", timeout=_LOCK_SECONDS):
            if not _create_at_once(database):
                _upgrade(database)
    except Timeout as error:
        raise WorkspaceBusy(f"Another process is upgrading {database.where}; try again in a minute.") from error
    except OSError as error:
        raise StorageError(f"{home} cannot be written ({error.strerror}): check its permissions.") from error


def _revision(database: Database) -> str | None:
    with database.read() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    if revision is not None and revision > head():
        raise StorageError(
            f"{database.where} was made by a newer version of this program (schema {revision}, this one "
            f"knows {head()}): update the program, or use another workspace."
        )
    return revision


def _create_at_once(database: Database) -> bool:
    """Make all tables at once where there are none yet, which takes a tenth of the time of all migrations."""
    with database.write() as connection:
        _alone(database, connection)
        # Looked at under the lock: another process may have made them since.
        if sa.inspect(connection).get_table_names():
            return False
        metadata.create_all(connection)
        connection.execute(sa.text(_VERSION_TABLE))
        connection.execute(sa.text("INSERT INTO alembic_version VALUES (:head)"), {"head": head()})
        return True


def _alone(database: Database, connection: sa.Connection) -> None:
    """Keep other machines from changing the schema until the transaction ends; on SQLite the write lock does."""
    if not database.is_sqlite:
        connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_POSTGRES_LOCK})"))


def _upgrade(database: Database) -> None:
    # At use: a database that is current, as nearly always, needs no Alembic, whose import takes time at each start.
    from alembic import command
    from alembic.config import Config

    config = Config()
    # To Alembic's settings a single % begins a placeholder, and a folder may have one in its name.
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    with database.write() as connection:
        _alone(database, connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
