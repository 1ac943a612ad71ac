"""The microscope in a browser: a slider redraws, text stays text, and marked words become a source."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import Document, EvaluationSet, Example, Span
from tests.browser.harness import settled

Open = Callable[..., Page]
EVIL = "<img src=x onerror=\"document.title='taken'\">"
TEXT = f"😀 The harbour was built in 1712. {EVIL}\n\n" + "Every spring the market opens on the quay. " * 30


@pytest.fixture
def seeded(home: object) -> Store:
    """A project with one document and one question that knows its place."""
    store = Store.open(Settings(home=home))  # type: ignore[arg-type]
    store.ensure_project("town")
    store.save_documents("town", [Document("town.md", TEXT)])
    start = TEXT.index("built")
    example = Example("q", "When was the harbour built?", "1712", (Span("town.md", start, start + 13),))
    store.save_evaluation_set("town", EvaluationSet("questions", (example,)))
    return store


def open_tab(page: Page, name: str) -> None:
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Documents").click()
    expect(page.get_by_role("heading", name="Documents", exact=True)).to_be_visible()
    page.get_by_role("tab", name=name).click()
    settled(page)


def test_a_slider_redraws_the_chunks_and_the_text_is_only_text(seeded: Store, open_page: Open) -> None:
    page = open_page()
    open_tab(page, "Microscope")
    text = page.locator(".mic-text")
    expect(text.locator(".mic-gold")).to_have_text("built in 1712")
    expect(text.locator("b.mic-found").first).to_have_text("#1")
    before = text.locator("b, i").count()
    slider = page.locator("[data-testid=stSlider] input[type=range], [data-testid=stSlider] [tabindex='0']").first
    slider.focus()
    for _ in range(14):
        page.keyboard.press("ArrowLeft")
    page.wait_for_function(f"() => document.querySelectorAll('.mic-text b, .mic-text i').length > {before}")
    assert "".join(text.locator("span").all_inner_texts()).startswith(TEXT[:60])
    assert page.title() != "taken"
    assert text.locator("img").count() == 0
    seeded.close()


def test_marked_words_become_the_reference(seeded: Store, open_page: Open) -> None:
    page = open_page()
    open_tab(page, "Questions")
    expect(page.locator(".mic-gold")).to_have_text("built in 1712")
    page.evaluate(
        """() => {
          const spans = [...document.querySelectorAll('.mic-text span')];
          const node = spans.find((span) => span.textContent.includes('harbour')).firstChild;
          const range = document.createRange();
          const from = node.data.indexOf('The harbour');
          range.setStart(node, from);
          range.setEnd(node, from + 'The harbour was'.length);
          document.getSelection().removeAllRanges();
          document.getSelection().addRange(range);
          document.querySelector('.mic-text').dispatchEvent(new MouseEvent('mouseup', { bubbles: true }));
        }"""
    )
    expect(page.get_by_text(re.compile(r"Marked: characters 2 to 17"))).to_be_visible()
    page.get_by_role("button", name="Set as the source").click()
    expect(page.locator(".mic-gold")).to_have_text("The harbour was")
    assert seeded.evaluation_set("town", "questions").examples[0].references == (Span("town.md", 2, 17),)
    seeded.close()


def test_counters_follow_what_another_tab_has_marked(seeded: Store, open_page: Open) -> None:
    page = open_page()
    open_tab(page, "Questions")
    known = page.get_by_test_id("stMetric").filter(has_text="With a source").get_by_test_id("stMetricValue")
    expect(known).to_have_text("1")
    page.get_by_role("button", name="Clear").click()
    expect(known).to_have_text("0")
    (example,) = seeded.evaluation_set("town", "questions").examples
    result = replace(example, references=(Span("town.md", 2, 17),))
    seeded.save_evaluation_set("town", EvaluationSet("questions", (result,)))
    # Only the part below the counters is drawn by what is typed here.
    quote = page.get_by_placeholder("Found exactly or nearly")
    quote.fill("spring")
    quote.press("Enter")
    expect(known).to_have_text("1")
    expect(page.locator(".mic-gold")).to_have_text("The harbour was")
    seeded.close()
