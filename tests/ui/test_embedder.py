"""The tab Embedding model: the way from an evaluation set to a tuned model that is measured and used."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.finetuning.finetuners import all_jobs
from llmopt_core.finetuning.jobs.folder import open_folder
from llmopt_core.finetuning.training import local_trainer as local_lora
from llmopt_core.finetuning.training.adapters import CARD, embeddings_root, write_card
from llmopt_core.labs.finetuning.embedder import plan_of
from llmopt_core.labs.finetuning.embedder_gain import gain_job
from llmopt_core.models.base import BUILTIN_EMBEDDING
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import HashEmbedder
from llmopt_core.runs.store import Store
from llmopt_ui import resources

App = Callable[..., AppTest]
PAGE, VIEW = "pages/finetuning_lab.py", "Embedding model"


def words(test: AppTest) -> str:
    parts = [*test.subheader, *test.caption, *test.markdown, *test.text, *test.metric]
    return "\n".join(f"{getattr(part, 'label', '')} {part.value}" for part in parts)


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs are made and stay as the test leaves them; both embedding models are word hashing."""
    monkeypatch.setattr(local_lora.LocalTrainer, "_enter", lambda self, folder: folder.job())
    monkeypatch.setattr(resources, "model_plugins", [_plug_in])


def _plug_in(models: Models) -> None:
    models.register_embedder(BUILTIN_EMBEDDING, HashEmbedder())
    models.register_embedder(str(embeddings_root(models.settings) / "zh"), HashEmbedder(dimension=8))


def finished(store: Store) -> str:
    """What the trainer would leave: an ended job with its curve, a model folder with its card. Gives the job's id."""
    settings = resources.settings()
    (job,) = all_jobs(settings)
    folder = open_folder(settings, job.id)
    for step in range(1, 11):
        folder.append("metrics.jsonl", {"step": step, "train_loss": 3.0 / step})
    folder.update_state(status="finished", step=10, total_steps=10, tuned_model="zh", started_at=1.0, finished_at=61.0)
    result = embeddings_root(settings) / "zh"
    result.mkdir(parents=True)
    (result / "modules.json").write_text("[]")
    write_card(result / CARD, {"job_id": job.id, "seconds": 54.0})
    return job.id


def test_an_embedding_model_is_tuned_measured_and_saved(app: App, store: Store, no_training: None) -> None:
    test = app(PAGE, project="sample", tuning_view=VIEW)
    assert not test.exception
    test.button(key="embedder_sample").click().run()
    assert test.selectbox(key="embedder_set").value == "chinese-questions"
    assert "share no document" in words(test)
    test.text_input(key="embedder_name_chinese-questions_0").set_value("zh").run()
    test.button(key="embedder_start").click().run()
    assert not test.exception
    assert "Waiting" in " ".join(str(bar.proto.text) for bar in test.get("progress")) + words(test)
    project = store.project("sample")
    job_id = finished(store)
    assert plan_of(store, project, all_jobs(resources.settings())[0]) is not None

    test = app(PAGE, project="sample", tuning_view=VIEW)
    measuring = gain_job(store, project, job_id)
    assert measuring is not None
    resources.job_runner().wait(measuring.id)
    test = app(PAGE, project="sample", tuning_view=VIEW)
    assert not test.exception
    text = words(test)
    assert "recall@1" in text
    assert "held-back questions about" in text
    assert "54 s" in text
    test.button(key="embedder_save").click().run()
    assert not test.exception
    items = {item.name: item for item in store.configurations("sample")}
    assert items["rag-zh"].spec["retrieval"]["embedding"]["model"].endswith("embeddings/zh")
    assert "Saved as **rag" in words(test)


def test_a_set_without_spans_is_refused_in_words(app: App, store: Store, no_training: None) -> None:
    from llmopt_core.types import EvaluationSet, Example

    store.save_evaluation_set("sample", EvaluationSet("bare", (Example("a", "What?"),)))
    test = app(PAGE, project="sample", tuning_view=VIEW)
    test.selectbox(key="embedder_set").set_value("bare").run()
    assert not test.exception
    assert "mark where the answers stand first" in words(test) + " ".join(str(error.value) for error in test.error)
