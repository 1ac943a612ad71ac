"""A sweep in a browser: from the form to the pictures, the passage of a miss, and a saved configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import Document, EvaluationSet, Example, Span
from tests.browser.harness import settled

Open = Callable[..., Page]
TEXT = (
    "The harbour was built in 1712. Two lighthouses stand there.\n\n"
    "The market opens in spring. It closes when snow falls.\n\n"
    "A railway came in 1868. The station clock is four minutes late.\n\n"
) * 3


@pytest.fixture
def seeded(home: Path) -> Store:
    """A project with a document and questions that say where their answers stand."""
    store = Store.open(Settings(home=home))
    store.ensure_project("town")
    store.save_documents("town", [Document("town.txt", TEXT)])
    quotes = {
        "When was the harbour built?": "1712",
        "Which lighthouses?": "1712. Two lighthouses",
        "When does it close?": "snow",
        "Who came home?": "four minutes late",
    }
    examples = [
        Example(f"q{i}", question, references=(Span("town.txt", TEXT.index(q), TEXT.index(q) + len(q)),))
        for i, (question, q) in enumerate(quotes.items())
    ]
    store.save_evaluation_set("town", EvaluationSet("questions", tuple(examples)))
    return store


def test_a_sweep_from_start_to_configuration(seeded: Store, open_page: Open) -> None:
    page = open_page()
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Documents").click()
    page.get_by_role("tab", name="Sweep", exact=True).click()
    settled(page)
    page.get_by_test_id("stSelectbox").filter(has_text="Searched").get_by_role("combobox").click()
    page.get_by_role("option", name="By words (BM25)").click()
    expect(page.get_by_text("Words are matched")).to_be_visible()
    page.get_by_role("button", name="Start the sweep").click()
    expect(page.get_by_role("heading", name="Recall against what it costs")).to_be_visible(timeout=60_000)
    settled(page)
    expect(page.locator(".stPlotlyChart")).to_have_count(4)
    expect(page.get_by_text("Highest recall:")).to_be_visible()
    assert page.locator(".stPlotlyChart .points path.point").count() > 10
    expect(page.get_by_text("Where the source stands")).to_be_visible()
    expect(page.get_by_text("What was handed over")).to_be_visible()
    page.get_by_role("button", name="Save as sweep-").click()
    expect(page.get_by_text("run it on the page Evaluation").first).to_be_visible()
    (configurations,) = seeded.configurations("town")
    assert configurations.spec["retrieval"]["search"]["method"] == "bm25"
    seeded.close()
