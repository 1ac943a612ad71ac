"""Reading failures by keyboard in a browser: notes, moves, what a reload leaves, a cell of the map."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from llmopt_core.evaluation.assertions.columns import assertions_of
from llmopt_core.labs.evaluation.notes import Note, read_notes, save_note
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from tests.browser.harness import settled
from tests.ui.seed import seed_project

Open = Callable[..., Page]
FIELD = ".st-key-failures_note_field input"


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    store = Store.open(Settings(home=home))
    seed_project(store)
    yield store
    store.close()


def go_to_tab(page: Page) -> None:
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Evaluation").click()
    page.get_by_role("tab", name="Failures").click()


def open_tab(open_page: Open) -> Page:
    page = open_page()
    go_to_tab(page)
    expect(page.get_by_text("Record 1 of 24")).to_be_visible()
    settled(page)
    return page


def test_records_are_read_by_keyboard_and_a_reload_loses_nothing(store: Store, open_page: Open) -> None:
    page = open_tab(open_page)
    page.locator(FIELD).last.focus()
    # Keys follow each other faster than what is typed is sent.
    page.keyboard.type("wrong year")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Record 2 of 24 · 1 read")).to_be_visible()
    # The next record's field has the cursor by itself.
    expect(page.locator(FIELD).last).to_be_focused()
    page.keyboard.type("too long")
    page.keyboard.press("Control+ArrowDown")
    expect(page.get_by_text("Record 3 of 24 · 2 read")).to_be_visible()
    expect(page.locator(FIELD).last).to_be_focused()
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_text("Record 4 of 24 · 3 read")).to_be_visible()
    expect(page.locator(FIELD).last).to_be_focused()
    page.keyboard.press("Shift+ArrowDown")
    expect(page.get_by_text("Record 5 of 24 · 4 read")).to_be_visible()
    expect(page.locator(FIELD).last).to_be_focused()
    page.keyboard.press("Control+ArrowUp")
    expect(page.get_by_text("Skipped.")).to_be_visible()
    expect(page.locator(FIELD).last).to_be_focused()
    # Typed and not confirmed by any key.
    page.keyboard.type("half a no")
    expect(page.get_by_text("Skipped.")).to_have_count(0)
    # A new session, as after a reload; a reload of this address would make Streamlit ask for files that are not there.
    page.goto(page.url.split("/evaluate")[0])
    go_to_tab(page)
    expect(page.get_by_text("Record 5 of 24 · 4 read")).to_be_visible()
    notes = read_notes(store, "harbour", "questions").notes.values()
    assert [(note.text, note.finding) for note in notes] == [
        ("wrong year", "wrong"), ("too long", "wrong"), ("", "nothing wrong"), ("half a no", "wrong")]  # fmt: skip


def test_a_cell_of_the_map_opens_its_records(store: Store, open_page: Open) -> None:
    page = open_tab(open_page)
    # The first cell of one record: the baseline's only one in a wrong format.
    cell = page.locator(".stPlotlyChart .textpoint text", has_text=re.compile("^1$")).first
    cell.scroll_into_view_if_needed()
    box = cell.bounding_box()
    assert box is not None
    place = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(place[0] + 4, place[1] + 2)
    # The chart hears the mouse once its layer of points is there, and tells the interval.
    expect(page.locator(".hoverlayer .hovertext")).to_contain_text("1 of")
    page.mouse.click(*place)
    expect(page.get_by_text("Record 1 of 1 ·")).to_be_visible()
    expect(page.get_by_text("The right answer stands in it, among other words.")).to_be_visible()


def test_the_whole_desk_is_used_by_keyboard(store: Store, open_page: Open) -> None:
    run = next(run for run in store.runs("harbour") if run.name == "rag-rerank")
    for place, text in enumerate(("year", "unit", "year", "year", "unit")):
        save_note(store, "harbour", "questions", Note(run.id, f"q{place + 1}", run.name, question="?", text=text))
    page = open_page()
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Evaluation").press("Enter")
    page.get_by_role("tab", name="Failures").press("Enter")
    expect(page.get_by_text(re.compile(r"Record \d of 24 · 5 read"))).to_be_visible(timeout=30_000)
    settled(page)
    # Records of a kind without the mouse: what a click on a cell of the map does.
    box = page.locator(".st-key-failures_kind input")
    box.focus()
    page.keyboard.type("Given")
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile(r"Record \d of \d ·"))).to_be_visible()
    settled(page)
    propose = page.locator(".st-key-failures_propose button")
    propose.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Assertion", exact=True)).to_be_visible(timeout=60_000)
    settled(page)
    page.get_by_role("button", name="Assertion", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("The next run shows it.")).to_be_visible()
    checked = [e.id for e in store.evaluation_set("harbour", "questions").examples if assertions_of(e)]
    assert checked == ["q1", "q3", "q4"]
    settled(page)
    # The focus is where it was, so the next group is a step away.
    expect(page.get_by_role("button", name="Assertion", exact=True)).to_be_focused()
