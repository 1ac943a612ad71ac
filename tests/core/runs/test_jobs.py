import os
import subprocess
import sys

import psutil
import pytest
import sqlalchemy as sa

from llmopt_core.errors import BadInput
from llmopt_core.execution import process
from llmopt_core.runs.store import Store
from llmopt_core.runs.tables import now
from llmopt_core.runs.tables_runs import jobs
from llmopt_core.runs.values import Job

CHILD = """
import sys
from pathlib import Path
from llmopt_core.runs.store import Store
store = Store(sys.argv[1], Path(sys.argv[2]))
store.ensure_project("p")
job = store.start_job("evaluation", "p", {})
store.update_job(job, status="running")
run = store.start_run(
    "p", {"name": "c"}, "f", evaluation_set="q", set_version="v", judge="", metrics=[], total=3, job_id=job
)
print(job, run, flush=True)
sys.stdin.read()
"""


def test_a_job_tells_how_far_it_is(store: Store) -> None:
    store.create_project("p")
    job_id = store.start_job("evaluation", "p", {"configurations": ["rag"]})
    assert store.job(job_id).status == "queued"
    store.update_job(job_id, status="running", progress={"done": 3, "total": 10})
    job = store.job(job_id)
    assert (job.status, job.progress, job.arguments) == (
        "running",
        {"done": 3, "total": 10},
        {"configurations": ["rag"]},
    )
    assert job.started_at is not None
    assert [j.id for j in store.jobs("p", active=True)] == [job_id]
    store.update_job(job_id, status="finished", result={"runs": [1]})
    assert store.job(job_id).result == {"runs": [1]}
    assert store.jobs("p", active=True) == []


def test_a_job_can_be_asked_to_stop_and_have_no_project(store: Store) -> None:
    job_id = store.start_job("check", None, {})
    assert not store.is_cancel_requested(job_id)
    store.request_cancel(job_id)
    assert store.is_cancel_requested(job_id)
    assert store.job(job_id).project is None
    with pytest.raises(BadInput, match="no job 99"):
        store.job(99)


def test_work_of_a_killed_process_is_interrupted_and_of_a_living_one_is_not(store: Store) -> None:
    command = [sys.executable, "-c", CHILD, str(store.database.engine.url), str(store.home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        job_id, run_id = (int(word) for word in child.stdout.readline().split())
        assert store.job(job_id).status == "running"
        assert store.run(run_id).active
        with pytest.raises(BadInput, match="being worked on"):
            store.resume_run(run_id)
        child.kill()
        child.wait()
    assert store.job(job_id).status == "interrupted"
    assert store.run(run_id).status == "interrupted"
    assert store.resume_run(run_id).status == "running"


def _owned_by(store: Store, **columns: object) -> Job:
    job_id = store.start_job("evaluation", None, {})
    with store.database.write() as connection:
        connection.execute(sa.update(jobs).where(jobs.c.id == job_id).values(**columns))
    return store.job(job_id)


def test_a_process_number_used_again_is_not_the_owner(store: Store) -> None:
    assert _owned_by(store, owner_pid=os.getpid(), owner_started=1.0).status == "interrupted"


@pytest.mark.parametrize("seconds", [-7200, -2, 2, 7200])
def test_work_goes_on_where_the_clock_is_set(store: Store, monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    """Linux tells the time of a process's start from the time of day, so it moves with the clock."""
    job_id = store.start_job("evaluation", None, {})
    before = psutil._pslinux.boot_time()
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: before + seconds)

    assert store.job(job_id).status == "queued"


def test_work_of_a_process_of_the_same_number_before_a_restart_is_over(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_boot", lambda: 1)
    started = process.start_of(os.getpid())
    monkeypatch.setattr(process, "_boot", lambda: 2)

    assert _owned_by(store, owner_pid=os.getpid(), owner_started=started).status == "interrupted"


def test_work_that_an_earlier_version_began_goes_on(store: Store) -> None:
    started = psutil.Process().create_time()

    assert _owned_by(store, owner_pid=os.getpid(), owner_started=started).status == "queued"


def test_work_on_another_host_counts_as_alive_while_it_beats(store: Store) -> None:
    assert _owned_by(store, owner_host="elsewhere", owner_pid=1).status == "queued"
    old = now().replace(year=2020)
    assert _owned_by(store, owner_host="elsewhere", owner_pid=1, heartbeat=old).status == "interrupted"
