"""What no page may say: Python's words for nothing, keys of files and of the code, and marks of Markdown."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.errors import EndpointError
from llmopt_core.evaluation.metrics.catalogue import METRICS
from llmopt_core.experiments.comparison import comparisons
from llmopt_core.experiments.report import report_of
from llmopt_core.experiments.result import result_of
from llmopt_core.labs.prompts.export import comparison_page
from llmopt_core.labs.prompts.grid import load_grid
from llmopt_core.models.base import ChatRequest
from llmopt_core.reporting.page import render
from llmopt_core.runs.store import Store
from llmopt_core.types import Answer, Failure, Record, Score

App = Callable[..., AppTest]
TABS = {
    "pages/overview.py": ("", ("",)),
    "pages/documents.py": ("documents_tab", ("Files", "Microscope", "Sweep", "Questions")),
    "pages/prompt_lab.py": (
        "prompts_view", ("Editor", "Few-shot", "Side by side", "Blind vote", "Instruction search"),
    ),
    "pages/retrieval_lab.py": ("retrieval_view", ("One question", "Whole set", "Leave one out", "More chunks")),
    "pages/data_questions.py": ("data_view", ("Ask", "Schema", "Ladder", "Golds")),
    "pages/evaluation.py": ("evaluation_view", ("Results", "Failures", "Run", "Configurations", "Questions")),
    "pages/finetuning_lab.py": (
        "tuning_view", ("Training data", "Lint", "Jobs", "Embedding model", "2 × 2", "Next to label"),
    ),
    "pages/settings.py": ("settings_view", ("Endpoints", "Built-in models", "Judge", "Workspace")),
}  # fmt: skip
_KEYS = "|".join(name for name in METRICS if "_" in name)
_SETTINGS = "chunking|embedding|transform|search|rerank|model|prompt|retrieval|few_shot|fact_check|checks|routing"
FORBIDDEN = re.compile(rf"\bNone\b|\bnan\b|\bNaN\b|\bNaT\b|<NA>|\b(?:{_KEYS})\b|\b(?:{_SETTINGS})\.[a-z_]+\b(?!\.)")

FORMER = re.compile(r"(?<![-\w])tun(?:e|ed|es|ing)\b|\bpreflights?\b|(?<!fact )\bchecks\b", re.IGNORECASE)
"""Words of before: it is fine-tuning, a lint of training data, an assertion on an answer."""

# Streamlit reads Markdown in these; everything else is shown as it is written.
_MARKDOWN = {"label", "help", "body", "Markdown", "Heading", "content"}
_AS_WRITTEN = ("Text", "Code")
_UNSEEN = {
    "id", "key", "icon", "type", "tag", "url", "url_path", "page", "page_script_hash", "query_string", "form_id",
    "query_param_key", "element_id", "anchor", "format", "component_name", "css_content", "js_content",
    "html_content", "language", "config", "columns", "theme", "selection_default", "deferred_file_id", "autocomplete",
    "default", "raw_value", "max_upload_size_mb", "json", "code_text", "placeholder_unit", "image_url",
}  # fmt: skip
MARKS = re.compile(r"`|\*\*|:[a-z]+(?:-[a-z]+)*\[|:material/")
"""Marks of Markdown, which nobody should read as such."""


def texts(test: AppTest) -> Iterator[tuple[str, bool]]:
    """Every text of a page, and whether Markdown is read in it: widgets, cells, charts, help, choices."""
    yield from _texts_of(test._tree)


def _texts_of(node: object) -> Iterator[tuple[str, bool]]:
    for child in getattr(node, "children", {}).values():
        if (proto := getattr(child, "proto", None)) is not None:
            yield from _element(child, proto)
        yield from _texts_of(child)


def _element(child: object, proto: object) -> Iterator[tuple[str, bool]]:
    kind = type(proto).__name__
    if kind == "PlotlyChart":
        yield from ((text, False) for text in _drawn(json.loads(proto.spec)))  # type: ignore[attr-defined]
    elif kind == "Dataframe":
        # An empty cell shows what the table says of it.
        blank = proto.placeholder if proto.HasField("placeholder") else "None"  # type: ignore[attr-defined]
        frame = child.value.astype(object)  # type: ignore[attr-defined]
        for row in frame.where(frame.notna(), blank).to_numpy().tolist():
            yield from ((str(cell), False) for cell in row)
    elif kind == "Table":
        for row in child.value.astype(object).to_numpy().tolist():  # type: ignore[attr-defined]
            yield from ((str(cell), True) for cell in row)
    elif kind not in {"Html", "BidiComponent"}:
        yield from _strings(proto, kind)


def _strings(proto: object, kind: str) -> Iterator[tuple[str, bool]]:
    for field, value in proto.ListFields():  # type: ignore[attr-defined]
        if field.name in _UNSEEN or (kind == "TextArea" and field.name == "default"):
            continue
        several = value if not isinstance(value, str) and hasattr(value, "__len__") else [value]
        plain = kind in _AS_WRITTEN or (kind in {"Selectbox", "MultiSelect"} and field.name == "options")
        for one in several:
            if isinstance(one, str):
                yield one, field.name != "placeholder" and field.name != "alt" and not plain
            elif hasattr(one, "ListFields"):
                yield from _strings(one, type(one).__name__)


def _drawn(value: object, name: str = "") -> Iterator[str]:
    """What is read in a chart; colours, links and the like are no words."""
    if isinstance(value, str):
        if name in {"text", "name", "hovertemplate", "hovertext", "texttemplate", "x", "y", "customdata", "ticktext"}:
            yield value
    elif isinstance(value, list):
        for one in value:
            yield from _drawn(one, name)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _drawn(one, key)


@pytest.fixture
def seen(used: str, store: Store) -> str:
    """The used project with a run in which some answers failed and some have no score."""
    versions = store.evaluation_sets(used)[0]
    body = {"name": "worse", "model": {"max_tokens": 8}, "prompt": {"template": "{{ question }}"}}
    store.save_configuration(used, "worse", body, "w" * 16)
    run = store.start_run(used, body, "w" * 16, evaluation_set=versions.name, set_version=versions.version,
                          judge=store.runs(used)[0].judge, metrics=("answer_f1", "hit_rate"), total=24)  # fmt: skip
    records = []
    for place, example in enumerate(store.evaluation_set(used, versions.name).examples):
        scores = {
            "answer_f1": Score("answer_f1", 0.5 if place > 9 else None, failure="" if place > 9 else "No reference."),
            "hit_rate": Score("hit_rate", None, failure="There are no retrieved chunks to judge."),
        }
        failure = Failure("answer", "timeout", "No answer in 60 seconds.") if place < 4 else None
        records.append((place, Record(example, None if failure else Answer("a"), scores={} if failure else scores,
                                      failure=failure)))  # fmt: skip
    store.save_records(run, records)
    store.finish_run(run, "finished", seconds=3.0)
    return used


@pytest.mark.parametrize(("page", "tab"), [(page, tab) for page, (_, tabs) in TABS.items() for tab in tabs])
def test_no_page_says_none_names_a_key_or_shows_marks(app: App, seen: str, page: str, tab: str) -> None:
    key = TABS[page][0]
    test = app(page, project=seen, **({key: tab} if key else {}))
    assert not test.exception
    assert not wrong_words(texts(test))


@pytest.mark.parametrize(("page", "tab"), [(page, tab) for page, (_, tabs) in TABS.items() for tab in tabs])
def test_pages_use_one_word_for_one_thing(app: App, seen: str, page: str, tab: str) -> None:
    key = TABS[page][0]
    test = app(page, project=seen, **({key: tab} if key else {}))
    assert not {text[:160] for text, _ in texts(test) if FORMER.search(text)}


def wrong_words(found: Iterable[tuple[str, bool]]) -> set[tuple[str, str]]:
    """What may not be read, each with what stands around it."""
    wrong = set()
    for text, markdown in found:
        # What is escaped is shown as it is, also where Markdown is read.
        shown = "".join(re.findall(r"\\[`*:\[]+", text)).replace("\\", "") if markdown else text
        for match in (*FORBIDDEN.finditer(text), *MARKS.finditer(shown)):
            wrong.add((match.group(), text[:160]))
    return wrong


def test_the_eye_of_these_tests_sees_all_kinds_of_text(store: Store) -> None:
    def page() -> None:
        import pandas as pd
        import plotly.graph_objects as go
        import streamlit as st

        st.text("`a` None")
        st.caption("\\`b\\` search.method")
        st.selectbox("c", ["**c**"], help="answer_f1")
        st.dataframe(pd.DataFrame({"d": ["`d`"], "e": [None]}))
        st.table(pd.DataFrame({"f": ["NaT"]}))
        st.plotly_chart(
            go.Figure(go.Bar(name="`g`", x=["nan"], y=[1], hovertemplate="**h**"), {"title": "rerank.top_n"})
        )
        st.metric("i", "nan of 3")
        st.popover("context_recall")
        st.markdown("**fine** `fine` :red[fine]", help="`fine`")

    test = AppTest.from_function(page).run()
    assert not test.exception
    assert sorted(mark for mark, _ in wrong_words(texts(test))) == sorted(
        ["`", "None", "`", "search.method", "**", "answer_f1", "`", "None", "NaT", "`", "nan", "**", "rerank.top_n",
         "nan", "context_recall"]
    )  # fmt: skip


def test_no_report_says_none_names_a_key_or_shows_marks(seen: str, store: Store) -> None:
    runs = [run.id for run in store.runs(seen)]
    _read_through(render(report_of(result_of(store, runs))))


def test_no_page_of_a_comparison_says_none_names_a_key_or_shows_marks(
    app: App, seen: str, store: Store, script: Callable[..., object]
) -> None:
    def reply(request: ChatRequest) -> str:
        if "(3)" in request.messages[-1].content:
            raise EndpointError("No answer in 60 seconds.")
        return "" if "(2)" in request.messages[-1].content else "It was 1712."

    script(reply)
    for name in ("plain", "second"):
        store.save_version(seen, "prompt", name, {"template": f"{name}: {{{{ question }}}}"})
    test = app("pages/prompt_lab.py", project=seen, prompts_view="Side by side")
    test.button(key="comparison_start").click().run()
    assert not test.exception
    assert not wrong_words(texts(test))
    (found,) = comparisons(store, seen)
    grid = load_grid(store, found, store.evaluation_set(seen, found.set_name, found.set_version).examples)
    page = comparison_page(store, found, grid)
    assert "(empty)" in page
    assert "No answer in 60 seconds." in page
    _read_through(page)


def _read_through(page: str) -> None:
    """No text of a page says what it may not, neither between its tags nor where one points at something."""
    parts = re.sub(r"<style>.*?</style>|<script>.*?</script>", " ", page, flags=re.DOTALL)
    messages = [html.unescape(part) for part in (*re.split(r"<[^>]*>", parts), *re.findall(r'title="([^"]*)"', parts))]
    assert any("harbour" in text for text in messages)
    assert not wrong_words((text, False) for text in messages)


@pytest.mark.parametrize(("page", "tab"), [(page, tab) for page, (_, tabs) in TABS.items() for tab in tabs])
def test_a_damaged_file_of_endpoints_is_a_sentence_on_every_tab(app: App, used: str, page: str, tab: str) -> None:
    (Path(os.environ["LLMOPT_HOME"]) / "endpoints.yaml").write_text("endpoints: [oops\n")
    key = TABS[page][0]
    assert not app(page, project=used, **({key: tab} if key else {})).exception


def test_why_some_have_no_score_names_metrics_as_the_tables_do(app: App, seen: str) -> None:
    text = "\n".join(part.value for part in app("pages/evaluation.py", project=seen).text)
    assert "worse: Answer F1: 6 of 20 answers not scored: No reference." in text
    assert "answer_f1" not in text


def test_tables_of_data_are_drawn_in_one_place_alone() -> None:
    folder = Path(__file__).parents[2] / "llmopt_ui"
    drawn = [path.name for path in folder.rglob("*.py") if re.search(r"\.(dataframe|data_editor)\(", path.read_text())]
    assert drawn == ["tables.py"]
