"""The prompt lab in a browser: what is typed is not lost; a comparison streams in, is filtered, and has an address."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from llmopt_core.experiments.comparison_setup import Setup, VariantSetup
from llmopt_core.models.base import ModelSpec
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import EvaluationSet, Example
from tests.browser.harness import settled
from tests.stub_endpoint import StubEndpoint

Open = Callable[..., Page]
ROWS = 12


@pytest.fixture
def stub() -> Iterator[StubEndpoint]:
    def reply(body: dict) -> str:
        text = body["messages"][-1]["content"]
        number = int(re.findall(r"\d+", text)[0])
        if "Be brief" in text and number % 3 == 0:
            return "<script>document.title='taken'</script> the **short** answer to it"
        return "the same answer to it"

    with StubEndpoint(reply) as running:
        running.stream_pause = 0.02
        yield running


@pytest.fixture
def seeded(home: Path, stub: StubEndpoint) -> Iterator[Store]:
    """A project with two prompts, twelve questions, and a comparison set up on the stub endpoint."""
    store = Store.open(Settings(home=home))
    (home / "endpoints.yaml").write_text(
        f"stub:\n  base_url: {stub.url}\n  default_model: stub-small\n  prices: {{'*': {{prompt: 1, completion: 2}}}}\n"
    )
    store.ensure_project("lab")
    examples = tuple(Example(f"q{n}", f"What about number {n}?", "the same") for n in range(1, ROWS + 1))
    store.save_evaluation_set("lab", EvaluationSet("questions", examples))
    for name, template in (("plain", "{{ question }}"), ("brief", "Be brief. {{ question }}")):
        store.save_version("lab", "prompt", name, {"template": template})
    variants = tuple(VariantSetup(prompt=name, model=ModelSpec(endpoint="stub")) for name in ("plain", "brief"))
    setup = Setup(
        variants=variants, set_name="questions", take="all", check_rows=({"type": "contains", "value": "same"},)
    )
    store.save_draft("lab", "comparison", "", setup.model_dump(mode="json"))
    yield store
    store.close()


def open_prompts(page: Page) -> None:
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Prompts").click()
    expect(page.get_by_role("heading", name="Prompts", exact=True)).to_be_visible()
    settled(page)


def test_what_is_typed_survives_a_closed_tab(seeded: Store, open_page: Open) -> None:
    page = open_page()
    open_prompts(page)
    page.get_by_label("System").click()
    page.keyboard.type("Answer like a lighthouse keeper", delay=5)
    page.wait_for_timeout(1500)
    page.goto("about:blank")
    assert "lighthouse keeper" in seeded.draft("lab", "prompt", "plain")["system"]


def test_what_was_saved_or_restored_is_shown(seeded: Store, open_page: Open) -> None:
    page = open_page()
    open_prompts(page)
    page.get_by_label("System").fill("Answer like a lighthouse keeper")
    expect(page.get_by_text("Not saved as a version yet")).to_be_visible()
    page.get_by_role("button", name="Save version").click()
    expect(page.get_by_text("Saved as version 2.", exact=True)).to_be_visible()
    settled(page)
    expect(page.get_by_label("System")).to_have_value("Answer like a lighthouse keeper")
    page.get_by_role("button", name="Restore").last.click()
    expect(page.get_by_text("Saved as version 3.", exact=True)).to_be_visible()
    settled(page)
    expect(page.get_by_label("System")).to_have_value("")


def test_typing_goes_on_undisturbed_while_drafts_are_kept(seeded: Store, open_page: Open) -> None:
    page = open_page()
    open_prompts(page)
    text = "Answer in one sentence, and say where it stands. " * 3
    page.get_by_label("System").click()
    page.keyboard.type(text, delay=25)
    expect(page.get_by_label("System")).to_have_value(text)
    expect(page.get_by_text("Not saved as a version yet")).to_be_visible()
    expect(page.get_by_text("Answer in one sentence").first).to_be_visible()


def test_a_comparison_streams_in_is_filtered_and_is_in_the_address(
    seeded: Store, stub: StubEndpoint, open_page: Open, chromium: Browser
) -> None:
    page = open_page()
    open_prompts(page)
    page.get_by_role("tab", name="Side by side").click()
    expect(page.get_by_text("24 answers")).to_be_visible(timeout=60_000)
    # The answers wait until the page has been seen at work, however slow the machine is.
    stub.stream_pause = 2.0
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_role("button", name="Cancel").first).to_be_visible(timeout=30_000)
    stub.stream_pause = 0.02
    expect(page.get_by_text("Add a variant")).to_have_count(0)
    expect(page.get_by_text("12 of 12 passed").first).to_be_visible(timeout=60_000)
    expect(page.get_by_text("8 of 12 passed")).to_be_visible()
    settled(page)
    expect(page.get_by_text("<script>document.title='taken'</script>").first).to_be_visible()
    assert page.title() != "taken"
    # Marks come when they are asked for.
    assert page.locator(".llmopt-text ins").count() == 0
    page.get_by_text("Mark differences").click()
    settled(page)
    assert page.locator(".llmopt-text ins").count() > 0
    page.get_by_role("radio", name=re.compile("Different")).or_(page.get_by_text("Different (4)")).first.click()
    settled(page)
    expect(page.locator(".llmopt-answer")).to_have_count(8)
    assert "show=different" in page.url
    assert "comparison=" in page.url
    # Streamlit itself asks below the page's path first, which is a 404 in the console of a deep link.
    other = chromium.new_page()
    other.goto(page.url)
    settled(other)
    expect(other.locator(".llmopt-answer")).to_have_count(8)
    other.close()
