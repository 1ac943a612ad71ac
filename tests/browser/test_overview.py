"""The overview of a project with many configurations: nothing covers another thing or is cut, and keys are enough."""

from __future__ import annotations

from itertools import combinations, pairwise
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
# Arrows are annotations, too, without a word.
_BOXES = """() => [...document.querySelectorAll('.st-key-method_map :is(.point, .annotation-text)')].filter(
  (e) => e.matches('.point') || e.textContent.trim()
).map((e) => {
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
    numbers = page.evaluate(_NUMBERS)
    assert [number.removesuffix("✗") for number in numbers] == [str(number) for number in range(1, 13)]
    assert "4✗" in numbers, "what was dropped has a cross"
    assert page.locator(".st-key-method_map .annotation-arrow-g").count() == 2
    assert [text.split()[1] for text in names] == [str(number) for number in range(1, 13)]
    assert min(page.evaluate(_CONTRASTS)) > 4.5
    assert page.evaluate(_SIDEWAYS) == []


_CUT = """() => {
  const frame = document.querySelector('.st-key-ladder .main-svg').getBoundingClientRect();
  return [...document.querySelectorAll('.st-key-ladder :is(.annotation-text, .ytick text, .gtitle)')].filter((e) => {
    const { left, right, top, bottom } = e.getBoundingClientRect();
    return left < frame.left || right > frame.right || top < frame.top || bottom > frame.bottom;
  }).map((e) => e.textContent);
}"""
_ROWS = """() => [...document.querySelectorAll('.st-key-ladder .annotation-text')].map((e) => {
  const { top, bottom } = e.getBoundingClientRect();
  return [top, bottom];
})"""


@pytest.mark.parametrize(("width", "theme"), [(820, "light"), (1440, "dark")])
def test_the_ladder_is_read_whole_and_decided_on_by_keyboard(
    many: None, open_page: Open, width: int, theme: str
) -> None:
    page = open_page(theme=theme, width=width)
    expect(page.locator(".st-key-ladder .annotation-text").first).to_be_visible()
    settled(page)
    assert page.evaluate(_CUT) == []
    rows = sorted(page.evaluate(_ROWS))
    assert len(rows) == 13
    assert all(above[1] <= below[0] + 1 for above, below in pairwise(rows))
    page.get_by_role("button", name="Drop").first.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("The verdict says")).to_be_visible()
    dialog.get_by_label("Why").fill("not worth it")
    dialog.get_by_label("Why").press("Control+Enter")
    expect(dialog).to_have_count(0)
    expect(page.locator(".st-key-ladder_rung_2").get_by_text("not worth it")).to_be_visible()
    expect(page.locator(".st-key-ladder .annotation-text").nth(1)).to_contain_text("✗ dropped")
