"""The store on a real PostgreSQL: all that holds on SQLite, and a server that goes away for a while."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from llmopt_core.errors import BadInput, DatabaseConnectionError, StorageError
from llmopt_core.runs import reconnect
from llmopt_core.runs.migrate import head
from llmopt_core.runs.owner import owner_values
from llmopt_core.runs.store import Store
from llmopt_core.runs.tables_runs import jobs, runs
from llmopt_core.types import Document, EvaluationSet
from tests.postgres import PostgresServer

from .test_cache import *  # noqa: F403
from .test_in_use import *  # noqa: F403
from .test_job_queue import *  # noqa: F403
from .test_long_lists import statements, test_every_change_is_seen, test_every_change_of_a_job_is_seen  # noqa: F401
from .test_projects import *  # noqa: F403
from .test_runs import *  # noqa: F403
from .test_runs import record, start
from .test_versions import *  # noqa: F403


@pytest.fixture
def store(tmp_path: Path, postgres_url: str) -> Store:
    return Store(postgres_url, tmp_path)


def test_the_schema_is_made_once(store: Store, tmp_path: Path) -> None:
    again = Store(str(store.database.engine.url), tmp_path)
    with again.database.read() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == head()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_of_the_server_is_waited_for(
    store: Store,
    questions: EvaluationSet,
    postgres: PostgresServer,
    mode: str,
) -> None:
    run_id = start(store, questions)
    postgres.stop(mode)
    back = threading.Timer(1.0, postgres.start)
    back.start()
    try:
        store.save_record(run_id, record(questions.examples[0]), 0)
        store.cache.put_many("answer", {"key": b"value"})
        store.finish_run(run_id, "finished", seconds=2.0)
    finally:
        back.join()
    run = store.run(run_id)
    assert (run.status, run.done, run.seconds) == ("finished", 1, 2.0)
    assert store.cache.get_many("answer", ["key"]) == {"key": b"value"}


@pytest.mark.parametrize("stored", [True, False])
def test_a_connection_lost_while_committing_writes_once(
    store: Store, questions: EvaluationSet, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    store.ensure_project("p")
    dialect = store.database.engine.dialect
    real, lost = dialect.do_commit, []

    def commit(connection: Any) -> None:
        if lost:
            return real(connection)
        lost.append(connection)
        if stored:
            real(connection)
        connection.driver_connection.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(dialect, "do_commit", commit)
    run_id = start(store, questions)
    assert len(lost) == 1
    assert [run.id for run in store.runs("p")] == [run_id]


def test_a_commit_whose_number_the_server_forgot_in_a_crash_is_made_again(
    store: Store, questions: EvaluationSet, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.ensure_project("p")
    dialect = store.database.engine.dialect
    real, lost = dialect.do_commit, []

    def commit(connection: Any) -> None:
        if lost:
            return real(connection)
        lost.append(connection)
        # Nothing of the transaction was on the disk, so its number is in the future of the server that comes back.
        postgres.stop("immediate")
        postgres.start()
        return real(connection)

    monkeypatch.setattr(dialect, "do_commit", commit)
    run_id = start(store, questions)
    assert len(lost) == 1
    assert [run.id for run in store.runs("p")] == [run_id]


def test_what_can_be_read_only_once_is_stored_whole_after_a_lost_connection(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.ensure_project("p")
    with store.database.engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    real, calls = store.database.write, []

    def once_lost() -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise DatabaseConnectionError("gone")
        return real()

    monkeypatch.setattr(store.database, "write", once_lost)
    store.save_documents("p", (Document(f"{n}.txt", "text") for n in range(5)))
    assert len(store.document_list("p")) == 5


def test_a_server_that_stays_away_is_told_in_one_sentence(
    store: Store,
    postgres: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconnect, "WAIT_SECONDS", 0.3)
    store.ensure_project("p")
    postgres.stop()
    try:
        with pytest.raises(StorageError, match=r"has not answered for 0\.3 s: check that it runs, then resume"):
            store.projects()
    finally:
        postgres.start()
    assert [project.name for project in store.projects()] == ["p"]


def wait_for_lock(store: Store) -> None:
    """Wait until some session of the database waits for another one's row."""
    query = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    end = time.monotonic() + 30
    with store.database.engine.connect() as connection:
        while not connection.scalar(query):
            assert time.monotonic() < end, "nobody waits"
            connection.rollback()
            time.sleep(0.01)


@pytest.mark.parametrize("what", ["run", "project", "set", "project of a job"])
def test_what_is_resumed_at_this_moment_is_not_deleted(store: Store, questions: EvaluationSet, what: str) -> None:
    run_id = start(store, questions)
    store.finish_run(run_id, "cancelled")
    store.save_evaluation_set("p", questions)
    job_id = store.start_job("check", "p", {})
    store.update_job(job_id, status="cancelled")
    delete: dict[str, Callable[[], None]] = {
        "run": lambda: store.delete_runs([run_id]),
        "set": lambda: store.delete_evaluation_set("p", questions.name),
    }
    table, row_id, status = (jobs, job_id, "queued") if what == "project of a job" else (runs, run_id, "running")
    with ThreadPoolExecutor() as threads:
        # As `resume_run` and `resume_job` do, stopped before the end of their transaction.
        with store.database.write() as resuming:
            values = {"status": status, **owner_values()}
            resuming.execute(sa.update(table).where(table.c.id == row_id).values(values))
            deleting = threads.submit(delete.get(what, lambda: store.delete_project("p")))
            wait_for_lock(store)
        with pytest.raises(BadInput, match=rf"is being worked on|is in use by (run {run_id}|job {job_id})"):
            deleting.result(30)
    assert (store.run(run_id).id, store.job(job_id).id) == (run_id, job_id)
    assert store.evaluation_set("p", questions.name) == questions


def test_a_project_goes_out_as_of_one_moment(store: Store, questions: EvaluationSet) -> None:
    run_id = start(store, questions)
    store.save_documents("p", [Document("a.txt", "text")])
    rows = store.dump_project("p")
    matches = [next(rows)]
    # Meanwhile the work goes on.
    store.save_record(run_id, record(questions.examples[0]), 0)
    store.save_draft("p", "prompt", "answer", {})
    assert [table for table, _ in [*matches, *rows]] == ["documents", "runs"]
    assert "records" in {table for table, _ in store.dump_project("p")}


def test_a_wrong_address_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be reached"):
        Store("postgresql://tester@127.0.0.1:1/none", tmp_path)


@pytest.mark.parametrize("what", ["draft", "version", "label"])
def test_those_who_save_the_same_for_the_first_time_at_once_take_turns(store: Store, what: str) -> None:
    store.ensure_project("p")
    store.save_version("p", "prompt", "labelled", {"text": "x"})
    workers = 8
    for turn in range(5):
        together = threading.Barrier(workers)

        def save(number: int, name: str = f"n{turn}", together: threading.Barrier = together) -> None:
            together.wait()
            if what == "draft":
                store.save_draft("p", "prompt", name, {"number": number})
            elif what == "version":
                store.save_version("p", "prompt", name, {"number": number})
            else:
                store.set_label("p", "prompt", "labelled", name, 1)

        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(save, range(workers)))
        if what == "version":
            versions = store.versions("p", "prompt", f"n{turn}")
            assert [version.number for version in versions] == list(range(1, workers + 1))
