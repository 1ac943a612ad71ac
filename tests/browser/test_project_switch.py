"""What is chosen and typed for one project is not carried to another, not even by the browser."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import Answer, EvaluationSet, Record, Score
from tests.browser.conftest import Open
from tests.browser.harness import settled
from tests.ui.seed import seed_project


def _choose(page: Page, label: str, option: str) -> None:
    field, wanted = page.get_by_role("combobox", name=label).first, page.get_by_role("option", name=option, exact=True)
    settled(page)
    field.click()
    with suppress(PlaywrightTimeout):
        wanted.wait_for(timeout=5_000)
    if not wanted.is_visible():
        # A list that was opened while the page was being drawn is closed by it.
        field.click()
    wanted.click()
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
    page.get_by_text("Question 2 of 12").wait_for()
    settled(page)
    assert "baseline=rag" in page.url
    # Whichever is the second: the most disputed come first.
    assert re.search(r"[?&]example=q\d+(&|$)", page.url)
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


def _second_set(store: Store) -> None:
    """Two configurations of harbour over six of its questions, kept as a set of its own."""
    examples = store.evaluation_set("harbour", "questions").examples[:6]
    version = store.save_evaluation_set("harbour", EvaluationSet("few", examples))
    for old in [run for run in store.runs("harbour") if run.name in {"baseline", "rag"}]:
        run = store.start_run("harbour", old.configuration, old.fingerprint, evaluation_set="few",
                              set_version=version.version, judge=old.judge, metrics=("answer_f1",),
                              total=6)  # fmt: skip
        scores = {"answer_f1": Score("answer_f1", 0.5)}
        store.save_records(run, [(i, Record(e, Answer("a"), scores=scores)) for i, e in enumerate(examples)])
        store.finish_run(run, "finished")


def test_another_set_starts_with_its_own_results_limit_and_budget(open_page: Open, home: Path) -> None:
    store = Store.open(Settings(home=home))
    seed_project(store, "harbour")
    _second_set(store)
    page = open_page()
    page.get_by_role("link", name="Evaluation").first.click()
    settled(page)
    _choose(page, "Project", "harbour")
    page.get_by_role("tab", name="Results").click()
    settled(page)
    _choose(page, "Evaluation set", "questions")
    _choose(page, "Baseline", "rag")
    page.get_by_role("button", name="Next").click()
    settled(page)
    page.get_by_text("Question 2 of 24").wait_for()
    _choose(page, "Evaluation set", "few")
    page.get_by_text("Question 1 of 6").wait_for()
    expect(page.get_by_role("combobox", name="Baseline")).to_have_value("baseline")
    assert "example=" not in page.url
    _choose(page, "Evaluation set", "questions")
    page.get_by_text("Question 1 of 24").wait_for()
    expect(page.get_by_text("rag-rerank").first).to_be_visible()
    page.get_by_role("tab", name="Run", exact=True).click()
    settled(page)
    _choose(page, "Evaluation set", "questions (24 questions)")
    limit = page.get_by_role("spinbutton", name="Questions at most")
    budget = page.get_by_role("spinbutton", name="Budget (USD)")
    limit.fill("7")
    limit.press("Enter")
    budget.fill("0.5")
    budget.press("Enter")
    settled(page)
    _choose(page, "Evaluation set", "few (6 questions)")
    expect(limit).to_have_value("")
    expect(budget).to_have_value("")
    _choose(page, "Evaluation set", "questions (24 questions)")
    expect(limit).to_have_value("7")
    expect(budget).to_have_value("0.5")


def test_two_tabs_and_a_reload_keep_to_their_projects(chromium: Browser, app: str, home: Path) -> None:
    store = Store.open(Settings(home=home))
    seed_project(store, "harbour")
    seed_project(store, "lighthouse", questions=12, runs=2)
    projects = ("harbour", "lighthouse")
    tabs = [chromium.new_page(viewport={"width": 1440, "height": 1000}) for _ in projects]
    one, two = tabs
    for page, name in zip(tabs, projects, strict=True):
        page.goto(f"{app}/evaluate?project={name}")
        settled(page)
    one.get_by_role("button", name="Next").click()
    settled(one)
    for _ in range(2):
        expect(one.get_by_text("Question 2 of 24")).to_be_visible()
        expect(two.get_by_text("Question 1 of 12")).to_be_visible()
        for page, name in zip(tabs, projects, strict=True):
            expect(page.get_by_role("combobox", name="Project").first).to_have_value(name)
            page.reload()
            settled(page)
    _choose(one, "Project", "lighthouse")
    expect(one.get_by_text("Question 1 of 12")).to_be_visible()
    _choose(one, "Project", "harbour")
    expect(one.get_by_text("Question 1 of 24")).to_be_visible()
    for page in tabs:
        assert not page.get_by_test_id("stException").count()
        page.close()
