"""Lists of runs and jobs are read again only where something has changed, and always say how things stand."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from llmopt_core.runs.store import Store
from llmopt_core.types import EvaluationSet

from .test_runs import record, start


@pytest.fixture
def statements(store: Store) -> list[str]:
    """Every statement that reads whole runs or their totals."""
    calls: list[str] = []

    @sa.event.listens_for(store.database.engine, "before_cursor_execute")
    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if "runs.configuration" in statement or "jobs.arguments" in statement:
            calls.append(statement)

    return calls


def test_what_has_not_changed_is_not_read_again(
    store: Store, questions: EvaluationSet, statements: list[str], tmp_path: Path
) -> None:
    ids = [start(store, questions, f"run{number}") for number in range(3)]
    first = store.runs("p")
    statements.clear()
    assert store.runs("p") == first
    assert statements == []
    other = Store(f"sqlite:///{tmp_path / 'llmopt.db'}", tmp_path)
    other.save_record(ids[1], record(questions.examples[0]), 0)
    assert [run.done for run in store.runs("p")] == [0, 1, 0]
    assert len(statements) == 1
    assert "IN (?)" in statements[0]


def test_every_change_is_seen(store: Store, questions: EvaluationSet) -> None:
    def seen() -> list[tuple[int, str, int, float]]:
        return [(run.id, run.status, run.done, run.seconds) for run in store.runs("p")]

    one = start(store, questions)
    assert seen() == [(one, "running", 0, 0.0)]
    store.save_record(one, record(questions.examples[0]), 0)
    assert seen() == [(one, "running", 1, 0.0)]
    store.finish_run(one, "cancelled", seconds=2.0)
    assert seen() == [(one, "cancelled", 1, 2.0)]
    store.resume_run(one)
    assert seen() == [(one, "running", 1, 2.0)]
    store.finish_run(one, "finished", seconds=1.0)
    two = start(store, questions)
    assert seen() == [(two, "running", 0, 0.0), (one, "finished", 1, 3.0)]
    store.finish_run(two, "failed")
    store.delete_runs([two])
    assert seen() == [(one, "finished", 1, 3.0)]
    # SQLite gives the number of the newest row again once it is gone.
    again = start(store, questions, "again")
    assert [run.name for run in store.runs("p")] == ["again", "rag"]
    assert [run.project for run in store.runs()] == ["p", "p"]
    store.rename_project("p", "q")
    for runs in (store.runs("q"), store.runs()):
        assert [(run.id, run.project) for run in runs] == [(again, "q"), (one, "q")]


def test_every_change_of_a_job_is_seen(store: Store, statements: list[str]) -> None:
    store.ensure_project("p")
    job_id = store.start_job("check", "p", {"a": 1})
    for change in (
        lambda: store.update_job(job_id, status="running"),
        lambda: store.update_job(job_id, progress={"done": 1}),
        lambda: store.request_cancel(job_id),
        lambda: store.update_job(job_id, status="cancelled", result={"b": 2}, error="said"),
    ):
        change()
        assert store.jobs("p") == [store.job(job_id)]
    statements.clear()
    assert store.jobs("p")[0].result == {"b": 2}
    assert statements == []
    assert store.jobs("p", active=True) == []
    alone = store.start_job("check", None, {})
    assert [(job.id, job.project) for job in store.jobs()] == [(alone, None), (job_id, "p")]
    store.rename_project("p", "q")
    assert [(job.id, job.project) for job in store.jobs()] == [(alone, None), (job_id, "q")]
    assert [(job.id, job.project) for job in store.jobs("q")] == [(job_id, "q")]
