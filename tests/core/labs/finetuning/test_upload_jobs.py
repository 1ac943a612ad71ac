"""Sending training data to a service as a job: by whatever process, once, with a key that is kept nowhere."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmopt_core.experiments.versions.training_sets import save_training_set
from llmopt_core.finetuning.finetuners import all_jobs
from llmopt_core.finetuning.jobs.job import JobRequest
from llmopt_core.jobs.queue import JobRunner
from llmopt_core.labs.finetuning.upload_jobs import UPLOAD, UploadArguments
from llmopt_core.labs.job_kinds import job_kinds
from llmopt_core.models.endpoint_file import save_endpoint
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from tests.core.finetuning.helpers import colours
from tests.stub_finetuning import FineTuningStub

ROOT = Path(__file__).parents[4]
SECRET = "sk-only-in-this-session"


@pytest.fixture
def stub() -> Iterator[FineTuningStub]:
    with FineTuningStub() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, stub: FineTuningStub) -> Settings:
    settings = Settings(home=tmp_path / "home")
    save_endpoint(settings, Endpoint(name="firm", base_url=stub.url, api_key_env="FIRM_KEY"))
    return settings


@pytest.fixture
def store(settings: Settings) -> Store:
    opened = Store.open(settings)
    opened.create_project("p")
    return opened


def arguments(store: Store, stub: FineTuningStub) -> UploadArguments:
    version = save_training_set(store, store.project("p"), "colours", colours(20).examples)
    request = JobRequest(name="tidy", provider="firm", base_model="big")
    return UploadArguments(
        name="tidy", provider="firm", training_set=version.label, data_version=version.version, address=stub.url,
        request=request, validate_too=False,
    )  # fmt: skip


def worker(settings: Settings) -> subprocess.Popen[bytes]:
    environ = os.environ | {"LLMOPT_HOME": str(settings.home), "PYTHONPATH": str(ROOT), "FIRM_KEY": SECRET}
    return subprocess.Popen([sys.executable, "-m", "llmopt_core.cli", "jobs", "work"], env=environ)


def test_a_process_goes_on_with_an_upload_in_which_another_has_died(
    settings: Settings, store: Store, stub: FineTuningStub
) -> None:
    asked = arguments(store, stub)
    job_id = store.start_job(UPLOAD.name, "p", asked.model_dump(mode="json"), lane=UPLOAD.lane, versions={})
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE jobs SET owner_started = 1.0")
    stub.fail("POST /fine_tuning/jobs", "lost")
    first = worker(settings)
    end = time.monotonic() + 60
    while not stub.count("POST /fine_tuning/jobs"):
        assert time.monotonic() < end, "nothing was sent"
        time.sleep(0.01)
    first.kill()
    first.wait()
    assert store.job(job_id).status == "queued"
    assert worker(settings).wait(60) == 0
    job = store.job(job_id)
    assert (job.status, job.error, job.attempts) == ("finished", "", 2)
    assert (len(stub.jobs), stub.count("POST /files"), stub.count("POST /fine_tuning/jobs")) == (1, 1, 1)
    assert [(one.id, one.remote_id) for one in all_jobs(settings)] == [(job.result["job"], "ftjob-1")]


def test_a_key_of_a_session_is_sent_and_never_stored(settings: Settings, store: Store, stub: FineTuningStub) -> None:
    runner = JobRunner(store, settings, job_kinds(), environ={})
    job = runner.wait(runner.submit(UPLOAD.name, "p", arguments(store, stub), keys={"firm": SECRET}), 60)
    assert (job.status, job.error, job.key_names) == ("finished", "", ("firm",))
    assert len(stub.jobs) == 1
    store.close()
    files = [path for path in settings.home.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" or "sqlite" in path.name for path in files), files
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
