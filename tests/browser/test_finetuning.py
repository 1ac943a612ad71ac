"""The fine-tuning lab in a browser: load the example, check it, look at a finished job, go on to an evaluation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from llmopt_core.experiments.tuning_lab.sources import sample_training
from llmopt_core.finetuning.adapters import adapters_root, write_card
from llmopt_core.finetuning.data import TrainingSet
from llmopt_core.finetuning.job_folder import new_folder
from llmopt_core.finetuning.jobs import JobRequest
from llmopt_core.settings import Settings
from tests.browser.harness import settled

Open = Callable[..., Page]


@pytest.fixture
def finished(home: Path) -> Settings:
    """A workspace in which a job on the example has finished; the app puts the sample project in beside it."""
    settings = Settings(home=home)
    held = TrainingSet("snips-validation", tuple(sample_training("validation")))
    request = JobRequest(name="snips", hyperparameters={"epochs": 3, "text_format": "completion"})
    folder = new_folder(settings, request, "lora", TrainingSet("snips v1", tuple(sample_training())), held)
    for step in range(1, 41):
        valid = {"valid_loss": 2.0 / step + 0.05} if step % 8 == 0 else {}
        folder.append("metrics.jsonl", {"step": step, "train_loss": 2.5 / step + 0.02, **valid})
    for number in range(12):
        folder.append("validation_losses.jsonl", {"number": number, "loss": number / 10, "tokens": 20})
    folder.log("Finished.")
    folder.update_state(status="finished", step=40, total_steps=40, trained_tokens=66_000, tuned_model="snips",
                        started_at=1_800_000_000.0, finished_at=1_800_000_500.0)  # fmt: skip
    adapters_root(settings).mkdir(parents=True)
    (adapters_root(settings) / "snips.gguf").write_bytes(b"GGUF")
    write_card(adapters_root(settings) / "snips.json", {"text_format": "completion", "job_id": folder.id})
    return settings


def test_from_the_example_to_an_evaluation_of_the_tuned_model(finished: Settings, open_page: Open) -> None:
    page = open_page()
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Fine-tuning").click()
    expect(page.get_by_role("heading", name="Fine-tuning", exact=True)).to_be_visible()
    settled(page)
    page.get_by_role("button", name="Load the example").click()
    expect(page.get_by_text("1,050 to train on")).to_be_visible()
    page.get_by_role("button", name="Check it").click()
    expect(page.get_by_text("No errors", exact=False).first).to_be_visible()
    page.get_by_role("tab", name="Training data").click()
    page.get_by_role("button", name="Train on it").click()
    expect(page.get_by_role("heading", name="One job")).to_be_visible()
    expect(page.get_by_text("A good fit.").or_(page.get_by_text("Underfitting.")).first).to_be_visible()
    expect(page.get_by_text("data snips v1", exact=False)).to_be_visible()
    settled(page)
    page.get_by_role("button", name="Evaluate it").click()
    expect(page.get_by_role("heading", name="Evaluation", exact=True)).to_be_visible()
    settled(page)
    expect(page.get_by_role("button", name="Evaluate", exact=True)).to_be_visible()
    expect(page.get_by_test_id("stMultiSelect").filter(has_text="Configurations")).to_contain_text("snips")
