"""A set as a table: what is typed is kept over a reload, and two tabs lose nothing of each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import EvaluationSet, Example
from tests.browser.harness import settled

Open = Callable[..., Page]
EXAMPLES = tuple(Example(f"q{i}", f"What is number {i}?", f"answer {i}", category="some") for i in range(5))


@pytest.fixture(autouse=True)
def project(home: Path) -> None:
    store = Store.open(Settings(home=home))
    store.create_project("Town")
    store.save_evaluation_set("Town", EvaluationSet("asked", EXAMPLES))
    store.close()


def show(page: Page, app: str) -> None:
    page.goto(f"{app}/?project=Town")
    settled(page)
    page.get_by_role("link", name="Evaluation").click()
    page.get_by_role("tab", name="Questions").click()
    settled(page)
    page.get_by_role("radio", name="Edit").click()
    expect(page.get_by_role("button", name="Save as a new version")).to_be_visible(timeout=60_000)
    settled(page)


def type_into(page: Page, row: int, text: str) -> None:
    """Into the column of questions."""
    table = page.get_by_test_id("stDataFrame").last
    box = table.bounding_box()
    assert box is not None
    # Cells are drawn on a canvas: the header, the questions, and a row to add one.
    height = (box["height"] - 35) / (len(EXAMPLES) + 1)
    page.mouse.click(box["x"] + 90, box["y"] + 35 + height * (row - 0.5))
    page.keyboard.press("Enter")
    field = page.locator("textarea.gdg-input")
    field.fill(text)
    field.press("Enter")
    expect(page.get_by_text("not saved yet")).to_be_visible(timeout=30_000)
    settled(page)


def test_two_tabs_and_a_reload_lose_nothing_that_was_typed(open_page: Open, app: str, home: Path) -> None:
    first, second = open_page(), open_page()
    show(first, app)
    show(second, app)
    type_into(first, 1, "What is number zero?")
    type_into(second, 3, "What is number two?")
    # A new session knows what was typed in both.
    show(first, app)
    expect(first.get_by_text("2 rows not saved yet")).to_be_visible(timeout=30_000)
    first.get_by_role("button", name="Save as a new version").click()
    expect(first.get_by_text("asked saved with 5 questions")).to_be_visible(timeout=30_000)
    store = Store.open(Settings(home=home))
    version = store.evaluation_set("Town", "asked").examples
    assert [example.question for example in version] == [
        "What is number zero?", "What is number 1?", "What is number two?", "What is number 3?", "What is number 4?",
    ]  # fmt: skip
    assert [(e.id, e.reference, e.category) for e in version] == [(e.id, e.reference, e.category) for e in EXAMPLES]
    store.close()


def test_a_row_is_taken_out_and_another_added(open_page: Open, app: str, home: Path) -> None:
    page = open_page()
    show(page, app)
    table = page.get_by_test_id("stDataFrame").last
    box = table.bounding_box()
    assert box is not None
    # The column of marks is left of all others.
    page.mouse.click(box["x"] + 15, box["y"] + 35 + 17)
    page.keyboard.press("Delete")
    expect(page.get_by_text("1 row not saved yet")).to_be_visible(timeout=30_000)
    settled(page)
    # Four questions are left, and below them the row that adds one.
    page.mouse.click(box["x"] + 90, box["y"] + 35 + 4 * 35 + 17)
    field = page.locator("textarea.gdg-input")
    field.fill("What is number six?")
    field.press("Enter")
    expect(page.get_by_text("2 rows not saved yet")).to_be_visible(timeout=30_000)
    settled(page)
    show(page, app)
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.get_by_text("asked saved with 5 questions")).to_be_visible(timeout=30_000)
    store = Store.open(Settings(home=home))
    version = store.evaluation_set("Town", "asked").examples
    assert [(example.id, example.question) for example in version] == [
        *((example.id, example.question) for example in EXAMPLES[1:]), ("q6", "What is number six?"),
    ]  # fmt: skip
    store.close()
