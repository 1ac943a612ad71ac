from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

import pytest

from llmopt_core.errors import BadInput, StorageError
from llmopt_core.experiments.experiment import run_experiment
from llmopt_core.jobs.context import JobContext
from llmopt_core.jobs.kind import JobKind, Lane
from llmopt_core.jobs.queue import JobRunner
from llmopt_core.models.calls.limiter import Limiter
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.types import Spec
from tests.engine_lab import Lab, reply


@pytest.fixture
def runner(lab: Lab) -> JobRunner:
    return JobRunner(lab.store, lab.settings)


class Asked(Spec):
    """What jobs of these tests are asked to do."""

    what: str = ""


def submit(
    runner: JobRunner, kind: str, project: str, arguments: dict[str, Any], work: Work, lane: Lane = "evaluation"
) -> int:
    """Put work in line as a kind of its own, which begins with the name of `kind`."""
    name = f"{kind}-{next(_numbers)}"
    runner._kinds.register(JobKind(name, Asked, lambda context, _: work(context), kind, lane))
    return runner.submit(name, project, Asked(**arguments))


Work = Callable[[JobContext], Any]
_numbers = count()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def test_a_job_is_recorded_with_its_result(runner: JobRunner) -> None:
    job_id = submit(runner, "check", "p", {"what": "x"}, lambda context: {"job": context.job_id})
    job = runner.wait(job_id)
    assert (job.status, job.result, job.arguments) == ("finished", {"job": job_id}, {"what": "x"})
    assert job.started_at is not None
    assert job.finished_at is not None


def test_asynchronous_work_gets_an_event_loop(runner: JobRunner) -> None:
    async def work(context: JobContext) -> dict[str, object]:
        await asyncio.sleep(0)
        return {"loop": True}

    assert runner.wait(submit(runner, "check", "p", {}, work)).result == {"loop": True}


@pytest.mark.parametrize(
    ("error", "words"),
    [(BadInput("The file is wrong."), "The file is wrong."), (KeyError("x"), "KeyError: 'x'")],
)
def test_work_that_fails_says_so(runner: JobRunner, error: Exception, words: str) -> None:
    def work(_: JobContext) -> None:
        raise error

    job = runner.wait(submit(runner, "check", "p", {}, work))
    assert (job.status, job.error) == ("failed", words)


