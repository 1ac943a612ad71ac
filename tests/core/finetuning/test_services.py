"""Jobs at an OpenAI-compatible service: the official SDK against a stub of the wire, with faults."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmopt_core.errors import BadInput, Cancellation, EndpointError, StorageError
from llmopt_core.finetuning.data.examples import TrainingSet, chat_example, preference_example
from llmopt_core.finetuning.finetuners import Access, all_jobs, fine_tuner, fine_tuner_of
from llmopt_core.finetuning.jobs.folder import JobFolder, jobs_root, open_folder
from llmopt_core.finetuning.jobs.job import Job, JobRequest
from llmopt_core.finetuning.openai.jobs import ServiceTrainer
from llmopt_core.finetuning.openai.upload_summary import size_words, summarize_upload
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.settings import Settings
from tests.core.finetuning.helpers import colours
from tests.stub_finetuning import FineTuningStub

KEY = "sk-secret-0123456789abcdef"
CREATE = "POST /fine_tuning/jobs"
REQUEST = JobRequest(name="tidy", provider="cloud", base_model="gpt-small", price_per_million=3.0, seed=5)


@pytest.fixture
def stub() -> Iterator[FineTuningStub]:
    with FineTuningStub() as running:
        yield running


@pytest.fixture
def service(stub: FineTuningStub, settings: Settings) -> ServiceTrainer:
    return ServiceTrainer(settings, endpoint(stub), KEY, pause=0.0)


def endpoint(stub: FineTuningStub) -> Endpoint:
    return Endpoint(name="cloud", base_url=stub.url, timeout_seconds=20, max_retries=1)


def start(service: ServiceTrainer, request: JobRequest = REQUEST, **more: Any) -> Job:
    return service.create(request, colours(12), colours(4, 50), is_confirmed=True, **more)


def only_job(settings: Settings) -> Job:
    (job,) = all_jobs(settings)
    return job


def test_a_job_is_created_with_files_method_seed_and_suffix(service: ServiceTrainer, stub: FineTuningStub) -> None:
    created: list[Job] = []
    request = REQUEST.model_copy(update={"hyperparameters": {"n_epochs": 2, "learning_rate_multiplier": 0.5}})
    job = start(service, request, on_created=created.append)
    assert (job.status, job.remote_id, job.provider) == ("queued", "ftjob-1", "cloud")
    assert [(j.id, j.remote_id) for j in created] == [(job.id, "ftjob-1")]
    (body,) = [body for route, body in stub.requests if route == CREATE]
    assert body["model"] == "gpt-small"
    assert body["suffix"] == "tidy"
    assert body["seed"] == 5
    assert body["method"] == {
        "type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2, "learning_rate_multiplier": 0.5}},
    }  # fmt: skip
    assert stub.contents[body["training_file"]] == colours(12).to_jsonl()
    assert stub.contents[body["validation_file"]] == colours(4, 50).to_jsonl()
    assert stub.files[body["training_file"]]["filename"] == f"llmopt-{job.id}-training.jsonl"
    assert stub.files[body["training_file"]]["purpose"] == "fine-tune"


def test_preference_pairs_go_out_as_dpo(service: ServiceTrainer, stub: FineTuningStub) -> None:
    pairs = TrainingSet("p", tuple(preference_example(f"q{i}", "good", "bad") for i in range(10)))
    request = REQUEST.model_copy(update={"method": "dpo", "hyperparameters": {"beta": 0.2}})
    service.create(request, pairs, is_confirmed=True)
    (body,) = [body for route, body in stub.requests if route == CREATE]
    assert body["method"] == {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.2}}}
    first = json.loads(stub.contents[body["training_file"]].splitlines()[0])
    assert first.keys() == {"input", "preferred_output", "non_preferred_output"}


def test_nothing_is_sent_before_the_user_agreed(
    service: ServiceTrainer, stub: FineTuningStub, settings: Settings
) -> None:
    with pytest.raises(BadInput, match="12 training examples and 4 validation examples") as error:
        service.create(REQUEST, colours(12), colours(4, 50))
    assert "another program on this machine" in str(error.value)
    assert stub.requests == []
    assert all_jobs(settings) == []


def test_the_summary_of_an_upload_names_the_host() -> None:
    leaving = summarize_upload(Endpoint(name="x", base_url="https://tune.example.com/v1"), colours(3))
    assert "tune.example.com" in leaving.sentence
    assert not leaving.is_local


@pytest.mark.parametrize(("count", "told"), [(812, "812 bytes"), (38_400, "38 KB"), (999_700, "1.0 MB")])
def test_sizes_are_told_in_units_that_show_them(count: int, told: str) -> None:
    assert size_words(count) == told


def test_likely_secrets_are_counted_in_all_that_would_be_sent(service: ServiceTrainer, stub: FineTuningStub) -> None:
    key = "sk-abcdefghijklmnopqrstuvwx"
    leaky = TrainingSet("t", (chat_example(f"my key is {key}", "noted"), chat_example("password: hunter22", "noted")))
    pair = preference_example("which?", "this one", f"use {key}")
    leaving = summarize_upload(
        Endpoint(name="x", base_url="https://tune.example.com/v1"), leaky, TrainingSet("v", (pair,))
    )
    assert leaving.with_secrets == 3
    assert leaving.secrets == {"an API key": 2, "a password": 1}
    assert leaving.warning == "3 examples seem to hold a secret (an API key in 2, a password in 1)."
    assert summarize_upload(Endpoint(name="x", base_url="https://x.example"), colours(3)).warning == ""
    with pytest.raises(BadInput, match="2 examples seem to hold a secret") as error:
        service.create(REQUEST, leaky)
    assert key not in str(error.value)
    assert stub.requests == []


@pytest.mark.parametrize("fault", ["lost", "drop", (500, "", "boom"), (503, "", "later")])
def test_a_lost_answer_never_makes_a_second_job(
    service: ServiceTrainer, stub: FineTuningStub, fault: Any, settings: Settings
) -> None:
    stub.fail(CREATE, fault)
    job = start(service)
    assert job.remote_id == "ftjob-1"
    assert list(stub.jobs) == ["ftjob-1"]


def test_a_lost_answer_of_a_service_without_metadata_makes_no_second_job(
    service: ServiceTrainer, stub: FineTuningStub
) -> None:
    stub.keeps_metadata = False
    for _ in range(5):
        stub.add_job({"model": "other", "training_file": "file-other"})
    stub.fail(CREATE, "lost")
    assert start(service).remote_id == "ftjob-6"
    assert len(stub.jobs) == 6


@pytest.mark.parametrize("fault", ["lost", "drop", (502, "", "bad gateway")])
def test_a_lost_upload_is_not_repeated_when_it_arrived(
    service: ServiceTrainer, stub: FineTuningStub, fault: Any
) -> None:
    stub.fail("POST /files", fault)
    start(service)
    assert sorted(file["filename"].rpartition("-")[2] for file in stub.files.values()) == [
        "training.jsonl", "validation.jsonl",
    ]  # fmt: skip


def test_an_unreachable_service_leaves_an_interrupted_job_that_resumes_without_doing_anything_twice(
    service: ServiceTrainer, stub: FineTuningStub, settings: Settings
) -> None:
    stub.fail(CREATE, "lost", "drop", "drop")
    stub.fail("GET /fine_tuning/jobs", *["drop"] * 6)
    with pytest.raises(EndpointError):
        start(service)
    job = only_job(settings)
    assert (job.status, job.resumable, job.remote_id) == ("interrupted", True, "")
    assert len(stub.jobs) == 1
    stub.faults.clear()
    resumed = service.resume(job.id)
    assert resumed.remote_id == "ftjob-1"
    assert len(stub.jobs) == 1
    assert len(stub.files) == 2


def test_a_process_killed_after_the_creation_finds_its_job_again(
    service: ServiceTrainer, stub: FineTuningStub, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = JobFolder.update_state

    def dies(self: JobFolder, **changes: Any) -> dict[str, Any]:
        if "remote_id" in changes:
            raise KeyboardInterrupt
        return update(self, **changes)

    with monkeypatch.context() as patch:
        patch.setattr(JobFolder, "update_state", dies)
        with pytest.raises(KeyboardInterrupt):
            start(service)
    job = only_job(settings)
    open_folder(settings, job.id).write("process.json", {"pid": 2**22 + 1, "started": 1.0})
    assert service.status(job.id).status == "interrupted"
    assert service.resume(job.id).remote_id == "ftjob-1"
    assert len(stub.jobs) == 1


def test_the_callback_gets_the_id_even_when_the_disk_is_full(
    service: ServiceTrainer, stub: FineTuningStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = JobFolder.update_state

    def full(self: JobFolder, **changes: Any) -> dict[str, Any]:
        if "remote_id" in changes:
            raise StorageError("No space left on device")
        return update(self, **changes)

    survivors: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(JobFolder, "update_state", full)
        with pytest.raises(StorageError):
            start(service, on_created=lambda job: survivors.append(job.remote_id))
    assert survivors == ["ftjob-1"]


@pytest.mark.parametrize(
    ("route", "fault", "kind", "words"),
    [
        (CREATE, (403, "training_not_available", "no"), "unauthorized", "tune the built-in model on this machine"),
        (CREATE, (403, "", "no"), "unauthorized", "not allowed to start the job"),
        (CREATE, (400, "model_not_available", "no"), "bad-request", "choose another base model"),
        (CREATE, (404, "", "no"), "not-found", "no fine-tuning API"),
        (CREATE, (429, "insufficient_quota", "no"), "rate-limited", "quota is spent"),
        (CREATE, (400, "invalid_n_examples", "no"), "bad-request", "at least 10"),
        (CREATE, (400, "surprise", "Suffix has a bad letter"), "bad-request", "Suffix has a bad letter"),
        ("POST /files", (413, "", "big"), "bad-request", "fewer examples"),
        ("POST /files", (401, "invalid_api_key", f"bad key {KEY}"), "unauthorized", "key"),
    ],
)
def test_refusals_are_explained_in_words(
    service: ServiceTrainer, stub: FineTuningStub, settings: Settings, route: str, fault: Any, kind: str, words: str
) -> None:
    stub.fail(route, fault)
    with pytest.raises(EndpointError) as error:
        start(service)
    assert error.value.kind == kind
    assert words in str(error.value)
    assert KEY not in str(error.value)
    job = only_job(settings)
    assert (job.status, job.message) == ("failed", str(error.value))
    assert stub.count(route) == 1


def test_the_key_and_the_data_are_stored_nowhere_but_in_the_data_files(
    service: ServiceTrainer, settings: Settings
) -> None:
    job = start(service)
    for path in jobs_root(settings).rglob("*"):
        if path.is_file():
            text = path.read_text(errors="replace")
            assert KEY not in text
            assert "is green" not in text or path.name in ("training.jsonl", "validation.jsonl")
    assert job.remote_id


def test_cancelling_during_the_upload_starts_nothing_and_deletes_what_arrived(
    service: ServiceTrainer, stub: FineTuningStub, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from llmopt_core.finetuning.openai import launch as openai_launch

    read = openai_launch.UploadFile.read

    def cancel_in_the_second_file(self: Any, size: int | None = -1, /) -> bytes:
        if stub.files:
            service.cancel(only_job(settings).id)
        return read(self, size)

    monkeypatch.setattr(openai_launch.UploadFile, "read", cancel_in_the_second_file)
    with pytest.raises(Cancellation):
        start(service)
    job = only_job(settings)
    assert (job.status, job.resumable) == ("cancelled", True)
    assert (stub.jobs, stub.files) == ({}, {})
    monkeypatch.setattr(openai_launch.UploadFile, "read", read)
    assert service.resume(job.id).remote_id == "ftjob-1"


def test_status_follows_the_service_to_the_end(service: ServiceTrainer, stub: FineTuningStub) -> None:
    job = start(service)
    assert "checks the files" in service.status(job.id).message or service.status(job.id).status == "queued"
    stub.jobs["ftjob-1"]["status"] = "running"
    assert service.status(job.id).status == "running"
    with pytest.raises(BadInput, match="running"):
        service.result(job.id)
    stub.finish("ftjob-1", tokens=500_000)
    result = service.status(job.id)
    assert (result.status, result.trained_tokens, result.cost_usd) == ("finished", 500_000, pytest.approx(1.5))
    tuned = service.result(job.id)
    assert (tuned.spec.endpoint, tuned.spec.name, tuned.spec.mode) == ("cloud", "ft:base:org:name:1", "chat")
    count = len(stub.requests)
    service.status(job.id)
    assert len(stub.requests) == count


def test_a_failed_job_says_why(service: ServiceTrainer, stub: FineTuningStub) -> None:
    job = start(service)
    error = {"code": "invalid_training_file", "message": "Line 3 is odd.", "param": "training_file"}
    stub.jobs["ftjob-1"] |= {"status": "failed", "error": error}
    after = service.status(job.id)
    assert after.status == "failed"
    assert "llmopt finetune check" in after.message
    assert "Line 3 is odd." in after.message


def test_unknown_states_of_the_service_count_as_running(service: ServiceTrainer, stub: FineTuningStub) -> None:
    job = start(service)
    stub.jobs["ftjob-1"]["status"] = "evaluating_something_new"
    assert service.status(job.id).status == "running"


@pytest.mark.parametrize(
    ("remote", "status", "message"),
    [
        ({"status": "failed", "error": {"code": None, "message": "Out of quota.", "param": None}}, "failed", "quota"),
        ({"status": "failed", "error": None}, "failed", "gives no reason"),
        ({"status": "burnt", "error": {"code": None, "message": "A fire.", "param": None}}, "failed", "A fire."),
        ({"status": "over", "finished_at": 1_790_000_000}, "failed", "'over'"),
        ({"status": "DONE_WELL", "finished_at": 1_790_000_000, "fine_tuned_model": "ft:x"}, "finished", "DONE_WELL"),
        ({"status": "Completed", "fine_tuned_model": "ft:x"}, "finished", ""),
        ({"status": "canceled"}, "cancelled", ""),
        ({"status": "JOB_STATE_SUCCEEDED", "fine_tuned_model": "ft:x"}, "finished", "JOB_STATE_SUCCEEDED"),
        ({"status": "user_error"}, "failed", "user_error"),
        ({"status": "trainingFailed"}, "failed", "trainingFailed"),
        ({"status": "terminated"}, "failed", "terminated"),
        ({"status": "job_cancelled"}, "cancelled", "job_cancelled"),
        ({"status": "cancelling"}, "running", "cancelling"),
    ],
)
def test_a_job_that_is_over_ends_with_its_reason_whatever_the_service_calls_it(
    service: ServiceTrainer, stub: FineTuningStub, remote: dict[str, Any], status: str, message: str
) -> None:
    job = start(service)
    stub.jobs["ftjob-1"] |= remote
    after = service.status(job.id)
    assert after.status == status
    assert message in after.message


def test_events_are_paged_kept_and_never_doubled(service: ServiceTrainer, stub: FineTuningStub) -> None:
    job = start(service)
    for step in range(1, 8):
        stub.event("ftjob-1", f"Step {step}", {"step": step, "train_loss": 1.0 / step, "valid_loss": 2.0 / step})
    first = [e.message for e in service.events(job.id) if e.message.startswith("Step")]
    assert first == [f"Step {n}" for n in range(1, 8)]
    stub.event("ftjob-1", "Done")
    stub.fail("GET /fine_tuning/jobs/ID/events", "drop", "drop")
    with pytest.raises(EndpointError):
        service.events(job.id)
    count = stub.count("GET /fine_tuning/jobs/ID/events")
    again = [e.message for e in service.events(job.id)]
    assert again.count("Step 3") == 1
    assert "Done" in again
    assert stub.count("GET /fine_tuning/jobs/ID/events") == count + 1
    points = service.metrics(job.id)
    assert [(p.step, p.train_loss) for p in points] == [(n, 1.0 / n) for n in range(1, 8)]


def test_what_the_service_did_comes_after_what_was_sent_in_the_same_second(
    service: ServiceTrainer, stub: FineTuningStub, settings: Settings
) -> None:
    job = start(service)
    most = max(event.at for event in service.events(job.id))
    stub.event("ftjob-1", "Created the job", at=int(most))
    assert [event.message for event in service.events(job.id)][-1] == "Created the job"


CSV = (
    b"step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,1.5,0.5,,\n2,1.0,0.6,1.25,0.7\n3,x,,-1,\n"
)


@pytest.mark.parametrize("content", [CSV, base64.b64encode(CSV), b"\xef\xbb\xbf" + CSV])
def test_the_result_file_completes_the_curves(service: ServiceTrainer, stub: FineTuningStub, content: bytes) -> None:
    job = start(service)
    stub.event("ftjob-1", "Step 2", {"step": 2, "train_loss": 9.0})
    stub.finish("ftjob-1", csv=content)
    service.status(job.id)
    points = service.metrics(job.id)
    assert [(p.step, p.train_loss, p.valid_loss) for p in points] == [(1, 1.5, None), (2, 1.0, 1.25)]
    service.metrics(job.id)
    assert stub.count("GET /files/ID/content") == 1


def test_checkpoints_are_models_one_can_call(service: ServiceTrainer, stub: FineTuningStub) -> None:
    job = start(service)
    for step, loss in ((10, 1.0), (20, 0.5), (30, 0.7)):
        stub.checkpoint("ftjob-1", step, loss)
    result = service.checkpoints(job.id)
    assert [(c.step, c.valid_loss) for c in result] == [(10, 1.0), (20, 0.5), (30, 0.7)]
    assert result[1].model == "ft:base:org:name:1:ckpt-step-20"


def test_cancel_and_cancel_too_late(service: ServiceTrainer, stub: FineTuningStub) -> None:
    first = start(service)
    assert service.cancel(first.id).status == "cancelled"
    second = start(service)
    stub.finish("ftjob-2")
    assert service.cancel(second.id).status == "finished"


def test_everything_survives_a_restart_of_the_app(
    service: ServiceTrainer, stub: FineTuningStub, settings: Settings
) -> None:
    job = start(service)
    stub.finish("ftjob-1")
    again = fine_tuner_of(Access(settings, {"cloud": endpoint(stub)}, {"cloud": KEY}), job.id)
    assert replace(again.status(job.id), status="queued").remote_id == "ftjob-1"
    assert only_job(settings).status == "finished"


def test_the_services_own_list_shows_jobs_started_elsewhere(service: ServiceTrainer, stub: FineTuningStub) -> None:
    for _ in range(5):
        stub.add_job({"model": "gpt-small", "training_file": "file-x"})
    assert [j["id"] for j in service.list_jobs(limit=3)] == ["ftjob-5", "ftjob-4", "ftjob-3"]


def test_a_job_of_the_service_is_not_taken_for_dead_when_listed(
    service: ServiceTrainer, stub: FineTuningStub, settings: Settings
) -> None:
    start(service)
    open_folder(settings, only_job(settings).id).write("process.json", {"pid": 2**22 + 1, "started": 1.0})
    assert only_job(settings).status == "queued"


def test_files_beyond_the_services_limit_are_refused(
    service: ServiceTrainer, stub: FineTuningStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmopt_core.finetuning.openai.jobs.MOST_BYTES", 1_000_000)
    big = TrainingSet("big", colours(12).examples * 2_000)
    with pytest.raises(BadInput, match="MB"):
        service.create(REQUEST, big, is_confirmed=True)
    assert stub.requests == []


@pytest.mark.parametrize("provider", ["nowhere", "builtin"])
def test_unknown_providers_are_refused(settings: Settings, provider: str) -> None:
    with pytest.raises(BadInput, match="known are local, cloud"):
        fine_tuner(Access(settings, {"cloud": Endpoint(name="cloud", base_url="http://x/v1")}), provider)


def test_wrong_hyperparameters_are_refused_before_anything_is_sent(
    service: ServiceTrainer, stub: FineTuningStub, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match="n_epochs"):
        start(service, REQUEST.model_copy(update={"hyperparameters": {"epochs": 3}}))
    assert stub.requests == []
