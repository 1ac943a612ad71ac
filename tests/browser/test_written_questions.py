"""Questions that a model writes: what does not pass is named, what is edited in the review survives a closed page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import Document
from tests.browser.harness import settled
from tests.stub_endpoint import StubEndpoint

Open = Callable[..., Page]
QUOTE = "The harbour was built in 1712"


@pytest.fixture(autouse=True)
def writer(home: Path) -> Iterator[None]:
    """A project of one document, and an endpoint that writes two questions of which one passes."""
    store = Store.open(Settings(home=home))
    project = store.create_project("Town")
    store.save_documents(project, [Document("town.md", f"{QUOTE}. Ships came from far away to trade wool and salt.")])
    store.close()
    rows = [
        {"question": "When was the harbour built?", "answer": "1712", "quote": QUOTE},
        {"question": "Who danced there?", "answer": "elephants", "quote": "purple elephants danced on the moon"},
    ]
    with StubEndpoint(json.dumps(rows)) as stub:
        (home / "endpoints.yaml").write_text(f"stub:\n  base_url: {stub.url}\n  default_model: writer\n")
        yield


def test_written_questions_are_reviewed_edited_and_saved(open_page: Open, app: str, home: Path) -> None:
    page = open_page()
    _open_questions(page, app)
    page.get_by_role("button", name="Write questions").click()
    text = page.get_by_text("1 question from 1 passage; 1 dropped")
    expect(text).to_be_visible(timeout=60_000)
    expect(text).to_contain_text("the quote does not stand in the document (1)")
    settled(page)
    cell = page.get_by_test_id("stDataFrame").last.bounding_box()
    assert cell is not None
    page.mouse.click(cell["x"] + 250, cell["y"] + 52)
    page.keyboard.press("Enter")
    field = page.locator("textarea.gdg-input")
    field.fill("Since when is there a harbour?")
    field.press("Enter")
    page.wait_for_timeout(1_000)
    settled(page)
    _open_questions(page, app)
    expect(page.get_by_text("1 question from 1 passage")).to_be_visible(timeout=30_000)
    settled(page)
    page.get_by_role("button", name="Save 1 question").click()
    expect(page.get_by_text("has 1 question now")).to_be_visible()
    store = Store.open(Settings(home=home))
    examples = store.evaluation_set("Town", "questions of town.md").examples
    assert [(one.question, one.reference) for one in examples] == [("Since when is there a harbour?", "1712")]
    assert [(span.start, span.end) for span in examples[0].references] == [(0, len(QUOTE))]
    store.close()


def _open_questions(page: Page, app: str) -> None:
    """A new session on the tab."""
    page.goto(f"{app}/?project=Town")
    settled(page)
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Documents").click()
    page.get_by_role("tab", name="Questions").click()
