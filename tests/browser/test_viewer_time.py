"""Times are those of who looks, in tables, pickers and files alike, wherever the app runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from llmopt_core.finetuning.data.examples import TrainingSet
from llmopt_core.finetuning.jobs.job import JobRequest
from llmopt_core.finetuning.jobs.new_folder import new_folder
from llmopt_core.labs.finetuning.sources import sample_training
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from tests.browser.conftest import Open
from tests.browser.drawn_cells import WATCH
from tests.browser.harness import settled
from tests.browser.test_narrow_pages import go_to
from tests.ui.seed import seed_project

# At this moment it is another day there, and half hours tell a zone from a mistake in whole ones.
ZONE = "Asia/Kolkata"
MOMENT = datetime(2026, 3, 3, 20, 5, tzinfo=UTC)
THERE = "4 Mar, 01:35"


@pytest.fixture
def used(home: Path) -> None:
    store = Store.open(Settings(home=home))
    seed_project(store)
    with store.database.write() as connection:
        connection.exec_driver_sql(f"update runs set created_at = {MOMENT.timestamp()}")
    store.close()
    training = TrainingSet("harbour v1", tuple(sample_training("validation")))
    folder = new_folder(Settings(home=home), JobRequest(name="brief"), "lora", training, training)
    folder.update_state(status="interrupted", step=4, total_steps=40, created_at=MOMENT.timestamp())


def _wait_for_cell(page: Page, text: str) -> None:
    page.wait_for_function("(text) => window.drawnTexts.some((one) => one.text === text)", arg=text)


def _open_tab(page: Page, title: str, tab: str) -> None:
    go_to(page, title)
    page.get_by_role("tab", name=tab, exact=True).first.click()
    settled(page)
    page.evaluate("window.drawnTexts = []")
    size = page.viewport_size
    assert size
    # Tables are drawn anew, so that what is seen is of this tab.
    page.set_viewport_size({"width": size["width"] - 1, "height": size["height"]})


def test_all_times_are_those_of_the_viewer(used: None, open_page: Open) -> None:
    page = open_page(zone=ZONE, script=WATCH)
    _open_tab(page, "Evaluation", "Run")
    _wait_for_cell(page, THERE)
    _open_tab(page, "Fine-tuning", "Jobs")
    _wait_for_cell(page, THERE)
    job = page.get_by_role("combobox", name="Job", exact=True).filter(visible=True)
    expect(job).to_have_value(f"brief · {THERE}")
    _open_tab(page, "Evaluation", "Results")
    with page.expect_download() as download:
        page.get_by_role("button", name="Report (HTML)").filter(visible=True).first.click()
    report = Path(download.value.path()).read_text(encoding="utf-8")
    assert "evaluated on 4 March 2026" in report
    today = datetime.now(ZoneInfo(ZONE))
    assert f"report of {today.day} {today:%B %Y}" in report
