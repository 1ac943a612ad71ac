"""Every page in light and dark: nothing from outside, no console error, nothing cut at 1024 px."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.harness import settled

Open = Callable[..., Page]
TITLES = ("Overview", "Documents", "Retrieval", "Evaluation", "Settings")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_whole_at_1024_pixels(open_page: Open, theme: str) -> None:
    page = open_page(theme, width=1024)
    for title in TITLES:
        page.get_by_test_id("stSidebarNavLink").filter(has_text=title).click()
        expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
        settled(page)
        wide = page.evaluate("(() => { const m = document.querySelector('[data-testid=stMain]'); "
                             "return m.scrollWidth - m.clientWidth })()")  # fmt: skip
        assert wide <= 0, f"{title} is {wide} pixels too wide"


def test_what_stands_side_by_side_stands_below_each_other_in_a_narrow_window(open_page: Open) -> None:
    page = open_page(width=820)
    # The map; the ladder above it has the whole width.
    chart = page.locator(".stPlotlyChart").filter(visible=True).last
    expect(chart).to_be_visible()
    settled(page)
    figure, steps = chart.bounding_box(), page.get_by_role("heading", name="What to do next").bounding_box()
    assert figure
    assert steps
    assert steps["y"] > figure["y"] + figure["height"] - 1
    assert abs(steps["x"] - figure["x"]) < 20
    page.set_viewport_size({"width": 1440, "height": 1000})
    settled(page)
    beside = page.get_by_role("heading", name="What to do next").bounding_box()
    figure = chart.bounding_box()
    assert figure
    assert beside
    assert beside["x"] > figure["x"] + figure["width"] - 1


def test_the_menu_is_folded_in_a_narrow_window(open_page: Open) -> None:
    page = open_page(width=820)
    menu, main = page.get_by_test_id("stSidebar"), page.get_by_test_id("stMain")
    expect(menu).to_have_attribute("data-collapsed", "true")
    assert main.bounding_box() == {"x": 0, "y": 0, "width": 820, "height": 1000}
    page.get_by_test_id("stExpandSidebarButton").click()
    expect(menu).to_have_attribute("data-collapsed", "false")
    # It lies over the page, which stays as wide as it was, and is folded again when a page was chosen.
    assert main.bounding_box() == {"x": 0, "y": 0, "width": 820, "height": 1000}
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Settings").click()
    expect(page.get_by_role("heading", name="Settings", exact=True)).to_be_visible()
    expect(menu).to_have_attribute("data-collapsed", "true")
    page.get_by_test_id("stExpandSidebarButton").click()
    expect(menu).to_have_attribute("data-collapsed", "false")
    page.mouse.click(700, 700)
    expect(menu).to_have_attribute("data-collapsed", "true")


def test_the_menu_stays_as_it_is_while_the_width_of_a_narrow_window_changes(open_page: Open) -> None:
    page = open_page(width=820)
    menu = page.get_by_test_id("stSidebar")
    expect(menu).to_have_attribute("data-collapsed", "true")
    for width in (819, 900, 780):
        page.set_viewport_size({"width": width, "height": 1000})
        settled(page)
        expect(menu).to_have_attribute("data-collapsed", "true")
    page.get_by_test_id("stExpandSidebarButton").click()
    expect(menu).to_have_attribute("data-collapsed", "false")
    page.set_viewport_size({"width": 820, "height": 1000})
    settled(page)
    expect(menu).to_have_attribute("data-collapsed", "false")


def test_a_menu_that_was_folded_for_a_narrow_window_is_open_in_a_wide_one(open_page: Open) -> None:
    page = open_page(width=820)
    menu = page.get_by_test_id("stSidebar")
    expect(menu).to_have_attribute("data-collapsed", "true")
    page.set_viewport_size({"width": 1440, "height": 1000})
    expect(menu).to_have_attribute("data-collapsed", "false")
    page.set_viewport_size({"width": 820, "height": 1000})
    expect(menu).to_have_attribute("data-collapsed", "true")
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.reload()
    settled(page)
    expect(menu).to_have_attribute("data-collapsed", "false")
    # What the user folds stays folded.
    menu.hover()
    page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    page.reload()
    settled(page)
    expect(menu).to_have_attribute("data-collapsed", "true")


def test_the_first_link_after_a_start_leads_to_its_page(chromium: Browser, app: str) -> None:
    page = chromium.new_page(viewport={"width": 1440, "height": 1000})
    page.goto(f"{app}/files?documents_tab=Sweep")
    expect(page.get_by_role("heading", name="Documents", exact=True)).to_be_visible(timeout=30_000)
    expect(page.get_by_role("button", name="Start the sweep")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("tab", name="Files").click()
    expect(page.get_by_text("Add documents")).to_be_visible()
    page.close()


@pytest.mark.parametrize("file", ["documents", "evaluation", "settings"])
def test_a_file_of_pages_that_is_opened_first_leads_to_the_app(chromium: Browser, app: str, file: str) -> None:
    page = chromium.new_page()
    page.goto(f"{app}/{file}")
    expect(page.get_by_role("heading", name="Overview", exact=True)).to_be_visible(timeout=30_000)
    expect(page.get_by_test_id("stSidebarNavLink").filter(has_text="Fine-tuning")).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)
    page.close()


def test_a_document_is_added_read_and_deleted(open_page: Open) -> None:
    page = open_page()
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Documents").click()
    expect(page.get_by_role("heading", name="Documents", exact=True)).to_be_visible()
    page.get_by_text("Add documents").click()
    evil = b"A note with <script>document.title='taken'</script> in it."
    page.locator("input[type=file]").set_input_files([{"name": "a_note.txt", "mimeType": "text/plain", "buffer": evil}])
    page.get_by_role("button", name="Add to project").click()
    expect(page.get_by_text("13 documents")).to_be_visible()
    settled(page)
    expect(page.get_by_text("<script>document.title='taken'</script>")).to_be_visible()
    assert page.title() != "taken"
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete document").click()
    expect(page.get_by_text("12 documents")).to_be_visible()


def test_a_new_project_is_in_the_address_and_survives_a_reload(open_page: Open) -> None:
    page = open_page()
    page.get_by_role("button", name="New", exact=True).click()
    page.get_by_role("textbox", name="Name").fill("Support answers")
    page.get_by_role("button", name="Create project").click()
    expect(page.get_by_text("Add documents")).to_be_visible()
    assert "project=Support" in page.url
    page.reload()
    settled(page)
    expect(page.get_by_text("Add documents")).to_be_visible()
