"""The adviser's steps in a browser: a link opens the record, a button makes the configuration and opens the lab."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from tests.browser.conftest import Open
from tests.browser.harness import settled
from tests.ui.seed_outranked import seed_outranked


@pytest.fixture
def failing(home: Path) -> str:
    store = Store.open(Settings(home=home))
    name = seed_outranked(store)
    store.close()
    return name


def _open(open_page: Open, project: str) -> Page:
    page = open_page()
    page.goto(f"{page.url.split('?')[0]}?project={project}")
    settled(page)
    return page


def test_a_record_opens_from_the_overview_and_from_the_results(failing: str, open_page: Open) -> None:
    page = _open(open_page, failing)
    page.get_by_role("link", name="q4", exact=True).click()
    settled(page)
    expect(page.get_by_text("Question q4")).to_be_visible()
    page.get_by_role("link", name="q2", exact=True).click()
    settled(page)
    expect(page.get_by_text("Question q2")).to_be_visible()


def test_the_button_opens_the_lab_with_the_new_configuration(failing: str, home: Path, open_page: Open) -> None:
    page = _open(open_page, failing)
    page.get_by_role("button", name="Create rag · rerank").click()
    expect(page.get_by_role("heading", name="Retrieval", exact=True)).to_be_visible()
    settled(page)
    expect(page.get_by_text("rag · rerank is saved.")).to_be_visible()
    store = Store.open(Settings(home=home))
    assert [item.name for item in store.configurations(failing)] == ["rag", "rag · rerank"]
    store.close()
