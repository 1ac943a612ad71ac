"""The fine-tuning lab in a browser: load the example, check it, look at a finished job, go on to an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from llmopt_core.experiments.versions.training_sets import read_collection
from llmopt_core.finetuning.data.examples import TrainingSet
from llmopt_core.finetuning.jobs.job import JobRequest
from llmopt_core.finetuning.jobs.new_folder import new_folder
from llmopt_core.finetuning.training.adapters import adapters_root, write_card
from llmopt_core.labs.finetuning.annotation import labels, read_drafts
from llmopt_core.labs.finetuning.sources import sample_training
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_ui.column_fit import ROW_HEIGHTS
from tests.browser.harness import settled
from tests.ui.seed import seed_project

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
    page.get_by_role("button", name="Lint it").click()
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
    expect(page.get_by_role("combobox", name="Evaluation set")).to_have_value("snips-test (210 questions)")


@pytest.fixture
def used(home: Path) -> Iterator[Store]:
    """A project with answers of which some are wrong."""
    store = Store.open(Settings(home=home))
    seed_project(store)
    yield store
    store.close()


def opened(page: Page, tab: str) -> None:
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Fine-tuning").click()
    expect(page.get_by_role("heading", name="Fine-tuning", exact=True)).to_be_visible()
    settled(page)
    page.get_by_role("tab", name=tab).click()
    settled(page)


def edit(page: Page, column: int, row: int) -> None:
    """Open a cell of the table for editing; its columns have widths that the page gives, its rows six lines."""
    box = page.get_by_test_id("stDataFrame").locator("canvas").first.bounding_box()
    assert box is not None
    left = (0, 100, 290, 460, 650)
    place = box["x"] + left[column] + 40, box["y"] + 36 + ROW_HEIGHTS[6] * row + 20
    page.mouse.move(*place)
    page.wait_for_timeout(150)
    page.mouse.click(*place)
    page.wait_for_timeout(300)
    page.keyboard.press("Enter")


def test_what_is_typed_without_a_decision_is_never_lost(used: Store, open_page: Open) -> None:
    page = open_page()
    opened(page, "Next to label")
    edit(page, 3, 0)
    page.locator("#portal textarea").fill("typed by hand")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("glide-cell-3-0")).to_have_text("typed by hand")
    settled(page)
    page.get_by_role("button", name="Keep the decisions").click()
    expect(page.get_by_text("Choose accept or reject")).to_be_visible()
    settled(page)
    edit(page, 0, 1)
    page.get_by_role("option", name="reject").click()
    settled(page)
    page.get_by_role("button", name="Keep the decisions").click()
    expect(page.get_by_text("1 decision kept", exact=False)).to_be_visible()
    settled(page)
    expect(page.get_by_test_id("glide-cell-3-0")).to_have_text("typed by hand")
    page.get_by_role("tab", name="Lint").click()
    settled(page)
    page = open_page()
    opened(page, "Next to label")
    expect(page.get_by_test_id("glide-cell-3-0")).to_have_text("typed by hand")
    assert [label.decision for label in labels(used, "harbour").values()] == ["rejected"]
    assert [typed.answer for typed in read_drafts(used, "harbour").values()] == ["typed by hand"]


@pytest.mark.parametrize(
    ("name", "data", "answers"),
    [
        ("chat.jsonl", b'{"messages": [{"role": "user", "content": "q1"}, {"role": "assistant", "content": "a1"}]}\n',
         ["a1"]),
        ("rows.csv", b"question,answer\nq1,a1\nq2,a2\n", ["a1", "a2"]),
        ("pairs.csv", b"question,chosen,rejected\nq1,better,worse\n", ["better"]),
    ],
)  # fmt: skip
def test_an_upload_is_collected_and_its_box_closes(
    used: Store, open_page: Open, name: str, data: bytes, answers: list[str]
) -> None:
    page = open_page()
    opened(page, "Training data")
    page.get_by_role("button", name="Upload").first.click()
    page.locator("input[type=file]").first.set_input_files({"name": name, "mimeType": "text/plain", "buffer": data})
    settled(page)
    expect(page.get_by_test_id("stPopoverBody")).to_have_count(1)
    page.get_by_test_id("stPopoverBody").get_by_role("button", name="Collect").click()
    expect(page.get_by_text("collected →", exact=False)).to_be_visible()
    settled(page)
    expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)
    assert [example.answer for example in read_collection(used, "harbour")] == answers
