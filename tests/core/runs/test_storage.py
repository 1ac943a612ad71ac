import multiprocessing
import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from llmopt_core.errors import BadInput, LlmOptError, MissingDependency, StorageError, WorkspaceBusy
from llmopt_core.runs import engine, migrate
from llmopt_core.runs.engine import Database
from llmopt_core.runs.migrate import head
from llmopt_core.runs.store import Store
from llmopt_core.runs.tables import metadata
from llmopt_core.settings import Settings
from llmopt_core.types import Document

WRITER = """
import sys
from pathlib import Path
from llmopt_core.runs.store import Store
from llmopt_core.types import Document
store = Store(sys.argv[1], Path(sys.argv[2]))
store.ensure_project("p")
for i in range(40):
    store.save_documents("p", [Document(f"{sys.argv[3]}-{i}", "text")])
    store.cache.put_many("s", {f"{sys.argv[3]}-{i}": b"x", "same": sys.argv[3].encode()})
print(len(store.documents("p")))
"""


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'llmopt.db'}"


def test_the_store_opens_where_the_settings_say(tmp_path: Path) -> None:
    store = Store.open(Settings(home=tmp_path / "deep" / "home"))
    store.create_project("p")
    assert (tmp_path / "deep" / "home" / "llmopt.db").exists()
    assert [p.name for p in Store.open(Settings(home=tmp_path / "deep" / "home")).projects()] == ["p"]


def test_migrations_and_tables_agree(store: Store) -> None:
    with store.database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == head()


def schema(store: Store) -> dict[str, object]:
    """Columns and unique or plain indexes of every table, whatever their order."""
    with store.database.read() as connection:
        result = sa.inspect(connection)
        return {
            table: (
                sorted((str(c["name"]), str(c["type"]), c["nullable"]) for c in result.get_columns(table)),
                sorted((str(i["name"]), i["column_names"], i["unique"]) for i in result.get_indexes(table)),
                sorted(str(u["column_names"]) for u in result.get_unique_constraints(table)),
                sorted((f["constrained_columns"], str(f["options"])) for f in result.get_foreign_keys(table)),
            )
            for table in result.get_table_names()
        }


def test_tables_made_at_once_are_those_of_all_migrations(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "_create_at_once", lambda _database: False)
    migrated = Store(url(tmp_path / "migrated"), tmp_path / "migrated")
    with migrated.database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    assert schema(store) == schema(migrated)


def test_sqlite_runs_with_wal_and_foreign_keys(store: Store) -> None:
    with store.database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_new_file_may_be_opened_by_many_processes_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    together, told = context.Barrier(4), context.Queue()
    paths = [str(tmp_path / f"{number}.db") for number in range(60)]
    openers = [context.Process(target=open_together, args=(paths, together, told)) for _ in range(4)]
    for opener in openers:
        opener.start()
    problems = [problem for _ in openers for problem in told.get(timeout=120)]
    for opener in openers:
        opener.join(timeout=60)
    assert problems == []


def open_together(paths: list[str], together: Any, told: Any) -> None:
    """Open each file at the same moment as the others, and say what went wrong."""
    problems = []
    for path in paths:
        together.wait(timeout=60)
        try:
            database = Database(f"sqlite:///{path}")
            with database.write() as connection:
                connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS seen (name TEXT)")
            database.close()
        except LlmOptError as error:
            problems.append(str(error))
    told.put(problems)


