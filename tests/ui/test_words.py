"""What no page may say: Python's words for nothing, keys of files and of the code, and marks of Markdown."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.evaluation.metrics.catalogue import METRICS
from llmopt_core.runs.store import Store
from llmopt_core.text.csv_text import csv_text
from llmopt_core.types import Answer, Failure, Record, Score

App = Callable[..., AppTest]
TABS = {
    "pages/overview.py": ("", ("",)),
    "pages/documents.py": ("documents_tab", ("Files", "Microscope", "Sweep", "Questions")),
    "pages/prompt_lab.py": (
        "prompts_view", ("Editor", "Few-shot", "Side by side", "Blind vote", "Instruction search"),
    ),
    "pages/retrieval_lab.py": ("retrieval_view", ("One question", "Whole set", "Leave one out", "More chunks")),
    "pages/evaluation.py": ("evaluation_view", ("Results", "Run", "Configurations", "Questions")),
    "pages/finetuning_lab.py": (
        "tuning_view", ("Training data", "Checks", "Jobs", "Embedding model", "2 × 2", "Next to label"),
    ),
    "pages/settings.py": ("settings_view", ("Endpoints", "Built-in models", "Judge", "Workspace")),
}  # fmt: skip
_KEYS = "|".join(name for name in METRICS if "_" in name)
_SETTINGS = "chunking|embedding|transform|search|rerank|model|prompt|retrieval"
FORBIDDEN = re.compile(rf"\bNone\b|\bnan\b|\bNaN\b|\b(?:{_KEYS})\b|\b(?:{_SETTINGS})\.[a-z_]+\b(?!\.)")


def said(test: AppTest) -> Iterator[str]:
    """Every text of a page: headings, text, labels, choices, cells, and what stands in empty fields."""
    for part in (*test.title, *test.subheader, *test.caption, *test.markdown, *test.text, *test.metric):
        yield f"{getattr(part, 'label', '')} {part.value}"
    for widget in (
        *test.selectbox,
        *test.multiselect,
        *test.number_input,
        *test.text_input,
        *test.button,
        *test.toggle,
    ):
        yield " ".join([str(widget.label), *getattr(widget, "options", ()), getattr(widget.proto, "placeholder", "")])
    for table in test.table:
        yield table.value.to_csv(na_rep="None")
    for table in test.dataframe:
        # An empty cell shows what the table says of it.
        blank = table.proto.placeholder if table.proto.HasField("placeholder") else "None"
        frame = table.value.astype(object)
        frame = frame.where(frame.notna(), blank)
        yield csv_text(list(frame.columns), frame.to_numpy().tolist())


@pytest.fixture
def seen(used: str, store: Store) -> str:
    """The used project with a run in which some answers failed and some have no score."""
    saved = store.evaluation_sets(used)[0]
    body = {"name": "worse", "model": {"max_tokens": 8}, "prompt": {"template": "{{ question }}"}}
    store.save_configuration(used, "worse", body, "w" * 16)
    run = store.start_run(used, body, "w" * 16, evaluation_set=saved.name, set_version=saved.version,
                          judge=store.runs(used)[0].judge, metrics=("answer_f1", "hit_rate"), total=24)  # fmt: skip
    records = []
    for place, example in enumerate(store.evaluation_set(used, saved.name).examples):
        scores = {
            "answer_f1": Score("answer_f1", 0.5 if place > 9 else None, failure="" if place > 9 else "No reference."),
            "hit_rate": Score("hit_rate", None, failure="There are no retrieved chunks to judge."),
        }
        failed = Failure("answer", "timeout", "No answer in 60 seconds.") if place < 4 else None
        records.append((place, Record(example, None if failed else Answer("a"), scores={} if failed else scores,
                                      failure=failed)))  # fmt: skip
    store.save_records(run, records)
    store.finish_run(run, "finished", seconds=3.0)
    return used


@pytest.mark.parametrize(("page", "tab"), [(page, tab) for page, (_, tabs) in TABS.items() for tab in tabs])
def test_no_page_says_none_or_names_a_key(app: App, seen: str, page: str, tab: str) -> None:
    key = TABS[page][0]
    test = app(page, project=seen, **({key: tab} if key else {}))
    assert not test.exception
    found = {(match.group(), text[max(0, match.start() - 60) : match.end() + 30])
             for text in said(test) for match in FORBIDDEN.finditer(text)}  # fmt: skip
    assert not found


@pytest.mark.parametrize(("page", "tab"), [(page, tab) for page, (_, tabs) in TABS.items() for tab in tabs])
def test_a_damaged_file_of_endpoints_is_a_sentence_on_every_tab(app: App, used: str, page: str, tab: str) -> None:
    (Path(os.environ["LLMOPT_HOME"]) / "endpoints.yaml").write_text("endpoints: [oops\n")
    key = TABS[page][0]
    assert not app(page, project=used, **({key: tab} if key else {})).exception


def test_why_some_have_no_score_names_metrics_as_the_tables_do(app: App, seen: str) -> None:
    shown = "\n".join(part.value for part in app("pages/evaluation.py", project=seen).text)
    assert "worse: Answer F1: 6 of 20 answers not scored: No reference." in shown
    assert "answer_f1" not in shown


def test_tables_of_data_are_drawn_in_one_place_alone() -> None:
    folder = Path(__file__).parents[2] / "llmopt_ui"
    drawn = [path.name for path in folder.rglob("*.py") if re.search(r"\.(dataframe|data_editor)\(", path.read_text())]
    assert drawn == ["tables.py"]
