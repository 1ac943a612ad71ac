"""Results of other tools on the Evaluation page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.labs.evaluation.import_results import import_runs, read_results
from llmopt_core.runs.store import Store

App = Callable[..., AppTest]
PAGE = "pages/evaluation.py"
DATA = Path(__file__).parents[1] / "data" / "results"


def plain(markdown: str) -> str:
    """Without the signs that keep Markdown from reading it."""
    return markdown.replace("\\", "").replace("\u2060", "")


def words(test: AppTest) -> str:
    parts = [*test.subheader, *test.caption, *test.markdown, *test.text, *test.error]
    return plain("\n".join(str(part.value) for part in parts))


def cells(test: AppTest) -> str:
    return (
        "\n".join(str(table.value.to_dict("records")) for table in test.table).replace("\\", "").replace("\u2060", "")
    )


@pytest.fixture
def dialog(app: App, store: Store) -> AppTest:
    """The dialog, opened from the empty results of a new project."""
    store.ensure_project("new one")
    test = app(PAGE, project="new one", evaluation_view="Results")
    test.button(key="results_import").click().run()
    assert not test.exception
    return test


def upload(test: AppTest, *names: str) -> None:
    uploader = test.file_uploader(key="import_results_files")
    files = [(name, (DATA / name).read_bytes(), "application/octet-stream") for name in names]
    uploader.set_value(files).run() if len(files) > 1 else uploader.upload(*files[0]).run()
    assert not test.exception


def test_files_are_shown_before_they_are_imported_and_then_the_results_open(dialog: AppTest, store: Store) -> None:
    upload(dialog, "promptfoo/two_models.json")
    text = cells(dialog)
    assert "promptfoo 0.123.1" in text
    assert "5 questions, 2 failed" in text
    assert "contains_reference" in text
    assert "contexts" in text
    assert store.runs("new one") == []
    dialog.button(key="import_results_import").click().run()
    assert not dialog.exception
    assert [run.name for run in store.runs("new one")] == ["model-b", "model-a"]
    assert dialog.session_state["evaluation_view"] == "Results"
    assert "imported from promptfoo" in cells(dialog)
    assert "Graded by promptfoo with openai:chat:judge" in words(dialog)
    assert "pass (promptfoo)" in cells(dialog)
    assert "None" not in cells(dialog)


def test_what_is_no_result_is_one_sentence_and_imports_nothing(dialog: AppTest, store: Store) -> None:
    uploader = dialog.file_uploader(key="import_results_files")
    uploader.upload("notes.txt", b"hello", "text/plain").run()
    assert not dialog.exception
    assert "notes.txt is no table and no JSON" in words(dialog)
    assert "import_results_import" not in [button.key for button in dialog.button]


def test_the_same_results_again_open_and_add_nothing(app: App, store: Store) -> None:
    project = store.ensure_project("p")
    import_runs(store, project, read_results([DATA / "promptfoo" / "two_models.json"]).runs)
    test = app(PAGE, project="p", evaluation_view="Run")
    test.button(key="run_import" if not store.evaluation_sets("p") else "history_import").click().run()
    upload(test, "promptfoo/two_models.json")
    test.button(key="import_results_import").click().run()
    assert not test.exception
    assert len(store.runs("p")) == 2
    assert test.session_state["evaluation_view"] == "Results"


def test_imported_runs_are_told_apart_and_never_offered_to_be_resumed(app: App, store: Store) -> None:
    project = store.ensure_project("p")
    import_runs(store, project, read_results([DATA / "ragas", DATA / "promptfoo" / "two_models.json"]).runs)
    test = app(PAGE, project="p", evaluation_view="Run")
    assert not test.exception
    assert not [button for button in test.button if str(button.key).startswith("run_resume")]
    (table,) = [frame.value for frame in test.dataframe]
    assert set(table["Kind"]) == {"Imported"}
    assert any("promptfoo" in judge for judge in table["Judge"])
    # No file of Ragas says when it was made, nor what it took.
    ragas = table[table["Judge"] == "Ragas"]
    assert ragas["Started"].isna().all()


def test_a_record_shows_every_answer_and_what_no_file_says(app: App, store: Store) -> None:
    project = store.ensure_project("p")
    outcome = import_runs(store, project, read_results([DATA / "promptfoo" / "two_models.json"]).runs)
    ids = ",".join(map(str, outcome.run_ids))
    address = {"evaluation_view": "Results", "runs": ids, "example": "normans-1", "record_of": "model-b"}
    test = app(PAGE, project="p", record_part="All answers", **address)
    assert not test.exception
    assert "The answer is Oursel." in cells(test)
    test = app(PAGE, project="p", record_part="Retrieved chunks", **address)
    assert "The files of promptfoo do not say." in words(test)


def test_a_part_of_a_set_shows_the_questions_that_it_holds(app: App, store: Store) -> None:
    project = store.ensure_project("p")
    import_runs(store, project, read_results([DATA / "promptfoo" / "two_models.json"]).runs)
    outcome = import_runs(store, project, read_results([DATA / "inspect" / "old.eval"]).runs)
    # The last two of the set: no run over its first two.
    test = app(PAGE, project="p", evaluation_view="Results", runs=str(outcome.run_ids[0]), example="warsaw-1")
    assert not test.exception
    assert "Warsaw" in words(test)
    assert "Question 2 of 2" in words(test)


def test_the_overview_of_a_project_of_imported_runs_alone(app: App, store: Store) -> None:
    project = store.ensure_project("p")
    import_runs(store, project, read_results([DATA / "deepeval", DATA / "promptfoo" / "two_models.json"]).runs)
    test = app("pages/overview.py", project="p")
    assert not test.exception
    assert not test.error
    assert "imported from promptfoo" in cells(test)
    assert "promptfoo with openai:chat:judge" in words(test)
    assert "None" not in cells(test)
