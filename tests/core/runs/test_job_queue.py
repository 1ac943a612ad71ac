"""The jobs table as a queue, with a clock of its own and processes that live on another host."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from llmopt_core.errors import BadInput
from llmopt_core.runs.job_queue import MOST_ATTEMPTS, claim_next, settle_orphans
from llmopt_core.runs.owner import SILENT_FOR
from llmopt_core.runs.store import Store
from llmopt_core.runs.tables import now
from llmopt_core.runs.tables_runs import jobs
from llmopt_core.runs.values import Job

KINDS = ("evaluation",)


class Clock:
    """Stands where it is put."""

    def __init__(self) -> None:
        self.now: datetime = now()

    def forward(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def put(store: Store, project: str = "p", lane: str = "evaluation", **more: object) -> int:
    store.ensure_project(project)
    return store.start_job("evaluation", project, {"what": "x"}, lane=lane, versions={}, **more)  # type: ignore[arg-type]


def take(store: Store, clock: Clock, lane: str = "evaluation", holds: tuple[int, ...] = ()) -> int | None:
    """What the next free process takes, and ends at once."""
    clock.forward(1)
    settle_orphans(store.database, clock.now)
    return claim_next(store.database, lane, "token", KINDS, holds, clock.now)


def elsewhere(store: Store, job_id: int, beaten: datetime) -> None:
    """Another host has it."""
    owner = {"owner_host": "elsewhere", "owner_pid": 1, "heartbeat": beaten}
    with store.database.write() as connection:
        connection.execute(sa.update(jobs).where(jobs.c.id == job_id).values(**owner))


def read(store: Store, job_id: int) -> Job:
    """The row as it stands, without what looking at it does to it."""
    return store._jobs(jobs.c.id == job_id)[0]


def test_a_lane_is_first_in_first_out_and_does_not_wait_for_another(store: Store, clock: Clock) -> None:
    first, second = put(store), put(store)
    look = put(store, lane="interactive")
    assert take(store, clock) == first
    assert take(store, clock, "interactive", holds=(look,)) == look
    assert [take(store, clock) for _ in range(2)] == [second, None]


@pytest.mark.parametrize("lane", ["interactive", "watched"])
def test_what_somebody_waits_for_is_done_where_they_wait(store: Store, clock: Clock, lane: str) -> None:
    look = put(store, lane=lane)
    assert take(store, clock, lane) is None
    elsewhere(store, look, clock.now)
    clock.forward(60)
    assert take(store, clock, lane) == look


def test_projects_take_turns(store: Store, clock: Clock) -> None:
    many = [put(store, "many") for _ in range(4)]
    few = [put(store, "few") for _ in range(2)]
    late = put(store, "late")
    turns = [take(store, clock) for _ in range(7)]
    assert turns == [many[0], few[0], late, many[1], few[1], many[2], many[3]]


def test_a_process_takes_only_what_it_can_do(store: Store, clock: Clock) -> None:
    job = put(store)
    assert claim_next(store.database, "evaluation", "t", ("other",), (), clock.now) is None
    assert claim_next(store.database, "evaluation", "t", KINDS, (), clock.now) == job


def test_of_many_processes_one_takes_a_job(store: Store, clock: Clock) -> None:
    target = [put(store) for _ in range(6)]
    taken: list[int | None] = []

    def work() -> None:
        taken.extend(claim_next(store.database, "evaluation", "t", KINDS, (), clock.now) for _ in range(3))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(job for job in taken if job is not None) == target


def test_what_a_dead_process_left_is_taken_over_within_45_seconds(store: Store, clock: Clock) -> None:
    job = put(store)
    assert take(store, clock) == job
    elsewhere(store, job, clock.now)
    clock.forward(SILENT_FOR.total_seconds() - 2)
    assert take(store, clock) is None
    assert take(store, clock) == job
    assert timedelta(seconds=40) >= SILENT_FOR
    assert (read(store, job).attempts, read(store, job).status) == (2, "running")


def test_a_process_that_beats_keeps_its_job(store: Store, clock: Clock) -> None:
    job = put(store)
    take(store, clock)
    for _ in range(10):
        elsewhere(store, job, clock.forward(15))
        assert take(store, clock) is None


def test_who_was_taken_for_dead_writes_nothing_any_more(store: Store, clock: Clock) -> None:
    job = put(store)
    claim_next(store.database, "evaluation", "early", KINDS, (), clock.now)
    assert store.update_job(job, progress={"done": 1}, claim="early")
    elsewhere(store, job, clock.now)
    settle_orphans(store.database, clock.forward(60))
    claim_next(store.database, "evaluation", "late", KINDS, (), clock.now)
    assert not store.update_job(job, status="failed", error="gone", claim="early")
    assert (read(store, job).status, read(store, job).error) == ("running", "")


def test_work_that_ends_its_process_again_and_again_is_given_up_and_can_be_resumed(store: Store, clock: Clock) -> None:
    job = put(store)
    for _ in range(MOST_ATTEMPTS):
        assert take(store, clock) == job
        elsewhere(store, job, clock.now)
        clock.forward(60)
    assert take(store, clock) is None
    assert read(store, job).status == "interrupted"
    assert "has ended 3 times" in read(store, job).error
    store.resume_job(job)
    assert take(store, clock) == job


def test_a_dead_process_that_was_asked_to_stop_leaves_nothing_to_do(store: Store, clock: Clock) -> None:
    job = put(store)
    take(store, clock)
    elsewhere(store, job, clock.now)
    store.request_cancel(job)
    assert read(store, job).status == "running"
    clock.forward(60)
    assert take(store, clock) is None
    assert read(store, job).status == "cancelled"


def test_what_waits_is_cancelled_where_nobody_works(store: Store, clock: Clock) -> None:
    job = put(store)
    store.request_cancel(job)
    assert read(store, job).status == "cancelled"
    assert take(store, clock) is None


def test_whoever_has_the_keys_goes_first_while_it_lives(store: Store, clock: Clock) -> None:
    job = put(store, key_names=("openai",))
    elsewhere(store, job, clock.now)
    assert take(store, clock) is None
    assert read(store, job).key_names == ("openai",)
    clock.forward(60)
    assert take(store, clock) == job
    mine = put(store, key_names=("openai",))
    assert take(store, clock, holds=(mine,)) == mine


def test_jobs_of_an_earlier_version_are_listed_and_say_what_to_do(store: Store, clock: Clock) -> None:
    store.ensure_project("p")
    old = store.start_job("evaluation", "p", {"configurations": ["rag"], "evaluation_set": "q"})
    store.update_job(old, status="running")
    elsewhere(store, old, clock.now.replace(year=2020))
    (job,) = store.jobs("p")
    assert (job.status, job.arguments["configurations"]) == ("interrupted", ["rag"])
    assert "start it again" in job.error
    assert take(store, clock) is None
    with pytest.raises(BadInput, match=f"Job {old} was made by an earlier version of the app: start it again"):
        store.resume_job(old)


def test_only_what_ended_before_it_was_done_is_resumed(store: Store, clock: Clock) -> None:
    job = put(store)
    with pytest.raises(BadInput, match="is under way"):
        store.resume_job(job)
    take(store, clock)
    store.update_job(job, status="finished")
    with pytest.raises(BadInput, match="has finished"):
        store.resume_job(job)
