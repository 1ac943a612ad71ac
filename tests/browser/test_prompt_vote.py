"""A blind vote in a browser: one key per question, names only at the end, preference pairs to take away."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from llmopt_core.experiments.comparison import comparisons, new_id, start_comparison
from llmopt_core.experiments.comparison_plan import ComparisonPlan
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import Answer, EvaluationSet, Example, Message, Record
from tests.browser.harness import settled

Open = Callable[..., Page]
ROWS = 4


@pytest.fixture
def compared(home: Path) -> Iterator[Store]:
    """A project with a finished comparison: `curt` answers in a word, `wordy` in a sentence."""
    store = Store.open(Settings(home=home))
    store.ensure_project("lab")
    rows = EvaluationSet("questions", tuple(Example(f"q{n}", f"How many is {n}?", str(n)) for n in range(ROWS)))
    variants = tuple(
        Configuration.model_validate({"name": name, "prompt": {"template": "{{ question }}"}})
        for name in ("curt", "wordy")
    )
    comparison = start_comparison(store, ComparisonPlan("lab", variants, rows), new_id())
    for (run,), said in zip(comparison.runs, ("{0}", "It is {0}, as far as I know."), strict=True):
        for place, example in enumerate(rows.examples):
            answer = Answer(said.format(place), prompt=(Message("user", example.question),))
            store.save_records(run.id, [(place, Record(example, answer))])
        store.finish_run(run.id, "finished")
    yield store
    store.close()


def test_one_key_votes_and_names_come_at_the_end(compared: Store, open_page: Open) -> None:
    page = open_page()
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Prompts").click()
    page.get_by_role("tab", name="Blind vote").click()
    page.get_by_role("textbox", name="Your name").fill("me")
    page.get_by_role("textbox", name="Your name").press("Enter")
    expect(page.get_by_text("Voting as me")).to_be_visible()
    for done in range(ROWS):
        expect(page.get_by_text(f"{done} of {ROWS} questions done")).to_be_visible()
        settled(page)
        answers = page.locator(".llmopt-answer").all_inner_texts()
        assert len(answers) == 2
        assert "wordy" not in page.get_by_test_id("stMain").inner_text()
        page.keyboard.press(str(1 + next(place for place, text in enumerate(answers) if len(text) == 1)))
    expect(page.get_by_text("What the votes say")).to_be_visible()
    (found,) = comparisons(compared, "lab")
    assert [vote.choice for vote in compared.votes("lab", found.id)] == ["first"] * ROWS
    expect(page.get_by_text("curt against wordy").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name=f"{ROWS} preference pairs to train on").click()
    lines = [json.loads(line) for line in download.value.path().read_text().splitlines()]
    assert {line["preferred_output"][0]["content"] for line in lines} == {str(n) for n in range(ROWS)}
    page.keyboard.press("b")
    expect(page.get_by_text(f"{ROWS - 1} of {ROWS} questions done")).to_be_visible()


def test_a_guest_by_link_sees_no_result_before_the_vote(compared: Store, open_page: Open, chromium: Browser) -> None:
    (found,) = comparisons(compared, "lab")
    host = open_page()
    host.get_by_test_id("stSidebarNavLink").filter(has_text="Prompts").click()
    host.get_by_role("tab", name="Blind vote").click()
    host.context.grant_permissions(["clipboard-read", "clipboard-write"])
    host.get_by_role("button", name="Copy link").click()
    expect(host.get_by_role("button", name="Copied")).to_be_visible()
    link = host.evaluate("navigator.clipboard.readText()")
    assert f"guest={found.id}" in link

    page = chromium.new_page()
    page.goto(link)
    expect(page.get_by_text("Who votes?")).to_be_visible()
    for tab in ("Editor", "Side by side"):
        page.get_by_role("tab", name=tab).click()
        # The panel of the tab before keeps its words until this one is drawn.
        expect(page.get_by_role("tabpanel", name=tab).get_by_text("Your vote comes first")).to_be_visible()
    settled(page)
    assert "wordy" not in page.get_by_test_id("stMain").inner_text()
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Evaluation").click()
    expect(page.get_by_text("Your vote comes first")).to_be_visible()
    expect(page).to_have_url(re.compile(f"guest={found.id}"))
    page.reload()
    expect(page.get_by_text("Your vote comes first")).to_be_visible()
    page.get_by_role("button", name="Go to the vote").click()
    page.get_by_role("textbox", name="Your name").fill("guest")
    page.get_by_role("textbox", name="Your name").press("Enter")
    for done in range(ROWS):
        expect(page.get_by_text(f"{done} of {ROWS} questions done")).to_be_visible()
        settled(page)
        page.keyboard.press("1")
    expect(page.get_by_text("What the votes say")).to_be_visible()
    page.get_by_role("tab", name="Side by side").click()
    expect(page.get_by_role("button", name="Import from promptfoo")).to_be_visible()
    expect(page.get_by_text("Your vote comes first")).to_have_count(0)
    page.close()


def _name(page: Page, name: str) -> None:
    page.get_by_role("textbox", name="Your name").fill(name)
    page.get_by_role("textbox", name="Your name").press("Enter")


def test_a_guest_is_known_after_a_reload_and_others_by_the_same_link_are_not(
    compared: Store, open_page: Open, chromium: Browser
) -> None:
    (found,) = comparisons(compared, "lab")
    link = f"{open_page().url.split('?')[0]}prompts?project=lab&open=Blind+vote&guest={found.id}"
    ours, theirs = chromium.new_context(), chromium.new_context()
    page, other = ours.new_page(), theirs.new_page()
    page.goto(link)
    _name(page, "Zoë; the <b>")
    expect(page.get_by_text(f"0 of {ROWS} questions done")).to_be_visible()
    settled(page)
    page.keyboard.press("1")
    expect(page.get_by_text(f"1 of {ROWS} questions done")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Voting as Zoë; the <b>")).to_be_visible()
    expect(page.get_by_text(f"1 of {ROWS} questions done")).to_be_visible()
    page.get_by_role("button", name="End here and see the result").click()
    expect(page.get_by_text("What the votes say")).to_be_visible()
    settled(page)
    page.reload()
    expect(page.get_by_text("What the votes say")).to_be_visible()
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Evaluation").click()
    settled(page)
    expect(page.get_by_text("Your vote comes first")).to_have_count(0)

    other.goto(page.url)
    expect(other.get_by_text("Your vote comes first")).to_be_visible()
    other.get_by_role("button", name="Go to the vote").click()
    _name(other, "zoë; the <b>")
    expect(other.get_by_text("has voted on 1 question")).to_be_visible()
    expect(other.get_by_text("What the votes say")).to_have_count(0)
    other.go_back()
    settled(other)
    expect(other.get_by_text("Your vote comes first")).to_be_visible()

    page.get_by_test_id("stSidebarNavLink").filter(has_text="Prompts").click()
    page.get_by_role("tab", name="Blind vote").click()
    page.get_by_role("button", name="Somebody else votes").click()
    settled(page)
    page.reload()
    expect(page.get_by_text("Who votes?")).to_be_visible()
    ours.close()
    theirs.close()