def test_how_a_job_ended_is_stored_once_the_store_works_again(
    lab: Lab, runner: JobRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, real = threading.Event(), lab.store.update_job

    def update(job_id: int, **more: Any) -> bool:
        if full.is_set():
            raise StorageError("The disk is full.")
        return real(job_id, **more)

    monkeypatch.setattr(lab.store, "update_job", update)

    def work(_: JobContext) -> dict[str, Any]:
        full.set()
        return {"made": 1}

    job_id = submit(runner, "check", "p", {}, work)
    # Nobody is kept waiting by a disk that is full.
    assert runner.wait(job_id, 30).status == "running"
    assert not runner.is_busy()
    full.clear()
    until(lambda: not runner.status(job_id).active)
    assert (runner.status(job_id).status, runner.status(job_id).result) == ("finished", {"made": 1})


def test_progress_can_be_followed_and_the_last_word_is_kept(runner: JobRunner) -> None:
    go = threading.Event()

    def work(context: JobContext) -> None:
        for done in range(50):
            context.report({"done": done, "total": 50})
        go.wait(30)
        context.report({"done": 50, "total": 50})

    job_id = submit(runner, "check", "p", {}, work)
    until(lambda: "done" in runner.status(job_id).progress)
    assert runner.status(job_id).active
    go.set()
    assert runner.wait(job_id).progress == {"done": 50, "total": 50}


def test_a_job_is_cancelled_from_here_and_from_another_process(lab: Lab, runner: JobRunner) -> None:
    def work(context: JobContext) -> None:
        until(context.should_cancel)

    here = submit(runner, "check", "p", {}, work)
    elsewhere = submit(runner, "check", "p", {}, work)
    until(lambda: all(runner.status(job).status == "running" for job in (here, elsewhere)))
    runner.cancel(here)
    lab.restarted().store.request_cancel(elsewhere)
    assert runner.wait(here).status == "cancelled"
    assert runner.wait(elsewhere).status == "cancelled"


def test_jobs_wait_in_line_and_can_be_cancelled_there(lab: Lab) -> None:
    runner = JobRunner(lab.store, lab.settings, at_once=1)
    go, started = threading.Event(), []

    def work(context: JobContext) -> None:
        started.append(context.job_id)
        go.wait(30)

    first, second, third = (submit(runner, "check", "p", {}, work) for _ in range(3))
    until(lambda: started == [first])
    assert runner.status(second).status == "queued"
    runner.cancel(second)
    assert runner.wait(second).status == "cancelled"
    go.set()
    assert runner.wait(third).status == "finished"
    assert started == [first, third]


def test_one_place_keeps_the_order_of_submission(lab: Lab) -> None:
    runner = JobRunner(lab.store, lab.settings, at_once=1)
    go, started = threading.Event(), []

    def work(context: JobContext) -> None:
        started.append(context.job_id)
        go.wait(30)

    def submit_some() -> None:
        for _ in range(8):
            submit(runner, "check", "p", {}, work)

    first = submit(runner, "check", "p", {}, work)
    until(lambda: started == [first])
    submitters = [threading.Thread(target=submit_some) for _ in range(3)]
    for thread in submitters:
        thread.start()
    for thread in submitters:
        thread.join()
    jobs = sorted(job.id for job in lab.store.jobs("p"))
    runner.cancel(jobs[7])
    assert runner.wait(jobs[7]).status == "cancelled"
    go.set()
    for job_id in jobs:
        runner.wait(job_id)
    assert started == [job_id for job_id in jobs if job_id != jobs[7]]
    assert len(started) == 24


def test_a_look_does_not_wait_behind_two_long_jobs(lab: Lab) -> None:
    runner = JobRunner(lab.store, lab.settings)
    go = threading.Event()

    def block(_: JobContext) -> None:
        go.wait(30)

    long = [submit(runner, "evaluation", "p", {}, block) for _ in range(3)]
    look = submit(runner, "retrieval-look", "p", {}, lambda _: {"seen": True}, lane="interactive")
    assert runner.wait(look, 20).result == {"seen": True}
    until(lambda: [runner.status(job).status for job in long] == ["running", "running", "queued"])
    go.set()
    assert [runner.wait(job).status for job in long] == ["finished"] * 3


def test_calls_of_a_look_go_before_those_of_evaluations(runner: JobRunner) -> None:
    """An endpoint that takes one call at once, and long work whose calls stand in line for it."""
    limiter, go, order = Limiter(1), threading.Event(), []

    def calls(who: str, count: int) -> Callable[[JobContext], Awaitable[None]]:
        async def call() -> None:
            async with limiter:
                await asyncio.to_thread(go.wait, 30)
                order.append(who)

        async def work(_: JobContext) -> None:
            await asyncio.gather(*(call() for _ in range(count)))

        return work

    long = [submit(runner, "evaluation", "p", {}, calls("long", 5)) for _ in range(2)]
    until(lambda: limiter.waiting == 9)
    look = submit(runner, "retrieval-look", "p", {}, calls("look", 1), lane="interactive")
    until(lambda: limiter.waiting == 10)
    go.set()

    assert [runner.wait(job, 20).status for job in (*long, look)] == ["finished"] * 3
    assert order == ["long", "look", *["long"] * 9]


def test_an_evaluation_goes_on_without_its_page(lab: Lab, runner: JobRunner) -> None:
    lab.chat = ScriptedChat(reply, delay=0.01)

    async def work(context: JobContext) -> dict[str, object]:
        async with lab.models() as models:
            ids = await run_experiment(
                lab.store,
                lab.plan(lab.configuration(), lab.configuration("wide", model={"endpoint": "scripted", "seed": 1})),
                models,
                on_progress=lambda progress: context.report(progress.as_dict()),
                should_cancel=context.should_cancel,
                job_id=context.job_id,
            )
        return {"runs": ids}

    job_id = submit(runner, "evaluation", "p", {}, work)
    job = runner.wait(job_id)
    assert (job.status, job.error) == ("finished", "")
    runs = lab.store.runs(job_id=job_id)
    assert job.result == {"runs": [run.id for run in reversed(runs)]}
    assert [run.status for run in runs] == ["finished", "finished"]
    assert job.progress["done"] == 4
    assert job.progress["usage"]["calls"] == 4


@pytest.mark.parametrize("result", [{"when": object()}, {"bytes": b"x"}, {"set": {1}}])
def test_a_result_that_is_no_json_ends_the_job_with_one_sentence(runner: JobRunner, result: dict[str, Any]) -> None:
    job = runner.wait(submit(runner, "check", "p", {}, lambda _: result), timeout=20)
    assert (job.status, job.result) == ("failed", {})
    assert "The result of the check" in job.error
    assert job.error.endswith("it may hold texts, numbers, lists and dictionaries alone.")
    assert not runner.is_busy()


def test_progress_that_is_no_json_ends_its_job_and_no_other(runner: JobRunner) -> None:
    job = runner.wait(submit(runner, "check", "p", {}, lambda context: context.report({"x": object()})), timeout=20)
    assert (job.status, job.progress) == ("failed", {})
    assert "The progress of the job cannot be kept" in job.error
    assert runner.wait(submit(runner, "check", "p", {}, lambda _: {"x": 1}), timeout=20).status == "finished"
