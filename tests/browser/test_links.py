"""A copied link shows the same runs in another browser; an old run is opened from the list of all runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import Answer, Record, Score
from tests.browser.conftest import Open
from tests.browser.harness import settled
from tests.ui.seed import seed_project


@pytest.fixture
def seeded(home: Path) -> Store:
    store = Store.open(Settings(home=home))
    seed_project(store, "harbour")
    return store


def _again(store: Store, name: str) -> int:
    """Another run of a configuration, right throughout; gives its id."""
    old = next(run for run in store.runs("harbour") if run.name == name)
    run = store.start_run("harbour", old.configuration, old.fingerprint, evaluation_set=old.evaluation_set,
                          set_version=old.set_version, judge=old.judge, metrics=old.metrics,
                          total=old.total)  # fmt: skip
    examples = store.evaluation_set("harbour", old.evaluation_set).examples
    scores = {metric: Score(metric, 1.0) for metric in old.metrics}
    store.save_records(run, [(i, Record(e, Answer("a"), scores=scores)) for i, e in enumerate(examples)])
    store.finish_run(run, "finished")
    return run


def _results(page: Page) -> None:
    page.get_by_role("link", name="Evaluation").first.click()
    settled(page)
    page.get_by_role("combobox", name="Project").first.click()
    page.get_by_role("option", name="harbour", exact=True).click()
    settled(page)
    page.get_by_role("tab", name="Results").click()
    settled(page)


def _leaderboard(page: Page) -> str:
    return str(page.locator("[data-testid='stTable']").first.inner_text())


def test_a_copied_link_shows_the_same_in_another_browser_whatever_was_run_since(
    open_page: Open, chromium: Browser, seeded: Store
) -> None:
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    _results(page)
    page.get_by_role("combobox", name="Baseline").first.click()
    page.get_by_role("option", name="rag", exact=True).click()
    settled(page)
    page.get_by_role("button", name="Next").click()
    settled(page)
    page.get_by_text("Question 2 of 24").wait_for()
    before = _leaderboard(page)
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    _again(seeded, "rag")
    # Not by `open_page`: Streamlit's own first requests fail on addresses that name a page.
    other = chromium.new_page()
    other.goto(link)
    settled(other)
    expect(other.get_by_text("3 chosen runs on questions")).to_be_visible()
    expect(other.get_by_role("combobox", name="Project").first).to_have_value("harbour")
    expect(other.get_by_role("combobox", name="Baseline").first).to_have_value("rag")
    expect(other.get_by_text("Question 2 of 24")).to_be_visible()
    assert _leaderboard(other) == before
    other.reload()
    settled(other)
    assert _leaderboard(other) == before
    other.get_by_role("button", name="Show the current runs").click()
    expect(other.get_by_text("3 chosen runs on questions")).to_have_count(0)
    expect(other.locator("[data-testid='stTable']").first).to_contain_text("1.00")
    assert not other.get_by_test_id("stException").count()
    other.close()


def test_an_old_run_is_opened_from_all_runs(open_page: Open, seeded: Store) -> None:
    _again(seeded, "rag")
    page = open_page()
    _results(page)
    page.get_by_role("tab", name="Run", exact=True).click()
    settled(page)
    expect(page.get_by_text("Tick runs to open their results as they were")).to_be_visible()
    table = page.get_by_test_id("stDataFrame").last
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    assert box is not None
    header, row = 35, 35
    # Newest first: rag again, rag-rerank, rag, baseline.
    for place in (0, 2):
        page.mouse.click(box["x"] + 14, box["y"] + header + row * place + row / 2)
        settled(page)
    page.get_by_role("button", name="Open 2 runs").click()
    settled(page)
    expect(page.get_by_role("tab", name="Results")).to_have_attribute("aria-selected", "true")
    rows = _leaderboard(page)
    old, new = (run.id for run in sorted(seeded.runs("harbour"), key=lambda run: run.id) if run.name == "rag")
    assert f"rag (run {old})" in rows
    assert f"rag (run {new})" in rows
    assert "rag-rerank" not in rows
