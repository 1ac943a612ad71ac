"""Training jobs in processes of their own: killed, cancelled, terminated, queued."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from llmopt_core.errors import BadInput
from llmopt_core.finetuning.finetuners import all_jobs
from llmopt_core.finetuning.jobs.folder import JobFolder, jobs_root, open_folder
from llmopt_core.finetuning.jobs.job import Job, JobRequest
from llmopt_core.finetuning.training.local_trainer import LocalTrainer
from llmopt_core.settings import Settings
from tests.core.finetuning.helpers import colours

LONG = {"epochs": 100, "batch_size": 1, "checkpoint_every": 1, "evaluations": 1, "rank": 4}


class AtOnce:
    """A line without others in it: a thread trains each job at once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def enter(self, job: Job) -> None:
        threading.Thread(target=LocalTrainer(self.settings).train, args=(job.id,), daemon=True).start()

    def leave(self, job: Job) -> None:
        open_folder(self.settings, job.id).ask_cancel()


@pytest.fixture
def local(settings: Settings) -> Iterator[LocalTrainer]:
    yield LocalTrainer(settings, line=AtOnce(settings))
    for folder in jobs_root(settings).glob("*/process.json"):
        known = JobFolder(folder.parent).read("process.json")
        if known.get("pid") and JobFolder(folder.parent).is_worked_on():
            psutil.Process(known["pid"]).kill()


def wait(found: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.05)


def request(tiny_model: Path, name: str = "tuned", **values: object) -> JobRequest:
    return JobRequest(name=name, base_model=str(tiny_model), hyperparameters=LONG | values)


def test_a_killed_trainer_is_interrupted_and_can_be_resumed(
    local: LocalTrainer, settings: Settings, tiny_model: Path
) -> None:
    created: list[Job] = []
    job = local.create(request(tiny_model), colours(16), colours(8, 100), on_created=created.append)
    assert [j.id for j in created] == [job.id]
    folder = open_folder(settings, job.id)
    wait(lambda: bool(local.checkpoints(job.id)) and len(local.metrics(job.id)) > 4)
    assert folder.read("worker.json").keys() == {"home", "builtin_gguf", "threads"}
    psutil.Process(folder.read("process.json")["pid"]).kill()
    wait(lambda: local.status(job.id).has_ended)
    after = local.status(job.id)
    assert (after.status, after.resumable) == ("interrupted", True)
    assert not (folder.path / ".scratch").exists()
    assert "resume" in after.message
    reached = max(p.step for p in local.metrics(job.id))

    resumed = local.resume(job.id)
    assert resumed.status == "queued"
    wait(lambda: local.status(job.id).status == "running")
    with pytest.raises(BadInput, match="running"):
        local.resume(job.id)
    wait(lambda: max(p.step for p in local.metrics(job.id)) > reached)
    local.cancel(job.id)
    wait(lambda: local.status(job.id).has_ended)
    assert local.status(job.id).status == "cancelled"
    assert local.status(job.id).finished_at > 0
    assert any(e.message.startswith("Going on after step") for e in local.events(job.id))
    assert [p.step for p in local.metrics(job.id)] == sorted({p.step for p in local.metrics(job.id)})

    assert local.resume(job.id).finished_at == 0, "the end of the part before is not the end of this one"
    local.cancel(job.id)
    wait(lambda: local.status(job.id).has_ended)


def test_a_job_waits_until_it_is_trained_and_can_be_cancelled_while_waiting(
    settings: Settings, tiny_model: Path
) -> None:
    local = LocalTrainer(settings)
    jobs = [local.create(request(tiny_model, name), colours(16)) for name in ("first", "second")]
    assert {job.status for job in all_jobs(settings)} == {"queued"}
    assert local.cancel(jobs[1].id).status == "cancelled"
    assert local.metrics(jobs[1].id) == []

    # The system's polite request to end: what was learned is saved, and the job can go on later.
    def end(job: Job) -> None:
        if job.step > 2 and local.checkpoints(job.id):
            psutil.Process(open_folder(settings, job.id).read("process.json")["pid"]).terminate()

    ended = local.train(jobs[0].id, on_progress=end)
    assert (ended.status, ended.resumable) == ("interrupted", True)
    assert local.checkpoints(jobs[0].id)
    steps = len(local.metrics(jobs[0].id))
    result = local.train(jobs[0].id, should_stop=lambda: len(local.metrics(jobs[0].id)) > steps)
    assert result.status == "cancelled"
    assert any(e.message.startswith("Going on after step") for e in local.events(jobs[0].id))


def test_a_trainer_that_still_works_is_followed_and_not_begun_twice(settings: Settings, tiny_model: Path) -> None:
    local, pids = LocalTrainer(settings), set()
    job = local.create(request(tiny_model), colours(16))
    folder = open_folder(settings, job.id)

    def leave(now: Job) -> None:
        pids.add(folder.read("process.json")["pid"])
        if now.step > 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        local.train(job.id, on_progress=leave)
    assert folder.is_worked_on()
    local.train(job.id, should_stop=lambda: True, on_progress=lambda _: pids.add(folder.read("process.json")["pid"]))
    assert local.status(job.id).status == "cancelled"
    assert len(pids) == 1


def test_a_trainer_whose_beginning_nobody_noted_leaves_the_job_to_the_one_that_was_begun_after_it(
    settings: Settings, tiny_model: Path
) -> None:
    local = LocalTrainer(settings)
    job = local.create(request(tiny_model), colours(16))
    folder = open_folder(settings, job.id)
    folder.write("worker.json", settings.model_dump(mode="json", include={"home", "threads"}))
    command = [sys.executable, "-m", "llmopt_core.finetuning.training.trainer", str(folder.path)]
    lost = subprocess.Popen(command)
    ended = local.train(job.id, should_stop=lambda: lost.poll() is not None and len(local.metrics(job.id)) > 2)
    assert (ended.status, lost.wait(60)) == ("cancelled", 0)
    steps = [line["step"] for line in folder.lines("metrics.jsonl")]
    assert len(steps) > 2
    assert steps == sorted(set(steps))
    assert len([e for e in folder.events() if e.message.startswith("Training:")]) == 1


def test_a_job_that_is_taken_up_while_somebody_looks_is_not_interrupted(
    settings: Settings, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = LocalTrainer(settings)
    job = local.create(request(tiny_model), colours(16))
    folder = open_folder(settings, job.id)
    folder.update_state(status="running", in_line=False)
    known = JobFolder.is_worked_on

    def look(self: JobFolder) -> bool:
        result = known(self)
        self.claim(os.getpid())
        return result

    monkeypatch.setattr(JobFolder, "is_worked_on", look)
    assert local.status(job.id).status == "running"
    assert folder.job().status == "running"
