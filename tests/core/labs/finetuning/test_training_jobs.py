"""Training as jobs of the store: in real processes that are killed, one at a time, cancelled and followed anywhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from llmopt_core.experiments.finetuning_jobs import jobs_of
from llmopt_core.experiments.versions.training_sets import TrainingSetVersion, save_training_set
from llmopt_core.finetuning.data.examples import TrainingExample, chat_example
from llmopt_core.finetuning.finetuners import all_jobs
from llmopt_core.finetuning.jobs.folder import JobFolder, all_folders, open_folder
from llmopt_core.finetuning.jobs.job import Job, JobRequest
from llmopt_core.finetuning.jobs.new_folder import new_folder
from llmopt_core.finetuning.training.adapters import adapters
from llmopt_core.labs.finetuning.jobs import Access, cancel, resume, start
from llmopt_core.labs.finetuning.training_jobs import LORA, StoreLine, read_job
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project
from llmopt_core.settings import Settings
from tests.core.finetuning.helpers import colours, make_tiny_encoder, make_tiny_model

ROOT = Path(__file__).parents[4]
LONG = {"epochs": 100, "batch_size": 1, "checkpoint_every": 1, "evaluations": 1, "rank": 4}
SHORT = {"epochs": 1, "rank": 4}
LONG_OF_KIND = {
    "lora": LONG,
    "embedding": {"epochs": 50, "batch_size": 2, "checkpoint_every": 1, "evaluations": 1, "max_tokens": 16},
}
each_kind = pytest.mark.parametrize("kind", list(LONG_OF_KIND))


@pytest.fixture(scope="module")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("tiny")
    return {"lora": make_tiny_model(folder / "chat"), "embedding": make_tiny_encoder(folder / "encoder")}


def pairs(count: int) -> tuple[TrainingExample, ...]:
    """Questions with passages that are all different, so that a batch may hold any of them."""
    return tuple(chat_example(f"what is {number}?", f"number {number}") for number in range(count))


@dataclass
class House:
    """A workspace, and the processes that work in it."""

    settings: Settings
    store: Store
    project: Project
    models: dict[str, Path]
    saved: dict[str, TrainingSetVersion]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def access(self) -> Access:
        return Access(self.settings, {}, {}, StoreLine(self.store, self.settings))

    def start(self, name: str, values: dict[str, int], kind: str = "lora") -> Job:
        request = JobRequest(name=name, base_model=str(self.models[kind]), hyperparameters=values)
        return start(self.access, request, self.saved[kind], project=self.project, kind=kind)

    def worker(self) -> subprocess.Popen[bytes]:
        environ = os.environ | {"LLMOPT_HOME": str(self.settings.home), "PYTHONPATH": str(ROOT), "LLMOPT_THREADS": "1"}
        command = [sys.executable, "-m", "llmopt_core.cli", "jobs", "work", "--lane", "training"]
        self.workers.append(subprocess.Popen(command, env=environ))
        return self.workers[-1]

    def folder(self, job: Job) -> JobFolder:
        return open_folder(self.settings, job.id)

    def trainer(self, job: Job) -> int:
        return int(self.folder(job).read("process.json")["pid"])

    def status(self, job: Job) -> str:
        known = read_job(self.store, job.id)
        return known.status if known else "none"


@pytest.fixture
def house(tmp_path: Path, tiny_models: dict[str, Path]) -> Iterator[House]:
    settings = Settings(home=tmp_path / "home", threads=1)
    store = Store.open(settings)
    project = store.create_project("p")
    items = {
        "lora": save_training_set(store, project, "colours", colours(16).examples),
        "embedding": save_training_set(store, project, "numbers", pairs(100)),
    }
    result = House(settings, store, project, tiny_models, items)
    yield result
    for worker in result.workers:
        worker.kill()
        worker.wait()
    for folder in all_folders(settings):
        if folder.is_worked_on() and folder.read("process.json")["pid"] != os.getpid():
            psutil.Process(folder.read("process.json")["pid"]).kill()


def wait(found: Callable[[], bool], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def test_a_training_waits_in_the_store_and_is_done_by_any_process(house: House) -> None:
    job = house.start("short", SHORT)
    known = read_job(house.store, job.id)
    assert known is not None
    assert (known.kind, known.lane, known.project, known.status) == (LORA.name, "training", "p", "queued")
    assert [item.status for item in all_jobs(house.settings)] == ["queued"]
    assert house.worker().wait(300) == 0
    known = read_job(house.store, job.id)
    assert known is not None
    assert (known.status, known.result) == ("finished", {"job": job.id, "tuned_model": "short"})
    assert (known.progress["done"], known.progress["unit"], known.progress["cost_usd"]) == (2, "steps", 0.0)
    assert [made.name for made in adapters(house.settings)] == ["short"]
    assert [item.id for item in jobs_of(house.store, house.settings, house.project)] == [job.id]


@each_kind
def test_a_process_that_is_killed_with_its_trainer_is_followed_by_one_that_goes_on(house: House, kind: str) -> None:
    job = house.start("long", LONG_OF_KIND[kind], kind)
    first = house.worker()
    wait(lambda: len(house.folder(job).metrics()) > 3)
    first.send_signal(signal.SIGKILL)
    first.wait()
    psutil.Process(house.trainer(job)).kill()
    reached = max(point.step for point in house.folder(job).metrics())
    house.worker()
    wait(lambda: max(point.step for point in house.folder(job).metrics()) > reached + 2)
    assert [e.message for e in house.folder(job).events() if e.message.startswith("Going on after step")]
    assert house.status(job) == "running"
    cancel(house.access, job.id)
    assert house.workers[-1].wait(300) == 0
    assert (house.status(job), house.folder(job).job().status) == ("cancelled", "cancelled")


def test_a_trainer_that_dies_while_the_next_process_follows_it_has_a_successor(house: House) -> None:
    job = house.start("long", LONG)
    first = house.worker()
    wait(lambda: len(house.folder(job).metrics()) > 3)
    first.send_signal(signal.SIGKILL)
    first.wait()
    house.worker()
    wait(lambda: house.store.jobs()[0].attempts == 2)
    psutil.Process(house.trainer(job)).kill()
    wait(lambda: any(e.message.startswith("Going on after step") for e in house.folder(job).events()))
    cancel(house.access, job.id)
    assert house.workers[-1].wait(300) == 0
    assert (house.status(job), house.folder(job).job().status) == ("cancelled", "cancelled")


@each_kind
def test_a_trainer_outlives_a_killed_process_and_is_followed_by_the_next(house: House, kind: str) -> None:
    job = house.start("long", LONG_OF_KIND[kind], kind)
    first = house.worker()
    wait(lambda: len(house.folder(job).metrics()) > 1)
    trainer = house.trainer(job)
    first.kill()
    first.wait()
    house.worker()
    known = read_job(house.store, job.id)
    assert known is not None
    wait(lambda: house.store.job(known.id).attempts == 2)
    reached = len(house.folder(job).metrics())
    wait(lambda: len(house.folder(job).metrics()) > reached)
    assert house.trainer(job) == trainer
    house.store.request_cancel(known.id)
    assert house.workers[-1].wait(300) == 0
    assert house.folder(job).job().status == "cancelled"


def test_one_training_at_a_time_however_many_processes_there_are(house: House) -> None:
    jobs = [house.start(name, LONG) for name in ("first", "second")]
    house.worker()
    house.worker()
    wait(lambda: len(house.folder(jobs[0]).metrics()) > 5)
    assert [house.status(job) for job in jobs] == ["running", "queued"]
    assert house.folder(jobs[1]).metrics() == []
    cancel(house.access, jobs[1].id)
    assert (house.status(jobs[1]), house.folder(jobs[1]).job().status) == ("cancelled", "cancelled")
    cancel(house.access, jobs[0].id)
    assert [worker.wait(300) for worker in house.workers] == [0, 0]
    assert resume(house.access, jobs[1].id).status == "queued"
    assert house.status(jobs[1]) == "queued"


def test_what_waits_is_cancelled_from_the_list_of_jobs(house: House) -> None:
    job = house.start("long", LONG)
    known = read_job(house.store, job.id)
    assert known is not None
    environ = os.environ | {"LLMOPT_HOME": str(house.settings.home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "llmopt_core.cli", "jobs", "cancel", str(known.id)]
    result = subprocess.run(command, env=environ, check=False, capture_output=True, text=True)
    assert result.stdout.strip() == f"{known.id}  cancelled  Training long [p] (llmopt jobs resume {known.id})"
    assert house.folder(job).job().status == "cancelled"


def test_a_killed_trainer_fails_its_job_which_can_be_resumed(house: House) -> None:
    job = house.start("long", LONG)
    house.worker()
    wait(lambda: len(house.folder(job).metrics()) > 1)
    psutil.Process(house.trainer(job)).kill()
    assert house.workers[-1].wait(300) == 0
    known = read_job(house.store, job.id)
    assert known is not None
    assert (known.status, known.resumable) == ("failed", True)
    assert "killed" in known.error
    resume(house.access, job.id)
    assert [one.id for one in house.store.jobs()] == [known.id]
    assert house.status(job) == "queued"


def test_a_half_done_job_of_a_former_workspace_is_shown_and_resumed(house: House) -> None:
    request = JobRequest(name="old", base_model=str(house.models["lora"]), hyperparameters=SHORT)
    folder = new_folder(house.settings, request, "lora", house.saved["lora"].train, None)
    folder.write("process.json", {"pid": 2**22 + 1, "started": 0.0})
    folder.update_state(status="running", step=3, total_steps=20)
    StoreLine(house.store, house.settings).adopt()
    assert house.store.jobs() == []
    assert [(job.status, job.resumable) for job in all_jobs(house.settings)] == [("interrupted", True)]
    resume(house.access, folder.id)
    assert house.worker().wait(300) == 0
    assert [made.name for made in adapters(house.settings)] == ["old"]


def test_what_an_earlier_version_trains_is_followed(house: House) -> None:
    request = JobRequest(name="old", base_model=str(house.models["lora"]), hyperparameters=SHORT)
    folder = new_folder(house.settings, request, "lora", house.saved["lora"].train, None)
    folder.update_state(status="running", step=3, total_steps=20)
    StoreLine(house.store, house.settings).adopt()
    StoreLine(house.store, house.settings).adopt()
    (jobs,) = house.store.jobs()
    assert jobs.arguments["folder"] == folder.id
    house.worker()
    wait(lambda: house.store.job(jobs.id).progress.get("done") == 3)
    folder.update_state(status="finished", tuned_model="old")
    folder.write("process.json", {})
    assert house.workers[-1].wait(300) == 0
    assert house.store.job(jobs.id).result == {"job": folder.id, "tuned_model": "old"}
