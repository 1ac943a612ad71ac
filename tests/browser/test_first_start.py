"""A newcomer's first minutes in a real browser, with the built-in model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.harness import settled
from tests.builtin_home import prepare_builtin

Open = Callable[..., Page]
MINUTES = 60_000


def go_to(page: Page, title: str) -> None:
    page.get_by_test_id("stSidebarNavLink").filter(has_text=title).click()
    expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
    settled(page)


@pytest.mark.timeout(900)
def test_from_first_start_to_a_single_record(open_page: Open, home: Path) -> None:
    prepare_builtin(home)
    page = open_page()
    expect(page.get_by_role("heading", name="Overview", exact=True)).to_be_visible()
    # The talk's ladder as the example, and the map.
    expect(page.locator(".js-plotly-plot")).to_have_count(2)

    go_to(page, "Evaluation")
    page.get_by_role("spinbutton", name="Questions at most").fill("3")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Evaluate", exact=True).click()
    # The sidebar says it as well.
    expect(page.get_by_text("Evaluating baseline, rag, rag-rerank").first).to_be_visible(timeout=MINUTES)
    expect(page.get_by_role("button", name="Cancel").first).to_be_visible()

    expect(page.get_by_role("heading", name="Leaderboard")).to_be_visible(timeout=10 * MINUTES)
    settled(page)
    # The scores that all three have, those that the ones with retrieval have, every pair as differences and as a
    # matrix, and the map of questions.
    expect(page.locator(".js-plotly-plot")).to_have_count(5)
    expect(page.locator(".js-plotly-plot").first.get_by_text("Answer relevancy")).to_be_visible()
    for title in ("Faithfulness", "Context precision", "Context recall"):
        expect(page.locator(".js-plotly-plot").nth(1).get_by_text(title)).to_be_visible()
    expect(page.get_by_role("table").first).to_contain_text("rag-rerank")

    click_cell(page, column=2, row=1)
    expect(page.get_by_text("Question 2 of 3")).to_be_visible()
    assert "record_of=rag" in page.url
    page.get_by_role("tab", name="Retrieved chunks").click()
    settled(page)
    expect(page.locator(".llmopt-bands")).to_have_count(3)
    page.get_by_role("tab", name="Prompt as sent").click()
    settled(page)
    expect(page.get_by_text("Passage:").first).to_be_visible()


def click_cell(page: Page, *, column: int, row: int, columns: int = 3, rows: int = 3) -> None:
    """Click a cell of the map of questions, both counted from 0."""
    plot = page.locator(".js-plotly-plot").last.locator(".nsewdrag").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    x = box["x"] + box["width"] * (column - 0.5) / columns
    y = box["y"] + box["height"] * (row + 0.5) / rows
    page.mouse.move(x, y)
    page.mouse.click(x, y)
    settled(page)
