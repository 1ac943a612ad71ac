"""Every page: first start, empty project, used project."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.runs.store import Store
from llmopt_core.types import Answer, Record, Score
from llmopt_ui.navigation import PAGES, PageSpec
from tests.ui.seed import seed_project

App = Callable[..., AppTest]
VIEWS = [
    ("pages/evaluation.py", "evaluation_view", view)
    for view in ("Results", "Failures", "Run", "Configurations", "Questions")
] + [
    ("pages/settings.py", "settings_view", view) for view in ("Endpoints", "Built-in models", "Judge", "Workspace")
] + [("pages/documents.py", "documents_view", view) for view in ("Chunks", "Text")]  # fmt: skip


def words(test: AppTest) -> str:
    """All that the page says."""
    parts = [*test.title, *test.subheader, *test.caption, *test.markdown, *test.text]
    return "\n".join(str(part.value) for part in parts)


@pytest.mark.parametrize("spec", PAGES, ids=lambda spec: spec.title)
def test_each_page_opens_at_the_first_start(app: App, spec: PageSpec) -> None:
    test = app(spec.file)
    assert not test.exception
    assert test.title[0].value == spec.title
    assert spec.purpose in words(test)


@pytest.mark.parametrize("spec", PAGES, ids=lambda spec: spec.title)
def test_each_page_opens_on_an_empty_project(app: App, store: Store, spec: PageSpec) -> None:
    store.create_project("empty")
    test = app(spec.file, project="empty")
    assert not test.exception
    assert test.selectbox(key="project").value == "empty"


@pytest.mark.parametrize(("page", "key", "view"), VIEWS, ids=str)
def test_each_tab_opens_on_a_used_project(app: App, used: str, page: str, key: str, view: str) -> None:
    test = app(page, project=used, **{key: view})
    assert not test.exception
    assert test.selectbox(key="project").value == used


@pytest.mark.parametrize(("page", "key", "view"), VIEWS, ids=str)
def test_each_tab_opens_on_an_empty_project(app: App, store: Store, page: str, key: str, view: str) -> None:
    store.create_project("empty")
    assert not app(page, project="empty", **{key: view}).exception


def test_the_sample_project_is_there_at_the_first_start(app: App, store: Store) -> None:
    test = app()
    assert test.selectbox(key="project").options == ["sample"]
    assert len(store.document_list("sample")) == 12
    assert {metric.label: metric.value for metric in test.metric}["Questions"] == "48"
    assert "Evaluate 3 configurations" in [link.proto.label.strip("*") for link in test.get("page_link")]


def test_empty_project_says_what_to_do_first(app: App, store: Store) -> None:
    store.create_project("empty")
    labels = [link.proto.label.strip("*") for link in app(project="empty").get("page_link")]
    assert labels[:3] == ["Add documents", "Add questions", "Make a first configuration"]


def test_overview_of_a_used_project_shows_ladder_map_leaderboard_and_advice(app: App, used: str) -> None:
    test = app(project=used)
    assert len(test.get("plotly_chart")) == 2
    assert list(test.table[0].value["Configuration"].str.extract(r"\*\*(.+)\*\*")[0]) == [
        "baseline", "rag", r"rag\-rerank",
    ]  # fmt: skip
    assert "built\\-in judge v4" in words(test)


def test_a_store_that_cannot_be_opened_is_one_sentence(app: App, monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    monkeypatch.setenv("LLMOPT_HOME", str(blocked / "home"))
    test = app()
    assert not test.exception
    assert "blocked" in words(test)


def test_no_configuration_that_was_run_is_told_as_not_run(app: App, store: Store) -> None:
    """Of many, the overview shows some, and one has another name than when it was run."""
    seed_project(store, "many", questions=3, runs=10)
    first = store.configurations("many")[0]
    store.delete_configuration("many", first.name)
    store.save_configuration("many", "renamed", first.spec, first.fingerprint)
    test = app("pages/overview.py", project="many")
    assert not test.exception
    steps = [link.proto.label.strip("*") for link in test.get("page_link")]
    assert steps
    assert not [step for step in steps if step.startswith("Evaluate ")]
    assert "8 of 10 configurations: the baseline and the newest." in words(test)


def test_the_overview_shows_earlier_versions_of_a_configuration(app: App, used: str, store: Store) -> None:
    first, second = store.runs(used)[0], store.evaluation_sets(used)[0]
    for number, version in enumerate(("a", "b")):
        body = {"name": first.name, "model": {"max_tokens": 16 + number}}
        run = store.start_run(used, body, version * 16, evaluation_set=second.name, set_version=second.version,
                              judge=first.judge, metrics=("answer_f1",), total=1)  # fmt: skip
        example = store.evaluation_set(used, second.name).examples[0]
        store.save_records(run, [(0, Record(example, Answer("a"), scores={"answer_f1": Score("answer_f1", 1.0)}))])
        store.finish_run(run, "finished")
    for item in store.configurations(used):
        store.save_configuration(used, item.name, {**item.spec, "model": {"max_tokens": 8}}, f"{item.name:c<16}"[:16])
    test = app("pages/overview.py", project=used)
    assert not test.exception
    text = test.table[0].value.to_csv().replace("\\", "")
    assert f"{first.name} (earlier, aaaa)" in text
