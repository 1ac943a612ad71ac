"""A budget for training at a service: refused before anything is sent, held against what the service reports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llmopt_core.cli.app import run
from llmopt_core.errors import BadInput, EndpointError, OutOfBudget
from llmopt_core.execution.accounts import Account, account_for
from llmopt_core.finetuning.finetuners import all_jobs
from llmopt_core.finetuning.jobs.job import Job, JobRequest
from llmopt_core.finetuning.openai.jobs import ServiceTrainer
from llmopt_core.finetuning.training_price import training_price
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.settings import Settings
from tests.core.finetuning.helpers import colours
from tests.stub_finetuning import FineTuningStub

CREATE = "POST /fine_tuning/jobs"
CANCEL = "POST /fine_tuning/jobs/ID/cancel"
PRICE = 1000.0
SET = colours(12)
EPOCH = training_price(JobRequest(name="x"), SET).epoch_tokens[1]


def request(epochs: int | str | None = 2, **changes: object) -> JobRequest:
    hyperparameters = {} if epochs is None else {"n_epochs": epochs}
    values = {"name": "tidy", "provider": "cloud", "base_model": "gpt-small", "price_per_million": PRICE}
    return JobRequest.model_validate({**values, "hyperparameters": hyperparameters, **changes})


def usd(tokens: int) -> float:
    return tokens * PRICE / 1e6


@pytest.fixture
def stub() -> Iterator[FineTuningStub]:
    with FineTuningStub() as running:
        yield running


@pytest.fixture
def service(stub: FineTuningStub, settings: Settings) -> ServiceTrainer:
    return ServiceTrainer(
        settings, Endpoint(name="cloud", base_url=stub.url, timeout_seconds=20, max_retries=1), "sk-x", pause=0.0
    )


def start(service: ServiceTrainer, asked: JobRequest) -> Job:
    return service.create(asked, SET, None, is_confirmed=True)


def test_an_estimate_above_the_budget_is_refused_before_anything_is_sent(
    service: ServiceTrainer, stub: FineTuningStub, settings: Settings
) -> None:
    with pytest.raises(
        OutOfBudget, match=r"Nothing was sent: training may cost .* in 2 epochs\), more than the budget"
    ):
        start(service, request(budget_usd=usd(2 * EPOCH) * 0.999))
    assert (stub.requests, all_jobs(settings)) == ([], [])
    # Used up exactly is not above it.
    job = start(service, request(budget_usd=usd(2 * EPOCH)))
    assert job.estimate_usd == [pytest.approx(usd(2 * EPOCH))] * 2
    assert stub.count(CREATE) == 1


@pytest.mark.parametrize("epochs", [None, "auto"])
def test_epochs_that_the_service_chooses_are_a_range(service: ServiceTrainer, epochs: str | None) -> None:
    price = training_price(request(epochs), SET)
    assert price.epochs == (1, 8)
    assert price.usd == (pytest.approx(usd(EPOCH)), pytest.approx(usd(8 * EPOCH)))
    assert "1 to 8 epochs, as the service chooses" in price.sentence
    with pytest.raises(OutOfBudget, match="set the number of epochs"):
        start(service, request(epochs, budget_usd=usd(3 * EPOCH)))
    assert start(service, request(epochs, budget_usd=usd(8 * EPOCH))).status == "queued"


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("inf"), float("nan")])
def test_a_budget_is_more_than_nothing(wrong: float) -> None:
    with pytest.raises(ValueError, match="budget_usd"):
        request(budget_usd=wrong)


def test_a_budget_needs_a_price(service: ServiceTrainer, stub: FineTuningStub) -> None:
    with pytest.raises(BadInput, match="A budget needs the price of a million training tokens"):
        start(service, request(budget_usd=1.0, price_per_million=None))
    assert stub.requests == []


def test_the_estimate_is_entered_when_it_starts_and_what_it_took_when_the_service_says_so(
    service: ServiceTrainer, stub: FineTuningStub
) -> None:
    with account_for(Account()) as account:
        job = start(service, request(budget_usd=1e6))
    assert account.usage.cost_usd == pytest.approx(usd(2 * EPOCH))
    assert (job.cost_usd, job.budget_usd) == (None, 1e6)
    stub.finish("ftjob-1", tokens=2 * EPOCH + 7)
    job = service.status(job.id)
    assert (job.status, job.cost_usd) == ("finished", pytest.approx(usd(2 * EPOCH + 7)))


def test_a_job_that_reports_more_than_its_budget_is_cancelled(service: ServiceTrainer, stub: FineTuningStub) -> None:
    job = start(service, request(budget_usd=usd(2 * EPOCH)))
    stub.jobs["ftjob-1"] |= {"status": "running", "trained_tokens": 2 * EPOCH}
    assert service.status(job.id).status == "running"
    stub.jobs["ftjob-1"]["trained_tokens"] = 3 * EPOCH
    job = service.status(job.id)
    assert (job.status, stub.count(CANCEL)) == ("cancelled", 1)
    assert "more than the budget" in job.message
    assert job.message.endswith("It was cancelled.")
    assert job.cost_usd == pytest.approx(usd(3 * EPOCH))


def test_more_epochs_than_the_budget_pays_are_cancelled_before_they_are_trained(
    service: ServiceTrainer, stub: FineTuningStub
) -> None:
    job = start(service, request(None, budget_usd=usd(8 * EPOCH)))
    stub.jobs["ftjob-1"] |= {"status": "running", "hyperparameters": {"n_epochs": 9}}
    job = service.status(job.id)
    assert (job.status, stub.count(CANCEL)) == ("cancelled", 1)
    assert "has chosen 9 epochs" in job.message


def test_a_service_that_cancels_nothing_says_so_and_goes_on_being_followed(
    service: ServiceTrainer, stub: FineTuningStub
) -> None:
    job = start(service, request(budget_usd=usd(2 * EPOCH)))
    stub.jobs["ftjob-1"] |= {"status": "running", "trained_tokens": 3 * EPOCH}
    stub.fail(CANCEL, (404, "not_found", "no such path"))
    job = service.status(job.id)
    assert job.status == "running"
    assert "It could not be cancelled" in job.message
    stub.finish("ftjob-1", tokens=4 * EPOCH)
    job = service.status(job.id)
    assert (job.status, job.cost_usd) == ("finished", pytest.approx(usd(4 * EPOCH)))
    assert "more than the budget" in job.message


def test_a_lost_creation_is_resumed_within_the_budget_and_made_once(
    service: ServiceTrainer, stub: FineTuningStub, settings: Settings
) -> None:
    stub.fail(CREATE, "lost", "drop", "drop")
    stub.fail("GET /fine_tuning/jobs", *["drop"] * 6)
    with pytest.raises(EndpointError):
        start(service, request(budget_usd=usd(2 * EPOCH)))
    (job,) = all_jobs(settings)
    assert job.estimate_usd == [pytest.approx(usd(2 * EPOCH))] * 2
    stub.faults.clear()
    job = service.resume(job.id)
    assert (job.remote_id, len(stub.jobs)) == ("ftjob-1", 1)


def test_the_command_line_says_the_price_and_refuses_in_one_sentence(
    stub: FineTuningStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "endpoints.yaml").write_text(f"endpoints:\n  cloud: {{base_url: {stub.url}}}\n")
    (tmp_path / "train.jsonl").write_bytes(SET.to_jsonl())
    monkeypatch.setenv("LLMOPT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LLMOPT_ENDPOINTS", str(tmp_path / "endpoints.yaml"))
    asked = f"finetune start {tmp_path}/train.jsonl --name tidy --provider cloud --base-model gpt-small --yes"
    asked = f"{asked} --set n_epochs=1 --validation-share 0 --price {PRICE}".split()
    assert run([*asked, "--budget", "0.0001"]) == 3
    output = capsys.readouterr().err.strip().splitlines()
    assert output[-1].startswith("llmopt: Nothing was sent: training may cost")
    assert output[-1].count("more than the budget of $0.0001") == 1
    assert stub.requests == []
    assert run([*asked, "--budget", "0"]) == 2
    assert capsys.readouterr().err.startswith("llmopt: --budget: ")
    assert run([*asked, "--budget", "100"]) == 0
    text = capsys.readouterr()
    assert "It will cost about" in text.err
    assert "of the budget of $100.00 are expected" in text.out
    (job,) = all_jobs(Settings(home=tmp_path / "home"))
    stub.finish("ftjob-1", tokens=EPOCH)
    assert run(["finetune", "status", job.id]) == 0
    assert f"of the budget of $100.00 are spent, for {EPOCH:,} trained tokens" in capsys.readouterr().out
