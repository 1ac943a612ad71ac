"""What is chosen and typed for one project is not carried to another, not even by the browser."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from tests.browser.conftest import Open
from tests.browser.harness import settled
from tests.ui.seed import seed_project


def _choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).first.click()
    page.get_by_role("option", name=option, exact=True).click()
    settled(page)


def test_another_project_starts_with_its_own_results_and_fields(open_page: Open, home: Path) -> None:
    store = Store.open(Settings(home=home))
    seed_project(store, "harbour")
    seed_project(store, "lighthouse", questions=12, runs=2)
    page = open_page()
    page.get_by_role("link", name="Evaluation").first.click()
    settled(page)
    _choose(page, "Project", "harbour")
    page.get_by_role("tab", name="Run").click()
    settled(page)
    limit = page.get_by_role("spinbutton", name="Questions at most")
    limit.fill("7")
    limit.press("Enter")
    budget = page.get_by_role("spinbutton", name="Budget (USD)")
    budget.fill("0.5")
    budget.press("Enter")
    settled(page)
    _choose(page, "Project", "lighthouse")
    expect(page.get_by_role("spinbutton", name="Questions at most")).to_have_value("")
    expect(page.get_by_role("spinbutton", name="Budget (USD)")).to_have_value("")
    page.get_by_role("tab", name="Results").click()
    settled(page)
    expect(page.get_by_text("Leaderboard", exact=True)).to_be_visible()
    _choose(page, "Baseline", "rag")
    page.get_by_role("button", name="Next").click()
    settled(page)
    assert "baseline=rag" in page.url
    assert "example=q2" in page.url
    _choose(page, "Project", "harbour")
    expect(page.get_by_text("Leaderboard", exact=True)).to_be_visible()
    page.get_by_text("Question 1 of 24").wait_for()
    address = page.url.partition("?")[2]
    assert {part.partition("=")[0] for part in address.split("&") if part} <= {"project"}


def test_open_the_results_opens_the_results_whatever_tab_was_open(open_page: Open, home: Path) -> None:
    store = Store.open(Settings(home=home))
    seed_project(store, "harbour")
    page = open_page()
    _choose(page, "Project", "harbour")
    page.get_by_role("link", name="Evaluation").first.click()
    settled(page)
    page.get_by_role("tab", name="Questions").click()
    settled(page)
    page.get_by_role("link", name="Overview").first.click()
    settled(page)
    page.get_by_role("link", name="Open the results").click()
    settled(page)
    expect(page.get_by_role("tab", name="Results")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_text("Leaderboard", exact=True)).to_be_visible()
    assert "open" not in page.url.partition("?")[2]
