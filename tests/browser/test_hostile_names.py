"""Names that look like Markdown, HTML, LaTeX, icons, links or variables are shown as they stand, on every page."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from tests.browser.conftest import Open
from tests.browser.harness import settled
from tests.ui.hostile import HOST, seed_hostile

PAGES = {
    "Overview": ("",),
    "Documents": ("Files", "Microscope", "Sweep", "Questions"),
    "Prompts": ("Editor", "Few-shot", "Side by side", "Blind vote", "Instruction search"),
    "Retrieval": ("One question", "Whole set", "Leave one out", "More chunks"),
    "Evaluation": (
        "Results",
        "Pictures",
        "Records",
        "Head to head",
        "Judge",
        "Failures",
        "Run",
        "Configurations",
        "Questions",
    ),
    "Fine-tuning": ("Training data", "Lint", "Jobs", "Embedding model", "2 × 2", "Next to label"),
}
_LINKS = f"""() => [...document.querySelectorAll('a, img, image')].map(
  e => String(e.src || (e.href && e.href.baseVal) || e.href || e.getAttribute('xlink:href')))
  .filter(address => /^(https?:\\/\\/(www\\.)?{HOST}|mailto:)/.test(address))"""
_FORMED = """() => [...document.querySelectorAll(
  'strong, em, del, code, h1, h2, .katex, [data-testid=stIconMaterial], [class*=badge], mark')]
  .map(e => e.textContent.trim()).filter(text => /^(b|d|e|f|k|home|m|x|α)$/.test(text))"""


@pytest.mark.parametrize("title", PAGES)
def test_names_are_text(open_page: Open, home: Path, title: str) -> None:
    seed_hostile(Store.open(Settings(home=home)))
    page: Page = open_page()
    page.get_by_test_id("stSidebarNavLink").filter(has_text=title).click()
    page.get_by_role("heading", name=title, exact=True).wait_for()
    settled(page)
    for tab in PAGES[title]:
        if tab:
            page.get_by_role("tab", name=tab, exact=True).first.click()
            settled(page)
        _shows_text(page, tab)


def test_names_in_pictures_are_text(open_page: Open, home: Path) -> None:
    seed_hostile(Store.open(Settings(home=home)))
    page: Page = open_page()
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Evaluation").click()
    settled(page)
    page.get_by_role("tab", name="Pictures", exact=True).click()
    settled(page)
    for picture in ("Quality and cost", "Quality and time", "Spread", "Categories", "Over time"):
        page.get_by_role("radio", name=picture, exact=True).click()
        settled(page)
        page.locator(".js-plotly-plot").first.wait_for()
        page.get_by_text("As a table").click()
        settled(page)
        _shows_text(page, picture)


def _shows_text(page: Page, what: str) -> None:
    assert page.evaluate(_LINKS) == [], what
    assert [text for text in page.evaluate(_FORMED) if text != "k"] == [], what
    assert page.get_by_test_id("stException").count() == 0, what
    assert "should not have happened" not in page.inner_text("body"), what


def test_the_results_show_a_name_as_it_stands(open_page: Open, home: Path) -> None:
    seed_hostile(Store.open(Settings(home=home)))
    page = open_page()
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Evaluation").click()
    settled(page)
    page.get_by_role("tab", name="Results", exact=True).click()
    settled(page)
    text = page.inner_text("body").replace("\u2060", "").replace("\u00a0", " ")
    for mark in (":smile:", ":material/home:", ":red[x]", "__b__", "**d**", "$\\alpha$", "a -> b", "%{x}", "&lt;j&gt;"):
        assert mark in text, mark
