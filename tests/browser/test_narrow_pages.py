"""Every page and tab of a used project: nothing is cut or scrolls sideways, plot tools lie over nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from llmopt_core.evaluation.judge_agreement import JUDGE
from llmopt_core.experiments.versions.prompts import save_prompt
from llmopt_core.finetuning.data.examples import TrainingSet
from llmopt_core.finetuning.jobs.job import JobRequest
from llmopt_core.finetuning.jobs.new_folder import new_folder
from llmopt_core.labs.finetuning.sources import sample_training
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import Document, EvaluationSet, Example, Failure, Record, Span
from tests.browser.conftest import Open
from tests.browser.drawn_cells import WATCH, cut_cells
from tests.browser.harness import settled
from tests.browser.test_hostile_names import PAGES
from tests.ui.seed import METRICS, seed_project

TABS = {**PAGES, "Settings": ("Endpoints", "Built-in models", "Judge", "Workspace")}
QUESTION = "What do boats from the islands bring to the market that opens on the quay every spring?"
LONG = "a-name-without-any-space-" * 4
TO_READ = "Where a cell is not shown whole, double-click it to read all of it."
_SIDEWAYS = """() => {
  const main = document.querySelector('[data-testid="stMain"]'), found = [];
  for (const e of [document.documentElement, main])
    if (e.scrollWidth > e.clientWidth) found.push(`${e.tagName} by ${e.scrollWidth - e.clientWidth}`);
  for (const e of main.querySelectorAll('.dvn-scroller, [data-testid="stTable"], [data-testid="stTable"] *'))
    if (e.offsetParent && /auto|scroll/.test(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth + 1)
      found.push(`a table by ${e.scrollWidth - e.clientWidth}: ${e.innerText.slice(0, 40)}`);
  return found;
}"""
_COVERED = """() => [...document.querySelectorAll('.stPlotlyChart')].flatMap((chart) => {
  const bar = chart.querySelector('.modebar-btn') && chart.querySelector('.modebar').getBoundingClientRect();
  if (!bar || !chart.offsetParent) return [];
  const texts = chart.querySelectorAll('.legend, .gtitle, .annotation, .cbtitle, .plot .text, .bartext, .nsewdrag');
  return [...texts].filter((text) => {
    const box = text.getBoundingClientRect();
    return box.right > bar.left && box.left < bar.right && box.bottom > bar.top && box.top < bar.bottom;
  }).map((text) => `${text.getAttribute('class')}: ${text.textContent.slice(0, 30)}`);
})"""

_OVER_ICONS = """() => [...document.querySelectorAll('[data-testid="stMetricLabel"]')].flatMap((label) => {
  const icon = label.querySelector('svg')?.getBoundingClientRect(), text = label.querySelector('p');
  if (!icon || !text || !label.offsetParent) return [];
  return text.getBoundingClientRect().right > icon.left + 1 ? [`${text.textContent} lies over its help`] : [];
})"""


_CUT_CHOICES = """() => {
  const main = document.querySelector('[data-testid="stMain"]'), found = [];
  for (const e of main.querySelectorAll('[data-testid="stSelectbox"] input[role="combobox"]')) {
    if (!e.offsetParent || e.scrollWidth <= e.clientWidth + 1) continue;
    const box = e.parentElement;
    if (box.dataset.choice !== e.value) found.push(e.value);
    else if (box.scrollHeight > box.clientHeight + 1) found.push(`${e.value} in its lines`);
  }
  const tags = '[data-testid="stMultiSelectTagsContainer"] span, [data-testid="stButtonGroup"] :is(button, button *)';
  for (const e of main.querySelectorAll(tags))
    if (e.offsetParent && getComputedStyle(e).overflowX !== 'visible' && e.scrollWidth > e.clientWidth + 1)
      found.push(e.textContent);
  return found;
}"""


@pytest.fixture
def used(home: Path) -> None:
    """The used project, and endpoints with long names and prices."""
    store = Store.open(Settings(home=home))
    name = seed_project(store)
    body = {"name": LONG, "model": {"name": LONG}, "prompt": {"template": "{{ question }}"}}
    store.save_configuration(name, LONG, body, "e" * 16)
    store.save_documents(name, [Document("annual_report_of_the_harbour_authority_2025.md", "Text.")])
    source = (Span("annual_report_of_the_harbour_authority_2025.md", 0, 4),)
    examples = tuple(Example(f"annual_report-question-{n}", f"{QUESTION} ({n})", "Wool", source) for n in range(24))
    version = store.save_evaluation_set(name, EvaluationSet("annual-report-questions", examples))
    run = store.start_run(name, body, "e" * 16, evaluation_set=version.name, set_version=version.version,
                          judge=JUDGE, metrics=METRICS, total=24)  # fmt: skip
    failure = Failure("answer", "timeout", "No answer in 60 seconds.")
    store.save_records(run, [(n, Record(one, failure=failure)) for n, one in enumerate(examples[:19])])
    store.finish_run(run, "cancelled", seconds=100.0)
    store.close()
    request = JobRequest(name=LONG[:40], hyperparameters={"epochs": 3, "text_format": "completion"})
    training = TrainingSet("harbour v1", tuple(sample_training("validation")))
    new_folder(Settings(home=home), request, "lora", training, training).update_state(
        status="interrupted", step=4, total_steps=40, started_at=1_800_000_000.0, finished_at=1_800_000_500.0
    )
    price = "{prompt: 0.15, completion: 0.6}"
    (home / "endpoints.yaml").write_text(
        f"azure: {{base_url: 'https://{LONG[:60]}x.example/v1', prices: {{{LONG}: {price}, '*': {price}}}}}\n"
        f"{LONG[:90]}: {{base_url: 'http://127.0.0.1:9/v1/{LONG * 2}'}}\n"
    )


def go_to(page: Page, title: str) -> None:
    link = page.get_by_test_id("stSidebarNavLink").filter(has_text=title)
    if page.get_by_test_id("stSidebar").get_attribute("data-collapsed") == "true":
        page.get_by_test_id("stExpandSidebarButton").click()
    link.click()
    expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
    settled(page)


@pytest.mark.parametrize("width", [820, 1024, 1440])
def test_no_cell_of_a_table_is_cut(used: None, open_page: Open, width: int) -> None:
    page = open_page(width=width, script=WATCH)
    wrong = {}
    tables = 0
    for title, tabs in TABS.items():
        go_to(page, title)
        for tab in tabs:
            if tab:
                page.get_by_role("tab", name=tab, exact=True).first.click()
                settled(page)
            cut = cut_cells(page)
            tables += page.get_by_test_id("stDataFrame").filter(visible=True).count()
            if any(len(text) <= len(LONG) for text in cut) or (
                cut and not page.get_by_text(TO_READ).first.is_visible()
            ):
                wrong[title, tab] = cut
    assert not wrong
    assert tables >= 5


@pytest.mark.parametrize("width", [820, 1024, 1440])
def test_nothing_scrolls_sideways_and_plot_tools_lie_over_nothing(used: None, open_page: Open, width: int) -> None:
    page = open_page(width=width)
    wrong = {}
    charts = 0
    for title, tabs in TABS.items():
        go_to(page, title)
        for tab in tabs:
            if tab:
                page.get_by_role("tab", name=tab, exact=True).first.click()
                settled(page)
            charts += page.locator(".stPlotlyChart .modebar-btn").count()
            matches = [*page.evaluate(_SIDEWAYS), *page.evaluate(_COVERED), *page.evaluate(_OVER_ICONS)]
            if matches:
                wrong[title, tab] = matches
    assert not wrong
    assert charts


@pytest.mark.parametrize("width", [820, 1024, 1440])
def test_no_choice_is_cut(used: None, home: Path, open_page: Open, width: int) -> None:
    store = Store.open(Settings(home=home))
    project = store.projects()[0]
    for name in ("brief, with a reason for each of the answers", LONG):
        save_prompt(store, project, name, PromptSpec(template="{{ question }}"))
    store.close()
    page = open_page(width=width)
    wrong = {}
    for title, tabs in TABS.items():
        go_to(page, title)
        for tab in tabs:
            if tab:
                page.get_by_role("tab", name=tab, exact=True).first.click()
                settled(page)
            if matches := page.evaluate(_CUT_CHOICES):
                wrong[title, tab] = matches
    assert not wrong
    go_to(page, "Prompts")
    page.get_by_role("tab", name="Side by side", exact=True).click()
    prompt = page.get_by_role("combobox", name="Prompt", exact=True).filter(visible=True).last
    expect(prompt).to_have_value(f"{LONG} (newest, v1)")
    # Its list shows each name with its version, and is closed by what is chosen.
    prompt.click()
    page.get_by_role("option", name=f"{LONG} v1", exact=True).click()
    settled(page)
    expect(prompt.locator("..")).to_have_attribute("data-choice", f"{LONG} v1")
    prompt.click()
    page.get_by_role("option", name="brief, with a reason for each of the answers v1", exact=True).click()
    settled(page)
    assert page.evaluate(_CUT_CHOICES) == []


def test_plot_tools_are_whole_also_in_full_screen(used: None, open_page: Open) -> None:
    page = open_page()
    go_to(page, "Evaluation")
    chart = page.locator(".stPlotlyChart").filter(visible=True).first
    chart.hover()
    chart.locator(".modebar-btn").last.click()
    settled(page)
    box = chart.locator(".modebar").bounding_box()
    assert box
    assert box["y"] >= 0
    assert page.evaluate(_COVERED) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_focus_is_seen_on_menu_and_tabs(used: None, open_page: Open, theme: str) -> None:
    page = open_page(theme)
    go_to(page, "Documents")
    outline = (
        "e => { const s = getComputedStyle(e); return [s.outlineStyle, parseFloat(s.outlineWidth), s.outlineColor]; }"
    )
    page.locator("body").press("Tab")
    values = {}
    for _ in range(30):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        name = focused.get_attribute("data-testid") or ""
        if name in ("stSidebarNavLink", "stTab"):
            values[name] = focused.evaluate(outline)
        if len(values) == 2:
            break
    assert set(values) == {"stSidebarNavLink", "stTab"}
    for style, wide, colour in values.values():
        assert (style, wide) == ("solid", 2)
        assert not colour.endswith(", 0)")
