"""A service whose answers make no sense in places: each such field costs itself, never the job or the page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from llmopt_core.errors import EndpointError
from llmopt_core.finetuning.finetuners import all_jobs
from llmopt_core.finetuning.jobs.job import JobRequest
from llmopt_core.finetuning.openai.jobs import ServiceTrainer
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.settings import Settings
from tests.core.finetuning.helpers import colours
from tests.stub_finetuning import FineTuningStub

REQUEST = JobRequest(name="tidy", provider="cloud", base_model="gpt-small", price_per_million=3.0, seed=5)
NAN = float("nan")


@pytest.fixture
def stub() -> Iterator[FineTuningStub]:
    with FineTuningStub() as running:
        yield running


@pytest.fixture
def service(stub: FineTuningStub, settings: Settings) -> ServiceTrainer:
    cloud = Endpoint(name="cloud", base_url=stub.url, timeout_seconds=20, max_retries=0)
    return ServiceTrainer(settings, cloud, "key", pause=0.0)


@pytest.mark.parametrize(
    ("field", "odd"),
    [
        ("trained_tokens", 2.5), ("trained_tokens", 1e30), ("trained_tokens", -4), ("trained_tokens", "many"),
        ("finished_at", "yesterday"), ("finished_at", NAN), ("created_at", None), ("created_at", 1e300),
        ("fine_tuned_model", {"a": 1}), ("fine_tuned_model", "ft:\ud83d"), ("status", {"a": 1}), ("status", 5),
        ("result_files", 7), ("result_files", [None, {"a": 1}, "../../x\x00"]), ("error", "no"),
        ("error", {"code": 5, "message": ["a"]}), ("error", {"code": "\ud83d", "message": "\ud83d"}),
        ("metadata", [1]), ("model", 5), ("seed", "x"),
    ],
)  # fmt: skip
def test_an_odd_field_of_a_job_costs_that_field(
    service: ServiceTrainer, stub: FineTuningStub, settings: Settings, field: str, odd: Any
) -> None:
    job = service.create(REQUEST, colours(12), is_confirmed=True)
    stub.finish("ftjob-1", tokens=1000)
    stub.jobs["ftjob-1"][field] = odd

    result = service.status(job.id)
    service.events(job.id)
    service.metrics(job.id)
    listing = service.list_jobs()

    assert result.remote_id == listing[0]["id"] == "ftjob-1"
    # A state that cannot be read is over where there is a model.
    assert result.status == "finished"
    assert result.cost_usd == (None if field == "trained_tokens" else pytest.approx(0.003))
    (jobs,) = all_jobs(settings)
    assert jobs == result


def test_odd_tokens_are_said(service: ServiceTrainer, stub: FineTuningStub) -> None:
    job = service.create(REQUEST, colours(12), is_confirmed=True)
    stub.finish("ftjob-1", tokens=2.5)  # type: ignore[arg-type]

    assert service.status(job.id).message == "The service reported 2.5 trained tokens; what it cost is unknown."


def test_odd_events_and_checkpoints(service: ServiceTrainer, stub: FineTuningStub) -> None:
    job = service.create(REQUEST, colours(12), is_confirmed=True)
    stub.event("ftjob-1", "good", {"step": 1, "train_loss": 0.5})
    for changes in ({"created_at": NAN}, {"message": 5}, {"level": None}, {"id": None}, {"data": "x"}):
        stub.event("ftjob-1", "odd", {"step": 1e300, "train_loss": NAN})
        stub.job_events["ftjob-1"][-1] |= changes
    stub.event("ftjob-1", "half \ud83d")
    stub.checkpoint("ftjob-1", 3, 0.25)
    odd = ({"step_number": 2.5}, {"fine_tuned_model_checkpoint": None}, {"metrics": "x"}, {"metrics": None})
    for step, changes in enumerate(odd, start=4):
        stub.checkpoint("ftjob-1", step, 0.5)
        stub.job_checkpoints["ftjob-1"][-1] |= {"created_at": "x", **changes}

    messages = {event.message for event in service.events(job.id)}

    assert {"good", "odd", "half \ufffd", ""} < messages
    assert [(p.step, p.train_loss) for p in service.metrics(job.id)] == [(1, 0.5)]
    assert [(c.step, c.valid_loss) for c in service.checkpoints(job.id)] == [(3, 0.25), (6, None), (7, None)]


def test_events_that_come_again_for_ever_end(
    service: ServiceTrainer, stub: FineTuningStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = service.create(REQUEST, colours(12), is_confirmed=True)
    same = {"id": "ftevent-1", "created_at": 5, "level": "info", "message": "again", "data": None}
    pages: list[Any] = []

    def page(self: Any, *_: Any) -> dict[str, Any]:
        pages.append(self)
        return {"object": "list", "data": [same], "has_more": True}

    monkeypatch.setattr("tests.stub_finetuning._Handler._page", page)

    assert [event.message for event in service.events(job.id)].count("again") == 1
    assert len(pages) == 2


def test_a_job_without_an_id_is_found_in_the_list(service: ServiceTrainer, stub: FineTuningStub) -> None:
    add = stub.add_job
    stub.add_job = lambda body: {**add(body), "id": {"odd": 1}}  # type: ignore[method-assign]

    job = service.create(REQUEST, colours(12), is_confirmed=True)

    assert job.remote_id == "ftjob-1"
    assert stub.count("POST /fine_tuning/jobs") == 1


def test_a_service_that_names_no_id_at_all_is_told(service: ServiceTrainer, stub: FineTuningStub) -> None:
    add = stub.add_job

    def nameless(body: dict[str, Any]) -> dict[str, Any]:
        job = add(body)
        job["id"] = ""
        return job

    stub.add_job = nameless  # type: ignore[method-assign]

    with pytest.raises(EndpointError, match="not an OpenAI-style reply"):
        service.create(REQUEST, colours(12), is_confirmed=True)


@pytest.mark.parametrize("code", [{"a": 1}, ["x"], 5, "\ud83d", "x" * 5000, None])
def test_a_refusal_with_an_odd_code_is_told(service: ServiceTrainer, stub: FineTuningStub, code: Any) -> None:
    stub.fail("POST /fine_tuning/jobs", (403, code, "no \ud83d"))

    with pytest.raises(EndpointError) as error:
        service.create(REQUEST, colours(12), is_confirmed=True)

    str(error.value).encode()
    assert "the key is not allowed to start the job" in str(error.value)
    assert len(str(error.value)) < 500
