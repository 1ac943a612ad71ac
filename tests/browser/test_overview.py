"""The overview of a project with many configurations: no mark of the map covers another or a word, no table is cut."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from playwright.sync_api import expect

from llmopt_core.evaluation.judge_agreement import JUDGE
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import Answer, Record, Score, Usage
from tests.browser.conftest import Open
from tests.browser.harness import settled
from tests.browser.test_narrow_pages import _SIDEWAYS
from tests.ui.seed import METRICS, seed_project

LONG = "gpt-4o-mini-with-examples-of-support-answers-top_k=5-chunk=400-hybrid-rrf-rerank"
_BOXES = """() => [...document.querySelectorAll('.st-key-method_map :is(.point, .annotation-text)')].map((e) => {
  const { left, right, top, bottom } = e.getBoundingClientRect();
  return { left, right, top, bottom, text: e.textContent };
})"""
_NUMBERS = """() => [...document.querySelectorAll('.st-key-method_map .textpoint text')].map((e) => e.textContent)"""
_CONTRASTS = """() => {
  const light = (colour) => colour.match(/\\d+/g).slice(0, 3).map((part) => part / 255)
    .map((part) => (part <= 0.04 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const marks = [...document.querySelectorAll('.st-key-method_map .point')];
  return [...document.querySelectorAll('.st-key-method_map .textpoint text')].map((text, at) => {
    const [a, b] = [light(getComputedStyle(text).fill), light(getComputedStyle(marks[at]).fill)];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  });
}"""


@pytest.fixture
def many(home: Path) -> None:
    """Twelve configurations, the last with a long name and a price, run over the same questions."""
    store = Store.open(Settings(home=home))
    name = seed_project(store, runs=11)
    saved = store.evaluation_sets(name)[0]
    examples = store.evaluation_set(name, saved.name).examples
    body = {"name": LONG, "model": {"name": LONG}, "prompt": {"template": "{{ question }}"}}
    store.save_configuration(name, LONG, body, "e" * 16)
    run = store.start_run(name, body, "e" * 16, evaluation_set=saved.name, set_version=saved.version,
                          judge=JUDGE, metrics=METRICS, total=len(examples))  # fmt: skip
    scores = {metric: Score(metric, 0.5) for metric in METRICS}
    usage = Usage(20_000, 2, 0.0019, 1)
    answered = [Record(one, Answer("a", usage=usage), scores=scores, usage=usage, seconds=123.0) for one in examples]
    store.save_records(run, list(enumerate(answered)))
    store.finish_run(run, "finished", seconds=100.0)
    store.close()


@pytest.mark.parametrize(("width", "theme"), [(820, "dark"), (1024, "light"), (1440, "dark")])
def test_marks_of_the_map_cover_nothing_and_are_named_below(
    many: None, open_page: Open, width: int, theme: str
) -> None:
    page = open_page(theme=theme, width=width)
    expect(page.get_by_text("Two directions")).to_be_visible()
    settled(page)
    boxes = page.evaluate(_BOXES)
    assert len(boxes) == 12 + 4
    for one, other in combinations(boxes, 2):
        beside = one["right"] <= other["left"] or other["right"] <= one["left"]
        assert beside or one["bottom"] <= other["top"] or other["bottom"] <= one["top"], (one, other)
    names = page.locator(".st-key-map_names [data-testid='stMarkdown']").all_inner_texts()
    assert page.evaluate(_NUMBERS) == [str(number) for number in range(1, 13)]
    assert [text.split()[1] for text in names] == [str(number) for number in range(1, 13)]
    assert min(page.evaluate(_CONTRASTS)) > 4.5
    assert page.evaluate(_SIDEWAYS) == []