def test_a_project_may_be_ensured_by_many_at_once(tmp_path: Path) -> None:
    stores = [Store(url(tmp_path), tmp_path) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        for name in ("one", "two", "three", "four", "five"):
            matches = list(threads.map(lambda store, name=name: store.ensure_project(name).id, stores))
            assert len(set(matches)) == 1
    assert [project.name for project in stores[0].projects()] == ["one", "two", "three", "four", "five"]


def test_two_processes_may_start_and_write_at_once(tmp_path: Path) -> None:
    commands = [[sys.executable, "-c", WRITER, url(tmp_path), str(tmp_path), name] for name in ("a", "b")]
    children = [subprocess.Popen(c, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for c in commands]
    for child in children:
        out, errors = child.communicate(timeout=120)
        assert child.returncode == 0, errors
        assert int(out) >= 40
    store = Store(url(tmp_path), tmp_path)
    assert len(store.documents("p")) == 80
    assert len(store.cache.get_many("s", [f"{name}-{i}" for name in "ab" for i in range(40)])) == 80


def test_a_full_disk_is_told_in_one_sentence_and_loses_nothing(store: Store) -> None:
    store.create_project("p")
    store.save_documents("p", [Document("kept.txt", "kept")])

    @sa.event.listens_for(store.database.engine, "connect")
    def _small(connection: sqlite3.Connection, _record: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + 2}")

    store.database.engine.dispose()
    with pytest.raises(StorageError, match=r"The disk that holds .*llmopt\.db is full: free some space"):
        store.save_documents("p", [Document("big.txt", os.urandom(200_000).hex())])
    with pytest.raises(StorageError, match="is full: free some space"):
        store.cache.put_many("answer", {"big": os.urandom(200_000)})
    assert store.cache.get_many("answer", ["big"]) == {}
    assert [d.name for d in store.documents("p")] == ["kept.txt"]


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "llmopt.db").write_bytes(b"this is no database at all, sorry" * 100)
    with pytest.raises(StorageError, match=r"llmopt\.db is not a database: move it away"):
        Store(url(tmp_path), tmp_path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot be created"):
        Store(url(tmp_path / "file"), tmp_path / "file")


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "llmopt.db").mkdir()
    with pytest.raises(StorageError, match="cannot be opened"):
        Store(url(tmp_path), tmp_path)


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        ("attempt to write a readonly database", StorageError, "cannot be written"),
        ("database disk image is malformed", StorageError, "is damaged"),
        ("disk I/O error", StorageError, "disk error"),
        ("database is locked", WorkspaceBusy, "Another process"),
        ("connection refused", StorageError, "cannot be reached"),
        ("something new\nand more", StorageError, "failed: something new$"),
    ],
)
def test_what_a_driver_says_becomes_one_sentence(said: str, kind: type[LlmOptError], words: str) -> None:
    error = sa.exc.OperationalError("SELECT 1", {}, sqlite3.OperationalError(said))
    with pytest.raises(kind, match=words):
        raise engine.explain(error, "llmopt.db")


def test_a_writer_that_never_ends_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.2)
    store, other = Store(url(tmp_path), tmp_path), Store(url(tmp_path), tmp_path)
    with store.database.write(), pytest.raises(WorkspaceBusy, match="Another process has been writing"):
        other.create_project("p")
    with store.database.write(), pytest.raises(WorkspaceBusy, match="Another process has been writing"):
        other.cache.put_many("answer", {"key": b"value"})


def test_a_database_of_a_newer_version_is_left_alone(store: Store) -> None:
    with store.database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError, match=r"made by a newer version .*schema 9999"):
        Store(str(store.database.engine.url), store.home)


@pytest.mark.parametrize("bad", ["mysql://host/db", "nonsense", "sqlite:/nope"])
def test_a_bad_database_url_is_told(tmp_path: Path, bad: str) -> None:
    with pytest.raises((BadInput, MissingDependency)):
        Store(bad, tmp_path)


def test_a_password_in_the_url_is_never_told(tmp_path: Path) -> None:
    with pytest.raises(LlmOptError) as error:
        Store("postgresql://me:hunter2@127.0.0.1:1/none", tmp_path)
    assert "hunter2" not in str(error.value)


def test_a_workspace_from_before_runs_knew_their_documents_opens_with_all_its_runs(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    store = Store(url(tmp_path), tmp_path)
    store.ensure_project("p")
    run_id = store.start_run("p", {"name": "rag", "retrieval": {"top_k": 1}}, "f", evaluation_set="s", set_version="1",
                           judge="j", metrics=("m",), total=3)  # fmt: skip
    store.finish_run(run_id, "finished")
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    with store.database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0004")
        columns = {column["name"] for column in sa.inspect(connection).get_columns("runs")}
        assert not {"documents_version", "training"} & columns
    store.close()
    run = Store(url(tmp_path), tmp_path).run(run_id)
    assert (run.name, run.status, run.total, run.retrieves) == ("rag", "finished", 3, True)
    assert (run.documents_version, run.training) == (None, None)
