"""Two tabs at one question: what is typed is saved or told, even where the other tab gave the question another name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import Document, EvaluationSet, Example
from tests.browser.harness import settled

Open = Callable[..., Page]


def test_two_tabs_at_one_question(open_page: Open, app: str, home: Path) -> None:
    store = Store.open(Settings(home=home))
    project = store.create_project("Tabs")
    store.save_documents(project, [Document("town.txt", "港口建于1712年。")])
    store.save_evaluation_set(project, EvaluationSet("set", (Example("q1", "港口建于何时?", "1712"),)))
    one, other = open_page(), open_page()
    for page in (one, other):
        _open_question(page, app)
    _save(other, "When was it <b>built</b>?")
    _save(one, "Since when is there a harbour?")
    expect(one.get_by_text("This question was changed elsewhere")).to_contain_text("When was it <b>built</b>?")
    expect(one.get_by_label("What is asked", exact=True)).to_have_value("Since when is there a harbour?")
    one.get_by_role("button", name="Save the question").click()
    expect(one.get_by_text("set: question q1 saved.")).to_be_visible()
    assert store.evaluation_set("Tabs", "set").examples[0].question == "Since when is there a harbour?"
    expect(one.get_by_text("town.txt, characters 4 to 8")).to_be_visible()
    store.close()


def _open_question(page: Page, app: str, label: str = "") -> None:
    page.goto(f"{app}/?project=Tabs")
    settled(page)
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Documents").click()
    settled(page)
    page.get_by_role("tab", name="Questions").click()
    settled(page)
    page.get_by_text("One by one", exact=True).click()
    settled(page)
    page.get_by_label("Question", exact=True).click()
    (page.get_by_role("option", name=label) if label else page.get_by_role("option").nth(1)).click()
    settled(page)


def _save(page: Page, text: str) -> None:
    page.get_by_label("What is asked", exact=True).fill(text)
    page.get_by_role("button", name="Save the question").click()
    settled(page)


def test_a_question_that_is_being_typed_survives_a_closed_browser(open_page: Open, app: str, home: Path) -> None:
    store = Store.open(Settings(home=home))
    project = store.create_project("Tabs")
    store.save_documents(project, [Document("town.txt", "The harbour was built in 1712.")])
    store.save_evaluation_set(project, EvaluationSet("set", (Example("q1", "When?", "1712"), Example("q2", "Who?"))))
    page = open_page()
    _open_question(page, app)
    page.get_by_label("What is asked", exact=True).click()
    page.keyboard.press("End")
    page.keyboard.type(" In which year, exactly?", delay=15)
    expect(page.get_by_role("button", name="Discard what was typed")).to_be_visible()
    page.goto("about:blank")
    page = open_page()
    _open_question(page, app, "New question")
    expect(page.get_by_text("Typed and not saved yet: When?")).to_be_visible()
    page.get_by_label("Reference answers, one on each line", exact=True).click()
    page.keyboard.type("The duke", delay=15)
    expect(page.get_by_role("button", name="Discard what was typed")).to_be_visible()
    page.goto("about:blank")
    page = open_page()
    _open_question(page, app)
    expect(page.get_by_label("What is asked", exact=True)).to_have_value("When? In which year, exactly?")
    expect(page.get_by_text("Typed and not saved yet: a new question")).to_be_visible()
    page.get_by_role("button", name="Save the question").click()
    expect(page.get_by_text("set: question q1 saved.")).to_be_visible()
    assert store.evaluation_set("Tabs", "set").examples[0].question == "When? In which year, exactly?"
    assert store.draft_names("Tabs", "question") == ["set\n"]
    store.close()
