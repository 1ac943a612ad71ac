"""The fine-tuning lab: each tab empty, at work, finished, and with something wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.experiments.tuning_lab.labels import labels
from llmopt_core.experiments.tuning_lab.library import collect, collected, save_training_set, training_sets
from llmopt_core.finetuning.adapters import adapters_root, write_card
from llmopt_core.finetuning.data import TrainingExample, chat_example
from llmopt_core.finetuning.job_folder import JobFolder, new_folder
from llmopt_core.finetuning.jobs import JobRequest
from llmopt_core.models.base import ChatRequest
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_ui import resources
from tests.stub_finetuning import FineTuningStub

App = Callable[..., AppTest]
PAGE = "pages/finetuning_lab.py"
COLOURS = ("crimson", "emerald", "turquoise", "magenta", "chartreuse", "vermilion")


def words(test: AppTest) -> str:
    parts = [*test.title, *test.subheader, *test.caption, *test.markdown, *test.text, *test.metric]
    shown = [f"{getattr(part, 'label', '')} {part.value}" for part in parts]
    return "\n".join([*shown, *(table.value.to_string() for table in (*test.table, *test.dataframe))])


def keyed(widgets, start: str):
    found = [widget for widget in widgets if widget.key and widget.key.startswith(start)]
    assert found, f"no widget {start}"
    return found[0]


def examples(count: int, start: int = 0) -> list[TrainingExample]:
    return [
        chat_example(f"{COLOURS[i % 6]} paint on wall number {i * 37}, what is it called?",
                     f"shade {COLOURS[i % 6]} {i * 53}", system="Name it.", label=COLOURS[i % 2])
        for i in range(start, start + count)
    ]  # fmt: skip


@pytest.fixture
def settings() -> Settings:
    return resources.settings()


@pytest.fixture
def trained(used: str, store: Store, settings: Settings) -> JobFolder:
    """A finished local job with its adapter, made from a saved training set."""
    saved = save_training_set(store, used, "shades", examples(20), examples(5, 100))
    request = JobRequest(name="shades", hyperparameters={"epochs": 2, "text_format": "completion"})
    folder = new_folder(settings, request, "lora", saved.train, saved.validation)
    for step in range(1, 21):
        valid = {"valid_loss": 3.0 / step, "valid_accuracy": 0.5} if step % 5 == 0 else {}
        folder.append("metrics.jsonl", {"step": step, "train_loss": 4.0 / step, **valid})
    for number in range(5):
        folder.append("validation_losses.jsonl", {"number": number, "loss": 0.1 * number, "tokens": 4})
    folder.log("Training: 20 examples.")
    folder.update_state(status="finished", step=20, total_steps=20, trained_tokens=2000, tokens_per_second=150.0,
                        started_at=1_700_000_000.0, finished_at=1_700_000_060.0, tuned_model="shades",
                        cost_usd=0.0)  # fmt: skip
    adapters_root(settings).mkdir(parents=True)
    (adapters_root(settings) / "shades.gguf").write_bytes(b"GGUF")
    card = {"text_format": "completion", "job_id": folder.id, "data_version": saved.version}
    write_card(adapters_root(settings) / "shades.json", card)
    return folder


@pytest.fixture
def stub(settings: Settings) -> Iterator[FineTuningStub]:
    with FineTuningStub() as running:
        settings.home.mkdir(parents=True, exist_ok=True)
        (settings.home / "endpoints.yaml").write_text(f"cloud:\n  base_url: {running.url}\n  default_model: big\n")
        yield running


def test_a_first_visit_says_what_to_do_and_loads_the_example(app: App, store: Store) -> None:
    test = app(PAGE, project="sample")
    assert not test.exception
    assert "No training examples yet" in words(test)
    test.button(key="tuning_sample").click().run()
    assert not test.exception
    (saved,) = training_sets(store, "sample")
    assert (saved.label, len(saved.train.examples)) == ("snips v1", 1050)
    assert "snips-test" in [item.name for item in store.evaluation_sets("sample")]
    assert "**1,050** to train on" in words(test)
