"""The retrieval lab in a browser: look a question up, follow its gold chunk, answer, click the citation, share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import Document, EvaluationSet, Example, Span, fingerprint
from tests.browser.harness import settled
from tests.stub_endpoint import StubEndpoint

Open = Callable[..., Page]
TEXT = "The harbour was built in 1712.\n\nThe market closes when the first snow falls.\n\nThe railway came in 1868."


@pytest.fixture
def stub() -> Iterator[StubEndpoint]:
    with StubEndpoint("It was built in 1712 [1].") as running:
        yield running


@pytest.fixture
def seeded(home: Path, stub: StubEndpoint) -> Iterator[Store]:
    """A project with one document, one question, and two configurations on the stub endpoint."""
    store = Store.open(Settings(home=home))
    (home / "endpoints.yaml").write_text(f"stub:\n  base_url: {stub.url}\n  default_model: stub-small\n")
    store.ensure_project("harbour")
    store.save_documents("harbour", [Document("harbour.md", TEXT)])
    start = TEXT.index("1712")
    example = Example("q1", "When was the harbour built?", "1712", (Span("harbour.md", start, start + 4),))
    store.save_evaluation_set("harbour", EvaluationSet("questions", (example,)))
    for name, method in (("by meaning", "dense"), ("by both", "hybrid")):
        body = {
            "name": name,
            "model": {"endpoint": "stub"},
            "prompt": {"template": "{{ context }}\n{{ question }}"},
            "retrieval": {
                "chunking": {"size": 12},
                "embedding": {"endpoint": "stub", "model": "stub-embedding"},
                "search": {"method": method},
                "top_k": 2,
            },
        }
        store.save_configuration("harbour", name, body, fingerprint(body))
    yield store
    store.close()


def test_a_question_is_followed_answered_and_shared(seeded: Store, open_page: Open, chromium: Browser) -> None:
    page = open_page()
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Retrieval").click()
    expect(page.get_by_role("heading", name="Retrieval", exact=True)).to_be_visible()
    page.get_by_role("button", name="Look it up").click()
    expect(page.get_by_text("Every chunk through the stages").first).to_be_visible(timeout=180_000)
    settled(page)
    expect(page.get_by_text("handed over harbour.md").first).to_be_visible()
    page.get_by_role("tab", name="Prompt and answer").click()
    page.get_by_role("button", name="Answer it").first.click()
    link = page.locator(".llmopt-said a").first
    expect(link).to_have_text("[1]", timeout=180_000)
    link.click()
    cited = page.locator(".llmopt-cited:target")
    expect(cited).to_contain_text("The harbour was built in 1712.")
    expect(page.get_by_text('<passage source="harbour.md">').first).to_be_visible()
    settled(page)
    # Streamlit itself asks below the page's path first, which is a 404 in the console of a deep link.
    other = chromium.new_page()
    other.goto(page.url)
    settled(other)
    expect(other.locator(".llmopt-said").first).to_contain_text("It was built in 1712")
    other.close()
