"""Answers are labelled in a browser with one key each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from tests.browser.harness import settled
from tests.ui.seed import seed_project

Open = Callable[..., Page]


@pytest.fixture
def used(home: Path) -> Iterator[Store]:
    store = Store.open(Settings(home=home))
    seed_project(store, questions=12)
    yield store
    store.close()


def test_keys_label_and_take_back_and_the_numbers_follow(used: Store, open_page: Open) -> None:
    page = open_page()
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Evaluation").click()
    page.get_by_role("tab", name="Judge").click()
    page.get_by_role("textbox", name="Your name").fill("ann")
    page.get_by_role("textbox", name="Your name").press("Enter")
    expect(page.get_by_text("Labelling as ann")).to_be_visible()
    for count, key in enumerate("pfu", start=1):
        settled(page)
        page.keyboard.press(key)
        expect(page.get_by_text(f"{count} of 12 answers labelled by you")).to_be_visible()
    assert [one.choice for one in used.judge_labels("harbour")] == ["pass", "fail", "unsure"]
    settled(page)
    page.keyboard.press("b")
    expect(page.get_by_text("2 of 12 answers labelled by you")).to_be_visible()
    assert [one.choice for one in used.judge_labels("harbour")] == ["pass", "fail"]
    expect(page.get_by_test_id("stMetric").filter(has_text="Labels")).to_contain_text("2")
    expect(page.get_by_text("rag-rerank less baseline")).to_be_visible()


def test_labels_are_given_by_keyboard_alone_and_the_focus_stays(used: Store, open_page: Open) -> None:
    page = open_page()
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Evaluation").press("Enter")
    page.get_by_role("tab", name="Judge").press("Enter")
    page.get_by_role("textbox", name="Your name").focus()
    page.keyboard.type("ann")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Labelling as ann")).to_be_visible()
    settled(page)
    # With the focus on a button the keys go on, and so does the button itself.
    button = page.get_by_role("button", name="Pass", exact=False).filter(has_text="Pass").first
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 of 12 answers labelled by you")).to_be_visible()
    settled(page)
    expect(button).to_be_focused()
    page.keyboard.press("f")
    expect(page.get_by_text("2 of 12 answers labelled by you")).to_be_visible()
    settled(page)
    expect(button).to_be_focused()
    # Faster than the page is drawn: no label is lost and none given twice to one answer.
    for key in "ppff":
        page.keyboard.press(key)
        page.wait_for_timeout(150)
    settled(page)
    labels = used.judge_labels("harbour")
    assert len({one.subject for one in labels}) == len(labels)
    expect(page.get_by_text(f"{len(labels)} of 12 answers labelled by you")).to_be_visible()
    expect(button).to_be_focused()
