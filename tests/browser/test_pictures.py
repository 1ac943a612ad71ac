"""Every mark of a picture leads to its records, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from tests.browser.harness import settled
from tests.ui.seed import seed_project

Open = Callable[..., Page]


@pytest.fixture
def evaluation(open_page: Open, home: Path) -> Page:
    seed_project(Store.open(Settings(home=home)))
    page = open_page()
    page.goto(f"{page.url.split('?', maxsplit=1)[0]}?project=harbour")
    settled(page)
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Evaluation").click()
    settled(page)
    return page


def click_middle(page: Page, mark: Locator) -> None:
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    assert box is not None
    place = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(place[0] + 1, place[1] + 1)
    # A chart hears a click on what it has found below the mouse.
    expect(page.locator(".hoverlayer .hovertext")).to_be_visible()
    page.mouse.click(*place)
    settled(page)


def test_a_cell_of_the_map_opens_its_question_and_so_does_the_next_one(evaluation: Page) -> None:
    page = evaluation
    plot = page.locator(".st-key-example_map .js-plotly-plot .nsewdrag").first
    for column, row, name in ((3, 2, "rag-rerank"), (5, 0, "baseline"), (3, 2, "rag-rerank")):
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        assert box is not None
        # 23 of 24 questions have a score of all three.
        place = (box["x"] + box["width"] * (column - 0.5) / 23, box["y"] + box["height"] * (row + 0.5) / 3)
        page.mouse.move(*place)
        expect(page.locator(".hoverlayer .hovertext")).to_contain_text(name)
        page.mouse.click(*place)
        settled(page)
        expect(page.get_by_text(f"Question {column} of 24")).to_be_visible()
        assert f"record_of={name}" in page.url


def test_a_bar_opens_the_records_of_its_configuration(evaluation: Page) -> None:
    page = evaluation
    # Two metrics of the baseline come before.
    click_middle(page, page.locator(".js-plotly-plot").first.locator(".bars .point path").nth(2))
    expect(page.get_by_role("tab", name="Records", exact=True)).to_have_attribute("aria-selected", "true")
    expect(page.get_by_text("24 of 24 records of rag.")).to_be_visible()
    assert "records_by=answer_relevancy" in page.url


@pytest.mark.parametrize(
    ("picture", "mark", "told"),
    [
        ("Quality and time", ".scatterlayer .point", r"24 of 24 records of rag\."),
        ("Spread", ".bars .point path", r"2 of 24 records of rag\."),
        ("Categories", ".textpoint text", r"8 of 24 records of (baseline|rag)\."),
        ("Over time", ".scatterlayer .point", r"24 of 24 records of rag\."),
    ],
)
def test_a_mark_of_a_picture_opens_its_records(evaluation: Page, picture: str, mark: str, told: str) -> None:
    page = evaluation
    page.get_by_role("tab", name="Pictures", exact=True).click()
    settled(page)
    page.get_by_role("radio", name=picture, exact=True).click()
    settled(page)
    chart = page.locator(".js-plotly-plot").first
    marks = chart.locator(mark).filter(visible=True)
    expect(marks.first).to_be_visible()
    if picture == "Categories":
        marks = chart.locator(mark, has_text=re.compile(r"^0\.\d+$"))
    click_middle(page, marks.first)
    expect(page.get_by_role("tab", name="Records", exact=True)).to_have_attribute("aria-selected", "true")
    expect(page.get_by_text(re.compile(told))).to_be_visible()
    # Back at the picture nothing is chosen any more, so the same mark leads there again.
    page.get_by_role("tab", name="Pictures", exact=True).click()
    settled(page)
    expect(page.get_by_role("tab", name="Pictures", exact=True)).to_have_attribute("aria-selected", "true")


def test_a_point_of_the_radar_opens_the_records_by_its_metric(evaluation: Page) -> None:
    page = evaluation
    page.get_by_role("tab", name="Pictures", exact=True).click()
    settled(page)
    page.get_by_role("radio", name="Radar", exact=True).click()
    settled(page)
    click_middle(page, page.locator(".js-plotly-plot .point").first)
    expect(page.get_by_text("24 of 24 records of rag.")).to_be_visible()
    assert "records_by=faithfulness" in page.url
