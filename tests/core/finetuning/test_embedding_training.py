"""Embedding jobs on a BERT of random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmopt_core.finetuning.data.examples import TrainingSet, chat_example
from llmopt_core.finetuning.jobs.folder import JobFolder
from llmopt_core.finetuning.jobs.job import JobRequest
from llmopt_core.finetuning.jobs.new_folder import new_folder
from llmopt_core.finetuning.training import trainer
from llmopt_core.finetuning.training.adapters import list_embeddings
from llmopt_core.finetuning.training.checkpoints import Checkpoints
from llmopt_core.finetuning.training.embedding_run import EmbeddingRun, Pair
from llmopt_core.finetuning.training.hyperparameters import EmbeddingSettings
from llmopt_core.finetuning.training.local_trainer import LocalTrainer
from llmopt_core.models.base import EmbeddingSpec
from llmopt_core.models.registry import Models
from llmopt_core.settings import Settings
from tests.core.finetuning.helpers import make_tiny_encoder

FRENCH = ["un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze", "douze"]
ENGLISH = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


@pytest.fixture(scope="module")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_encoder(tmp_path_factory.mktemp("encoder"))


def pairs(start: int = 0) -> TrainingSet:
    return TrainingSet(
        "numbers", tuple(chat_example(f, e) for f, e in zip(FRENCH[start:], ENGLISH[start:], strict=True))
    )


@pytest.fixture
def make(settings: Settings, tiny_encoder: Path) -> Callable[..., JobFolder]:
    def folder(train: TrainingSet | None = None, **values: Any) -> JobFolder:
        quick = {"epochs": 30, "batch_size": 4, "learning_rate": 0.01, "evaluations": 3, "max_tokens": 16}
        request = JobRequest(name="polyglot", base_model=str(tiny_encoder), hyperparameters=quick | values)
        folder = new_folder(settings, request, "embedding", train or pairs(), pairs())
        folder.write("worker.json", settings.model_dump(mode="json"))
        return folder

    return folder


def test_questions_learn_to_find_their_passages(make: Callable[..., JobFolder], settings: Settings) -> None:
    folder = make()
    trainer.work_on(trainer.Worker(folder))
    job = folder.job()
    assert (job.status, job.kind, job.message) == ("finished", "embedding", "")
    points = folder.metrics()
    assert points[0].valid_accuracy is not None
    assert points[-1].valid_accuracy is not None
    assert points[0].valid_accuracy < 0.5 < 0.9 <= points[-1].valid_accuracy
    tuned = LocalTrainer(settings, "embedding").result(job.id)
    assert isinstance(tuned.spec, EmbeddingSpec)
    assert [t.name for t in list_embeddings(settings)] == ["polyglot"]
    vectors = Models(settings).embedder(tuned.spec).encode([*FRENCH, *ENGLISH])
    assert ((vectors[:12] @ vectors[12:].T).argmax(axis=1) == range(12)).mean() >= 0.9


def test_too_few_passages_fail_in_words(make: Callable[..., JobFolder]) -> None:
    folder = make(TrainingSet("one", (chat_example("a", "same"), chat_example("b", "same"))))
    trainer.work_on(trainer.Worker(folder))
    assert folder.job().status == "failed"
    assert "two different passages" in folder.job().message


def test_a_stopped_embedding_job_can_be_resumed(make: Callable[..., JobFolder]) -> None:
    folder = make(epochs=3)
    worker = trainer.Worker(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "should_stop", lambda: folder.metrics()[-1:] != [] and folder.metrics()[-1].step >= 4)
        trainer.work_on(worker)
    assert folder.job().status == "cancelled"
    trainer.work_on(trainer.Worker(folder))
    assert (folder.job().status, folder.job().step) == ("finished", 9)


def test_no_passage_stands_twice_in_a_batch(tiny_encoder: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    train = [Pair(i, f"q{i}", f"p{i % 7}") for i in range(40)]
    settings = EmbeddingSettings(batch_size=16, max_tokens=16)
    model = SentenceTransformer(str(tiny_encoder), device="cpu")
    run = EmbeddingRun(model, settings, train, [], Checkpoints(JobFolder(tmp_path)))
    for epoch in range(3):
        result = run.epoch_batches(epoch)
        assert len(result) == run.total_steps
        assert sorted(p.number for batch in result for p in batch) == list(range(40))
        assert all(len({p.passage for p in batch}) == len(batch) for batch in result)
    assert run.epoch_batches(1) == run.epoch_batches(1) != run.epoch_batches(2)
