"""A search in a browser: it goes on while the user is on another page, and its result is there afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from llmopt_core.experiments.comparison_setup import Setup, VariantSetup
from llmopt_core.models.base import ModelSpec
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import EvaluationSet, Example
from tests.browser.harness import settled
from tests.stub_endpoint import StubEndpoint

Open = Callable[..., Page]
SHOTS = [{"question": "Which colour is a guide?", "answer": "GUIDES"}, {"question": "How is snow?", "answer": "cold"}]


@pytest.fixture
def seeded(home: Path) -> Iterator[Store]:
    """Questions that are answered right where the guide is shown."""

    def reply(body: dict) -> str:
        text = "\n".join(message["content"] for message in body["messages"])
        return str(int(re.findall(r"\d+", text)[-1]) + 1) if "GUIDES" in text else "no"

    with StubEndpoint(reply) as stub:
        store = Store.open(Settings(home=home))
        (home / "endpoints.yaml").write_text(f"stub:\n  base_url: {stub.url}\n  default_model: stub-small\n")
        store.ensure_project("lab")
        examples = tuple(Example(f"q{n}", f"What follows {n * 37}?", f"{n * 37 + 1}") for n in range(16))
        store.save_evaluation_set("lab", EvaluationSet("questions", examples))
        store.save_version("lab", "prompt", "plain", {"template": "{{ question }}"})
        store.save_version("lab", "few-shot", "good", {"examples": SHOTS})
        variant = VariantSetup(prompt="plain", model=ModelSpec(endpoint="stub"))
        store.save_draft("lab", "comparison", "", Setup(variants=(variant,)).model_dump(mode="json"))
        yield store
        store.close()


def go_to(page: Page, name: str) -> None:
    page.get_by_test_id("stSidebarNavLink").filter(has_text=name).click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    settled(page)


def test_a_search_goes_on_while_the_user_is_elsewhere(seeded: Store, open_page: Open) -> None:
    page = open_page()
    go_to(page, "Prompts")
    page.get_by_role("tab", name="Few-shot").click()
    page.get_by_role("radio", name="What each is worth").or_(
        page.get_by_role("button", name="What each is worth")
    ).first.click()
    page.get_by_role("button", name="Measure", exact=True).click()
    settled(page)
    go_to(page, "Evaluation")
    go_to(page, "Prompts")
    page.get_by_role("tab", name="Few-shot").click()
    expect(page.get_by_text("▲ helps").last).to_be_visible(timeout=30_000)
    assert page.locator(".stPlotlyChart").count() == 1
    (job,) = seeded.jobs("lab")
    assert (job.kind, job.status) == ("few-shot-worth", "finished")
