"""The report in a browser: nothing is cut on a narrow screen or on paper, and paper shows what is folded."""

from __future__ import annotations

import io
from pathlib import Path

import pypdf
import pytest
from playwright.sync_api import Browser

from llmopt_core.experiments.report import write_report
from llmopt_core.reporting.comparison_page import ComparisonPage, PageCell, PageColumn, PageRow, render_comparison
from llmopt_core.reporting.votes import VotesTable

METRICS = ("faithfulness", "answer_relevancy", "context_precision", "context_recall", "answer_f1", "exact_match",
           "hit_rate", "mrr")  # fmt: skip


def run(name: str, value: float) -> dict[str, object]:
    record = {
        "example_id": "q0", "question": "Which river flows through Cologne?", "reference": "Rhine", "answer": "Elbe",
        "contexts": [{"document": "rivers.md", "start": 0, "end": 9, "text": "A folded context.", "score": 0.5}],
        "scores": {metric: {"value": value, "explanation": "said so " * 40, "failure": None} for metric in METRICS},
        "failure": None,
    }  # fmt: skip
    means = {metric: {"mean": value, "ci95": [value - 0.1, value + 0.1], "scored": 1, "total": 1} for metric in METRICS}
    return {"configuration": name, "metrics": means, "records": [record], "status": "finished", "fingerprint": "f" * 16,
            "created_at": "2026-03-09T10:00:00+00:00", "documents_version": "d" * 16}  # fmt: skip


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    names = ["baseline", *(f"a-name-of-a-configuration-that-goes-on-{n}" for n in range(11))]
    write_report({"project": "p", "runs": [run(name, 0.3 + n / 20) for n, name in enumerate(names)]}, path)
    return path


@pytest.mark.parametrize("width", [820, 680, 1440])
def test_nothing_is_cut_on_a_screen(chromium: Browser, report: Path, width: int) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 900})
    page.goto(report.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    cut = "[...document.querySelectorAll('th, td')].filter(e => e.scrollWidth > e.clientWidth + 1).length"
    assert page.evaluate(cut) == 0
    widest = "Math.max(...[...document.querySelectorAll('table, svg')].map(e => e.getBoundingClientRect().right))"
    assert page.evaluate(widest) <= width
    page.close()


def test_no_two_configurations_look_the_same_and_each_chart_names_its_axes(chromium: Browser, report: Path) -> None:
    page = chromium.new_page()
    page.goto(report.as_uri())
    fillings = """[...document.querySelectorAll('.legend .key')].map(key => {
      const style = getComputedStyle(key); return style.backgroundColor + style.backgroundImage; })"""
    assert len(set(page.evaluate(fillings))) == 12
    assert page.locator("svg").count() == page.get_by_text("Metric", exact=True).count() > 1
    charts = page.locator("svg")
    assert charts.first.locator("rect.turn").count() == 2 * 4
    assert charts.first.locator("rect.hatched").count() == 0
    page.close()


def test_no_two_columns_of_a_comparison_look_the_same(chromium: Browser, tmp_path: Path) -> None:
    columns = tuple(PageColumn(f"variant {number}", (), ()) for number in range(10))
    rows = (PageRow("r", "Question?", "", (), tuple(PageCell("Answer", (), (), "") for _ in columns)),)
    path = tmp_path / "comparison.html"
    path.write_text(render_comparison(ComparisonPage("Title", "", columns, rows)))
    page = chromium.new_page()
    page.goto(path.as_uri())
    fillings = """(place) => [...document.querySelectorAll(`${place} .key`)].map(key => {
      const style = getComputedStyle(key); return style.backgroundColor + style.backgroundImage; })"""
    heads = page.evaluate(fillings, ".head")
    assert len(set(heads)) == len(heads) == 10
    assert page.evaluate(fillings, ".cell") == heads
    page.close()


def test_paper_shows_what_is_folded(chromium: Browser, report: Path) -> None:
    page = chromium.new_page()
    page.goto(report.as_uri())
    paper = pypdf.PdfReader(io.BytesIO(page.pdf(format="A4", prefer_css_page_size=True)))
    page.close()
    text = "\n".join(sheet.extract_text() for sheet in paper.pages)
    assert text.count("A folded context.") == 12
    assert "9 March 2026" in text
    assert "Mean score" in text
    assert [round(float(side)) for side in paper.pages[0].mediabox[2:]] == [595, 842]


BROKEN_WORDS = """[...document.querySelectorAll('.votes th, .votes td:not(:first-child)')].flatMap(cell => {
  const text = [...cell.childNodes].find(node => node.nodeType === 3), broken = [];
  for (const word of text.data.matchAll(/\\S+/g)) {
    const range = document.createRange();
    range.setStart(text, word.index); range.setEnd(text, word.index + word[0].length);
    if (range.getClientRects().length > 1) broken.push(word[0]);
  }
  return broken;
})"""


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("comparison") / "comparison.html"
    names = ("brief, with a reason that goes on and on", "a-name-of-a-variant-without-any-space-in-it")
    pair = (" against ".join(names), "12 won, 3 lost, 5 tied", "80.0 % (54.8 to 93.0)", "0.0352", "cannot tell")
    columns = tuple(PageColumn(name, ("9 of 10 passed",), (("Template", "Folded words. " * 9),)) for name in names)
    cell = PageCell("An answer. " * 40, (), (), "12 tokens, 0.2 s", repeats=("A folded repeat.",))
    rows = tuple(PageRow(f"q{n}", "Which river flows through Cologne?", "Rhine", (), (cell, cell)) for n in range(9))
    path.write_text(
        render_comparison(ComparisonPage("Prompts", "compared", columns, rows, VotesTable((pair,) * 3, "9")))
    )
    return path


@pytest.mark.parametrize("width", [688, 820, 1440])
def test_words_of_the_votes_are_whole_and_nothing_is_cut(chromium: Browser, comparison: Path, width: int) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 900})
    page.emulate_media(media="print" if width < 700 else "screen")
    page.goto(comparison.as_uri())
    assert page.locator(".votes td").count() == 15
    assert page.evaluate(BROKEN_WORDS) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_paper_shows_what_is_folded_in_a_comparison(chromium: Browser, comparison: Path) -> None:
    page = chromium.new_page()
    page.goto(comparison.as_uri())
    paper = pypdf.PdfReader(io.BytesIO(page.pdf(format="A4", prefer_css_page_size=True)))
    page.close()
    text = "\n".join(sheet.extract_text() for sheet in paper.pages)
    assert text.count("A folded repeat.") == 18
    assert "Folded words." in text


@pytest.mark.parametrize("width", [688, 820, 1440])
def test_a_name_of_two_hundred_letters_is_broken_and_not_cut(chromium: Browser, tmp_path: Path, width: int) -> None:
    names = ("n" * 200, "m" * 200)
    report, comparison = tmp_path / "report.html", tmp_path / "comparison.html"
    write_report({"project": "p" * 200, "runs": [run(name, 0.3 + n / 2) for n, name in enumerate(names)]}, report)
    cell = PageCell("An answer.", (), (), "12 tokens")
    rows = (PageRow("q", "Which river flows through Cologne?", "Rhine", (), (cell, cell)),)
    columns = tuple(PageColumn(name, ("9 of 10 passed",), ()) for name in names)
    title = " against ".join(names)
    comparison.write_text(render_comparison(ComparisonPage(title, f"compared with {names[0]}.", columns, rows)))
    page = chromium.new_page(viewport={"width": width, "height": 900})
    page.emulate_media(media="print" if width < 700 else "screen")
    for path in (report, comparison):
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path.name
    page.close()
