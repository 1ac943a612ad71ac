"""A job at a service is followed by whoever has the app open, not only where it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llmopt_core.finetuning.finetuners import Access, all_jobs
from llmopt_core.finetuning.jobs.job import Job, JobRequest
from llmopt_core.finetuning.openai.jobs import ServiceTrainer
from llmopt_core.labs.finetuning.service_watch import ServiceWatch
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.settings import Settings
from tests.core.finetuning.helpers import colours
from tests.stub_finetuning import FineTuningStub

LOOK = "GET /fine_tuning/jobs/ID"


@pytest.fixture
def stub() -> Iterator[FineTuningStub]:
    with FineTuningStub() as running:
        yield running


@pytest.fixture
def access(stub: FineTuningStub, tmp_path: Path) -> Access:
    settings = Settings(home=tmp_path)
    endpoint = Endpoint(name="cloud", base_url=stub.url, timeout_seconds=20, max_retries=0)
    return Access(settings, {"cloud": endpoint}, {"cloud": "sk-secret-0123456789abcdef"})


@pytest.fixture
def job(access: Access) -> Job:
    trainer = ServiceTrainer(access.settings, access.endpoints["cloud"], access.keys["cloud"], pause=0.0)
    request = JobRequest(name="tidy", provider="cloud", base_model="gpt-small", seed=5)
    return trainer.create(request, colours(12), is_confirmed=True)


def look(watch: ServiceWatch, access: Access) -> int:
    threads = watch.look(access, all_jobs(access.settings))
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive()
    return len(threads)


def look_count(stub: FineTuningStub) -> int:
    return stub.count(LOOK)


def test_the_end_of_a_job_at_a_service_is_known_without_its_page(
    access: Access, stub: FineTuningStub, job: Job
) -> None:
    watch = ServiceWatch(seconds=0.0)
    stub.finish(job.remote_id, model="ft:small:tidy")
    (before,) = all_jobs(access.settings)
    assert before.status == "queued"
    assert look(watch, access) == 1
    (after,) = all_jobs(access.settings)
    assert (after.status, after.tuned_model) == ("finished", "ft:small:tidy")
    count = look_count(stub)
    assert look(watch, access) == 0
    assert look_count(stub) == count


def test_a_service_is_asked_once_per_period_by_all_sessions(access: Access, stub: FineTuningStub, job: Job) -> None:
    watch = ServiceWatch(seconds=3_600.0)
    before = look_count(stub)
    assert [look(watch, access) for _ in range(3)] == [1, 0, 0]
    assert look_count(stub) == before + 1


def test_a_service_that_cannot_be_asked_leaves_the_job_as_it_was(
    access: Access, stub: FineTuningStub, job: Job
) -> None:
    stub.fail(LOOK, *[(401, "invalid_api_key", "no")] * 3)
    watch = ServiceWatch(seconds=0.0)
    assert look(watch, access) == 1
    assert [known.status for known in all_jobs(access.settings)] == ["queued"]
    # Also one whose endpoint is not known here any more.
    assert look(watch, Access(access.settings)) == 1
    assert [known.status for known in all_jobs(access.settings)] == ["queued"]


def test_jobs_that_no_service_has_are_not_asked_for(access: Access, stub: FineTuningStub, job: Job) -> None:
    stub.finish(job.remote_id)
    look(ServiceWatch(seconds=0.0), access)
    count = look_count(stub)
    assert look(ServiceWatch(seconds=0.0), access) == 0
    assert look_count(stub) == count
