"""Training jobs in this process: `work_on` is what the trainer's own process runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmopt_core.errors import BadInput, StorageError
from llmopt_core.finetuning.data.examples import TrainingSet, chat_example, preference_example
from llmopt_core.finetuning.finetuners import all_jobs
from llmopt_core.finetuning.jobs.folder import JobFolder, open_folder
from llmopt_core.finetuning.jobs.job import Job, JobRequest
from llmopt_core.finetuning.jobs.new_folder import new_folder
from llmopt_core.finetuning.training import checkpoints, lora_run, trainer
from llmopt_core.finetuning.training.adapters import adapters, adapters_root
from llmopt_core.finetuning.training.base_weights import base_file
from llmopt_core.finetuning.training.local_trainer import LocalTrainer
from llmopt_core.finetuning.training.loop import Measurement
from llmopt_core.settings import Settings
from llmopt_core.text.drafts import replace_file
from tests.core.finetuning.helpers import colours

QUICK = {"epochs": 2, "learning_rate": 0.02, "checkpoint_every": 2, "evaluations": 3, "rank": 4, "batch_size": 8}


@pytest.fixture
def make(settings: Settings, tiny_model: Path) -> Callable[..., JobFolder]:
    def folder(
        train: TrainingSet | None = None, valid: TrainingSet | None = None, name: str = "tuned", **values: Any
    ) -> JobFolder:
        request = JobRequest(name=name, base_model=str(tiny_model), hyperparameters=QUICK | values)
        folder = new_folder(settings, request, "lora", train or colours(24), valid or colours(8, 100))
        folder.write("worker.json", settings.model_dump(mode="json"))
        return folder

    return folder


def work(folder: JobFolder) -> Job:
    trainer.work_on(trainer.Worker(folder))
    return folder.job()


def test_a_job_learns_and_leaves_an_adapter_with_its_card(make: Callable[..., JobFolder], settings: Settings) -> None:
    folder = make(epochs=8)
    job = work(folder)
    assert (job.status, job.step, job.total_steps, job.tuned_model) == ("finished", 24, 24, "tuned")
    points = folder.metrics()
    valid = [p.valid_loss for p in points if p.valid_loss is not None]
    assert points[0].step == 0
    assert valid[-1] < valid[0]
    before, after = points[0].valid_accuracy, points[-1].valid_accuracy
    assert before is not None
    assert after is not None
    assert before < 0.2 < 0.6 < after
    (made,) = adapters(settings)
    assert made.card["data_version"] == colours(24).version
    assert made.card["hyperparameters"]["rank"] == 4
    assert made.card["valid_loss"] == pytest.approx(min(valid))
    tuned = LocalTrainer(settings).result(job.id)
    assert (tuned.spec.endpoint, tuned.spec.adapter, tuned.spec.mode) == ("builtin", "tuned", "chat")


def test_the_text_format_decides_how_the_tuned_model_is_asked(
    make: Callable[..., JobFolder], settings: Settings
) -> None:
    folder = make(text_format="completion", epochs=1)
    work(folder)
    assert LocalTrainer(settings).result(folder.id).spec.mode == "completion"


def test_validation_examples_come_with_their_loss_worst_first(
    make: Callable[..., JobFolder], settings: Settings
) -> None:
    folder = make()
    work(folder)
    pairs = LocalTrainer(settings).validation_losses(folder.id)
    losses = [loss for _, loss in pairs]
    assert len(pairs) == 8
    assert losses == sorted(losses, reverse=True)
    assert {e.question for e, _ in pairs} == {e.question for e in colours(8, 100).examples}


def weights(folder: JobFolder) -> dict[str, Any]:
    state = checkpoints.Checkpoints(folder).load_last()
    assert state is not None
    return dict(state["weights"])


def test_resuming_after_a_stop_gives_the_same_weights_as_never_stopping(make: Callable[..., JobFolder]) -> None:
    import torch

    whole = make(name="whole", dropout=0.1)
    work(whole)
    stopped = make(name="stopped", dropout=0.1)
    worker = trainer.Worker(stopped)
    append = JobFolder.append

    def cancel_at_step_three(self: JobFolder, name: str, value: Any) -> None:
        append(self, name, value)
        if self.path == stopped.path and value.get("step") == 3:
            stopped.ask_cancel()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JobFolder, "append", cancel_at_step_three)
        trainer.work_on(worker)
    assert (stopped.job().status, stopped.job().resumable) == ("cancelled", True)
    assert "step 3 of 6" in stopped.job().message
    stopped.clear_cancel()
    assert work(stopped).status == "finished"
    ours, theirs = weights(stopped), weights(whole)
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-6) for name in theirs)
    assert [p.step for p in stopped.metrics()] == [p.step for p in whole.metrics()]


def test_a_full_disk_in_mid_checkpoint_keeps_the_last_good_one_and_says_so(
    make: Callable[..., JobFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[str] = []

    def sometimes_full(path: Path, content: bytes) -> None:
        if path.name == "last.pt" and rows.count("last.pt") >= 1:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("os.fsync", full)
                replace_file(path, content)
        rows.append(path.name)
        replace_file(path, content)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "replace_file", sometimes_full)
    folder = make()
    assert work(folder).status == "finished"
    state = checkpoints.Checkpoints(folder).load_last()
    assert state is not None
    assert state["position"]["step"] == 2
    warned = [e.message for e in folder.events() if e.level == "warn"]
    assert any("step 4" in m and "No space left" in m and "stays" in m for m in warned)
    assert sorted(p.name for p in (folder.path / "checkpoints").iterdir()) == ["best.pt", "last.pt"]


def test_a_full_disk_at_the_end_can_be_resumed_to_the_adapter(
    make: Callable[..., JobFolder], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    folder = make()
    with monkeypatch.context() as patch:
        patch.setattr("llmopt_core.finetuning.training.lora_training.write_adapter", full)
        job = work(folder)
    assert (job.status, job.resumable) == ("failed", True)
    assert "free some space, then resume" in job.message
    assert adapters(settings) == []
    steps = len(list(folder.lines("metrics.jsonl")))
    assert work(folder).status == "finished"
    assert len(list(folder.lines("metrics.jsonl"))) == steps
    assert [a.name for a in adapters(settings)] == ["tuned"]


def test_a_disk_without_room_for_the_card_leaves_no_half_adapter(
    make: Callable[..., JobFolder], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, _facts: Any) -> None:
        raise StorageError(f"{path}: cannot be written") from OSError(28, "No space left on device")

    folder = make()
    with monkeypatch.context() as patch:
        patch.setattr("llmopt_core.finetuning.training.lora_training.write_card", full)
        job = work(folder)
    assert (job.status, job.resumable) == ("failed", True)
    assert "No space left on device" in job.message
    assert "free some space, then resume" in job.message
    assert list(adapters_root(settings).iterdir()) == []
    assert work(folder).status == "finished"


def test_a_full_disk_hides_no_job(
    make: Callable[..., JobFolder], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make()
    folder.write("process.json", {"pid": 2**22 + 1, "started": 0.0})
    folder.update_state(status="running", step=3, total_steps=6)

    def full(self: JobFolder, **_: Any) -> None:
        raise StorageError("state.json: cannot be written (No space left on device)")

    monkeypatch.setattr(JobFolder, "update_state", full)
    (job,) = all_jobs(settings)
    assert (job.status, job.step, job.resumable) == ("interrupted", 3, True)
    assert "No space left" in job.message


def test_the_time_of_a_job_counts_all_that_was_worked(
    make: Callable[..., JobFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, now = make(), [900.0]

    def lost(_worker: trainer.Worker) -> dict[str, Any]:
        now[0] += 100.0
        raise StorageError("no room")

    def done(_worker: trainer.Worker) -> dict[str, Any]:
        now[0] += 30.0
        return {}

    monkeypatch.setattr(trainer, "_work_for", lambda _folder: lost)
    trainer.work_on(trainer.Worker(folder, lambda: now[0]))
    began = folder.job().started_at
    assert (folder.job().status, folder.job().took) == ("failed", 100.0)
    now[0] += 4_000.0
    monkeypatch.setattr(trainer, "_work_for", lambda _folder: done)
    trainer.work_on(trainer.Worker(folder, lambda: now[0]))
    assert (folder.job().status, folder.job().took, folder.job().started_at) == ("finished", 130.0, began)


def test_a_job_without_a_validation_set_takes_the_last_state(settings: Settings, tiny_model: Path) -> None:
    request = JobRequest(name="alone", base_model=str(tiny_model), hyperparameters=QUICK)
    folder = new_folder(settings, request, "lora", colours(16), None)
    folder.write("worker.json", settings.model_dump(mode="json"))
    assert work(folder).status == "finished"
    (made,) = adapters(settings)
    assert (made.card["valid_loss"], made.card["best_step"]) == (None, made.card["steps"])
    assert LocalTrainer(settings).validation_losses(folder.id) == []


def test_early_stopping_ends_a_run_that_no_longer_improves(make: Callable[..., JobFolder], settings: Settings) -> None:
    folder = make(epochs=30, evaluations=90, patience=2, learning_rate=0.09, schedule="constant")
    job = work(folder)
    assert job.status == "finished"
    assert job.step < 90
    assert any("Stopped early" in event.message for event in folder.events())
    (made,) = adapters(settings)
    best = min(p.valid_loss for p in folder.metrics() if p.valid_loss is not None)
    assert made.card["valid_loss"] == pytest.approx(best, rel=1e-3)
    assert made.card["best_step"] < job.step


def test_long_examples_are_left_out_and_named(make: Callable[..., JobFolder]) -> None:
    train = TrainingSet("t", (*colours(16).examples, chat_example("x" * 300, "long")))
    folder = make(train, max_tokens=120)
    assert work(folder).status == "finished"
    assert any("number 17" in event.message for event in folder.events())


def test_training_where_every_example_is_too_long_fails_in_words(make: Callable[..., JobFolder]) -> None:
    job = work(make(max_tokens=8))
    assert job.status == "failed"
    assert "max_tokens 8" in job.message


def test_a_missing_base_model_fails_in_words(make: Callable[..., JobFolder], tmp_path: Path) -> None:
    folder = make()
    stored = folder.read("request.json")
    stored["request"]["base_model"] = str(tmp_path / "nowhere.gguf")
    folder.write("request.json", stored)
    job = work(folder)
    assert job.status == "failed"
    assert "nowhere.gguf" in job.message


def test_an_unexpected_error_is_recorded_not_lost(
    make: Callable[..., JobFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("llmopt_core.finetuning.training.lora_training.load_trainable", broken)
    job = work(make())
    assert job.status == "failed"
    assert "ZeroDivisionError" in job.message
    assert "log.txt" in job.message


def test_training_text_never_reaches_log_or_state(make: Callable[..., JobFolder]) -> None:
    train = TrainingSet("t", tuple(chat_example(f"q{i}?", f"hunter2 {i}") for i in range(16)))
    folder = make(train, train, epochs=1)
    work(folder)
    for name in ("events.jsonl", "state.json", "metrics.jsonl", "validation_losses.jsonl", "request.json"):
        assert "hunter2" not in (folder.path / name).read_text()


@pytest.mark.parametrize(
    ("training", "validation", "request_values", "words"),
    [
        (TrainingSet("t", ()), None, {}, "training set t is empty"),
        (colours(12), TrainingSet("v", ()), {}, "validation set v is empty"),
        (TrainingSet("t", (preference_example("q", "a", "b"),)), None, {}, "needs chat examples"),
        (TrainingSet("t", (*colours(3).examples, chat_example("q", ""))), None, {}, "example 4: message 2"),
        (colours(12), None, {"hyperparameters": {"ranks": 4}}, "ranks"),
        (colours(12), None, {"hyperparameters": {"epochs": 0}}, "epochs"),
        (TrainingSet("t", (preference_example("q", "a", "b"),)), None, {"method": "dpo"}, "endpoint"),
    ],
)
def test_wrong_requests_are_refused_before_anything_starts(
    settings: Settings, training: TrainingSet, validation: TrainingSet | None, request_values: Any, words: str
) -> None:
    local = LocalTrainer(settings)
    with pytest.raises(BadInput) as error:
        local.create(JobRequest(name="x", **request_values), training, validation)
    assert words in str(error.value)
    assert not (settings.home / "finetuning").exists()


def test_a_taken_name_is_refused(make: Callable[..., JobFolder], settings: Settings) -> None:
    work(make(epochs=1))
    with pytest.raises(BadInput, match="already"):
        LocalTrainer(settings).create(JobRequest(name="tuned"), colours(12))


@pytest.mark.parametrize("job_id", ["", "nope", "../x", ".hidden"])
def test_unknown_jobs_are_refused(settings: Settings, job_id: str) -> None:
    with pytest.raises(BadInput, match="no fine-tuning job"):
        open_folder(settings, job_id)


def test_a_damaged_folder_is_a_failed_job_and_hides_no_other(
    make: Callable[..., JobFolder], settings: Settings
) -> None:
    broken, good = make(name="a"), make(name="b")
    (broken.path / "state.json").write_text("{half")
    jobs = {job.id: job for job in all_jobs(settings)}
    assert jobs[broken.id].status == "failed"
    assert "damaged" in jobs[broken.id].message
    assert jobs[good.id].status == "queued"


def test_a_torn_last_line_is_passed_over_and_closed(make: Callable[..., JobFolder]) -> None:
    folder = make()
    folder.append("metrics.jsonl", {"step": 1, "train_loss": 2.0})
    with (folder.path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 2, "train')
    folder.append("metrics.jsonl", {"step": 2, "train_loss": 1.0})
    folder.append("metrics.jsonl", {"step": 1, "valid_loss": 3.0})
    assert [(p.step, p.train_loss, p.valid_loss) for p in folder.metrics()] == [(1, 2.0, 3.0), (2, 1.0, None)]


def test_a_best_model_that_was_not_written_is_not_called_the_best(
    make: Callable[..., JobFolder], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    survivors: list[int] = []
    save = checkpoints.Checkpoints.save_best

    def full(self: checkpoints.Checkpoints, weights: Any, step: int, valid_loss: float) -> None:
        # Room for what the base model can do alone.
        if survivors:
            raise StorageError("best.pt: cannot be written (No space left on device)")
        save(self, weights, step, valid_loss)
        survivors.append(step)

    monkeypatch.setattr(checkpoints.Checkpoints, "save_best", full)
    # At the steps 0, 2, 4 and 6, and of the result: neither the first nor the last step is the best.
    losses = iter([3.0, 2.0, 4.0, 4.0, 3.0])
    monkeypatch.setattr(lora_run.LoraRun, "measure", lambda *_: Measurement(next(losses), 0.5))
    assert work(make()).status == "finished"
    (made,) = adapters(settings)
    assert (survivors, made.card["best_step"], made.card["valid_loss"]) == ([0], 0, 3.0)


@pytest.mark.parametrize("last", [1.0, 4.0])
def test_without_any_best_model_on_disk_the_last_step_is_the_result(
    make: Callable[..., JobFolder], settings: Settings, monkeypatch: pytest.MonkeyPatch, last: float
) -> None:
    def full(*_: Any) -> None:
        raise StorageError("best.pt: cannot be written (No space left on device)")

    monkeypatch.setattr(checkpoints.Checkpoints, "save_best", full)
    losses = iter([3.0, 2.0, 4.0, last, last])
    monkeypatch.setattr(lora_run.LoraRun, "measure", lambda *_: Measurement(next(losses), 0.5))
    assert work(make()).status == "finished"
    (made,) = adapters(settings)
    assert (made.card["best_step"], made.card["steps"], made.card["valid_loss"]) == (6, 6, last)


def test_a_job_that_was_cancelled_before_it_began_says_so(make: Callable[..., JobFolder]) -> None:
    folder = make()
    LocalTrainer(Settings(home=folder.path.parents[1])).cancel(folder.id)
    job = work(folder)
    assert (job.status, job.message) == ("cancelled", "Cancelled before it began.")


def test_the_base_model_of_a_card_may_be_named_from_the_home_folder(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "base.gguf").write_bytes(b"GGUF")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert base_file(settings, "~/base.gguf") == tmp_path / "base.gguf"
    assert base_file(settings, "builtin") == base_file(settings, "")
