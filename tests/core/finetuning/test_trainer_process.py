"""Training jobs in processes of their own: killed, cancelled, terminated, queued."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from filelock import FileLock

from llmopt_core.errors import BadInput
from llmopt_core.finetuning.finetuners import all_jobs
from llmopt_core.finetuning.jobs.folder import JobFolder, jobs_root, open_folder
from llmopt_core.finetuning.jobs.job import Job, JobRequest
from llmopt_core.finetuning.training.local_trainer import LocalTrainer
from llmopt_core.settings import Settings
from tests.core.finetuning.helpers import colours

LONG = {"epochs": 100, "checkpoint_every": 1, "evaluations": 1, "rank": 4}


@pytest.fixture
def local(settings: Settings) -> Iterator[LocalTrainer]:
    yield LocalTrainer(settings)
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
    assert folder.read("worker.json").keys() == {"home", "builtin_gguf", "threads"}
    wait(lambda: bool(local.checkpoints(job.id)) and len(local.metrics(job.id)) > 4)
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


def test_a_second_job_waits_and_can_be_cancelled_while_waiting(
    local: LocalTrainer, settings: Settings, tiny_model: Path
) -> None:
    with FileLock(jobs_root(settings) / "trainer.lock"):
        jobs = [local.create(request(tiny_model, name), colours(16)) for name in ("first", "second")]
        for job in jobs:
            wait(lambda job=job: any("Waiting" in event.message for event in local.events(job.id)))
        assert {job.status for job in all_jobs(settings)} == {"queued"}
        local.cancel(jobs[1].id)
        wait(lambda: local.status(jobs[1].id).has_ended)
        assert local.status(jobs[1].id).status == "cancelled"
        assert local.metrics(jobs[1].id) == []
    wait(lambda: local.status(jobs[0].id).status == "running")
    wait(lambda: bool(local.metrics(jobs[0].id)))
    # The system's polite request to end: what was learned is saved, and the job can go on later.
    psutil.Process(open_folder(settings, jobs[0].id).read("process.json")["pid"]).terminate()
    wait(lambda: local.status(jobs[0].id).has_ended)
    assert (local.status(jobs[0].id).status, local.status(jobs[0].id).resumable) == ("interrupted", True)
    assert local.checkpoints(jobs[0].id)
