"""The tab Questions: sets that are read, edited, split, compared and brought in; and parts in other places."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.labs.documents.question_table import DRAFT
from llmopt_core.runs.store import Store
from llmopt_core.types import EvaluationSet, Example, Span

App = Callable[..., AppTest]
EVALUATION = "pages/evaluation.py"


def questions(app: App, show: str = "Read", project: str = "harbour", name: str = "questions") -> AppTest:
    test = app(EVALUATION, project=project, evaluation_view="Questions", questions_set=name, questions_show=show)
    assert not test.exception
    return test


def texts(test: AppTest) -> str:
    return " ".join(one.value for one in [*test.markdown, *test.caption, *test.text])


@pytest.fixture
def prices(store: Store, used: str) -> EvaluationSet:
    """A set of which each question has a document of its own."""
    examples = (
        Example(f"q{i}", f"What does thing number {i} cost?", str(i), (Span(f"d{i}.md", 0, 5),)) for i in range(12)
    )
    evaluation_set = EvaluationSet("prices", tuple(examples))
    store.save_evaluation_set(used, evaluation_set)
    return evaluation_set


@pytest.fixture
def split(store: Store, used: str, prices: EvaluationSet) -> Store:
    store.make_split(used, "prices")
    return store


def test_a_set_is_split_by_the_shares_that_are_chosen(app: App, store: Store, used: str, prices: EvaluationSet) -> None:
    test = questions(app, "Split", name="prices")
    test.number_input(key="split_search_prices").set_value(75).run()
    test.number_input(key="split_confirm_prices").set_value(50).run()
    assert test.button(key="split_make").disabled
    test.number_input(key="split_confirm_prices").set_value(25).run()
    test.button(key="split_make").click().run()
    assert not test.exception
    result = store.split(used, "prices")
    assert result is not None
    assert list(result.sizes.values()) == [9, 3, 0]


def test_one_document_for_all_is_said(app: App, store: Store, used: str) -> None:
    store.save_evaluation_set(
        used,
        EvaluationSet(
            "one", tuple(Example(f"q{i}", f"What is number {i}?", "x", (Span("harbour.md", 0, 9),)) for i in range(8))
        ),
    )
    test = questions(app, "Split", name="one")
    test.button(key="split_make").click().run()
    assert "hang together by the document harbour.md" in texts(test)
    assert store.split(used, "one") is None


def test_parts_are_shown_removed_and_offered_where_a_set_is_chosen(app: App, split: Store, used: str) -> None:
    test = questions(app, "Split", name="prices")
    sizes = split.split(used, "prices").sizes
    rows = [(one.label, one.value) for one in test.metric]
    assert rows == [(part.capitalize(), str(size)) for part, size in sizes.items()]
    read = questions(app, name="prices")
    assert set(read.dataframe[0].value["Part"]) == {"search", "confirm", "never seen"}
    run = app(EVALUATION, project=used, evaluation_view="Run")
    # The part to search with first: nothing takes what is never to be seen by itself.
    assert run.selectbox(key="run_set").value == "prices, search"
    assert [option.split(" (")[0] for option in run.selectbox(key="run_set").options] == [
        "prices, search", "prices, confirm", "prices", "prices, never seen", "questions",
    ]  # fmt: skip
    test.button(key="split_remove").click().run()
    assert split.split(used, "prices") is None
    again = app(EVALUATION, project=used, evaluation_view="Run")
    assert again.selectbox(key="run_set").value == "prices"


def test_two_versions_are_compared(app: App, store: Store, used: str) -> None:
    single = texts(questions(app, "Versions"))
    assert "has one version" in single
    before = store.evaluation_set(used, "questions")
    first = before.examples[0]
    variant = Example(first.id, first.question, "another answer", first.references, first.category)
    store.save_evaluation_set(used, EvaluationSet("questions", (variant, *before.examples[2:], Example("z", "New?"))))
    test = questions(app, "Versions")
    count = len(before.examples) - 2
    assert f"1 added, 1 removed, 1 changed (1 reference answer), {count} as before" in texts(test).replace("\\", "")
    table = test.dataframe[0].value
    assert list(table["What"]) == ["+ added", "− removed", "~ reference answer"]
    assert (table["Before"][2], table["After"][2]) == (first.reference, "another answer")
    options = test.selectbox(key="questions_new_version_questions").options
    assert [option.split(" · ")[0] for option in options] == ["v2", "v1"], "numbers, which people can say"
    assert before.version not in " ".join([single, *options])
    test.selectbox(key="questions_new_version_questions").set_value(before.version).run()
    assert "no difference" in texts(test)


def test_what_was_typed_is_there_after_a_reload_and_is_saved_or_discarded(app: App, store: Store, used: str) -> None:
    before = store.evaluation_set(used, "questions")
    first = before.examples[0]
    row = {"question": "Typed?", "reference": "yes", "more": [], "category": "", "sources": "harbour.md"}
    draft = {
        "version": before.version,
        "edits": {first.id: row, "new-x-0": {**row, "question": "Added?", "sources": ""}},
    }
    store.save_draft(used, DRAFT, "questions", draft)
    test = questions(app, "Edit")
    assert "2 rows not saved yet" in texts(test)
    test.button(key="questions_table_discard").click().run()
    assert store.draft(used, DRAFT, "questions") is None
    store.save_draft(used, DRAFT, "questions", draft)
    test = questions(app, "Edit")
    test.button(key="questions_table_save").click().run()
    assert not test.exception
    after = store.evaluation_set(used, "questions")
    assert (after.examples[0].question, after.examples[-1].question) == ("Typed?", "Added?")
    assert [span.document for span in after.examples[0].references] == ["harbour.md"]
    assert store.draft(used, DRAFT, "questions") is None


def test_a_row_that_cannot_be_saved_is_named_and_stays(app: App, store: Store, used: str) -> None:
    before = store.evaluation_set(used, "questions")
    row = {"question": "", "reference": "orphan", "more": [], "category": "", "sources": ""}
    store.save_draft(used, DRAFT, "questions", {"version": before.version, "edits": {"new-x-0": row}})
    test = questions(app, "Edit")
    test.button(key="questions_table_save").click().run()
    assert "A new row has no question (orphan)" in texts(test)
    assert store.draft(used, DRAFT, "questions")["edits"] == {"new-x-0": row}
    assert store.evaluation_set(used, "questions") == before


def dataset() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        corpus = [{"_id": f"d{i}", "title": f"Thing {i}", "text": f"It costs {i} euros."} for i in range(4)]
        archive.writestr("prices/corpus.jsonl", "\n".join(map(json.dumps, corpus)))
        queries = [{"_id": f"q{i}", "text": f"What does thing {i} cost?"} for i in range(4)]
        archive.writestr("prices/queries.jsonl", "\n".join(map(json.dumps, queries)))
        lines = ["query-id\tcorpus-id\tscore", *(f"q{i}\td{i}\t1" for i in range(4))]
        archive.writestr("prices/qrels/test.tsv", "\n".join(lines))
    return stream.getvalue()


def bring(test: AppTest, way: str) -> AppTest:
    test.segmented_control(key="questions_way").set_value(way).run()
    assert not test.exception
    return test


def test_a_data_set_brings_its_corpus(app: App, store: Store, used: str) -> None:
    test = bring(questions(app), "Data set (BEIR, MTEB)")
    uploader = next(one for one in test.get("file_uploader") if "three files" in one.label)
    uploader.upload("prices.zip", dataset(), "application/zip")
    press(test, "Add data set")
    assert not test.exception
    result = store.evaluation_set(used, "prices")
    assert [example.references[0].document for example in result.examples] == [f"prices.jsonl/d{i}" for i in range(4)]
    assert {f"prices.jsonl/d{i}" for i in range(4)} <= {one.name for one in store.document_list(used)}
    # What was added is shown.
    assert test.selectbox(key="questions_set").value == "prices"


def press(test: AppTest, label: str) -> None:
    next(one for one in test.button if one.label == label).click().run()


def test_paragraphs_of_a_file_become_documents_and_its_columns_are_asked_for(app: App, store: Store, used: str) -> None:
    row = {
        "question": "When?",
        "answers": {"text": ["1887"], "answer_start": [19]},
        "context": "The pier opened in 1887.",
    }
    test = questions(app)
    next(one for one in test.get("file_uploader") if one.label == "Question file").upload(
        "hf.jsonl", json.dumps(row).encode()
    )
    for label in ("Add its paragraphs as documents", "Say which column is what"):
        next(one for one in test.checkbox if one.label == label).check()
    press(test, "Add questions")
    assert not test.exception
    form = {one.label: one for one in test.selectbox if (one.key or "").startswith("questions_upload_")}
    assert (form["Question"].value, form["Reference answer"].value) == ("question", "answers")
    press(test, "Read with these columns")
    assert not test.exception
    (example,) = store.evaluation_set(used, "hf").examples
    assert [(span.document, span.start, span.end) for span in example.references] == [("hf-001.txt", 19, 23)]
    assert store.document(used, "hf-001.txt").text == "The pier opened in 1887."


def test_a_wrong_data_set_is_said_in_a_sentence(app: App, store: Store, used: str) -> None:
    test = bring(questions(app), "Data set (BEIR, MTEB)")
    press(test, "Add data set")
    assert "Choose the files first." in texts(test)
    uploader = next(one for one in test.get("file_uploader") if "three files" in one.label)
    uploader.upload("corpus.jsonl", b'{"_id": "1", "text": "x"}', "application/json")
    press(test, "Add data set")
    assert "queries.jsonl and qrels/test.tsv are missing" in texts(test)


def test_a_set_by_hand_needs_a_name_of_its_own_and_a_question(app: App, store: Store, used: str) -> None:
    test = bring(questions(app), "By hand")
    for name, question, problem in (
        ("", "What?", "Give the set a name"),
        ("questions", "What?", "There is a set named questions already"),
        ("mine", " ", "Write a question first."),
    ):
        typed(test, "Name of the set", name)
        typed(test, "First question", question)
        press(test, "Create the set")
        assert problem in texts(test)
    typed(test, "First question", "What is typed?")
    typed(test, "Its reference answer", "this")
    press(test, "Create the set")
    assert not test.exception
    (example,) = store.evaluation_set(used, "mine").examples
    assert (example.question, example.reference) == ("What is typed?", "this")
    # The others are typed into its table.
    assert test.selectbox(key="questions_set").value == "mine"
    assert any(one.key == "questions_table_save" for one in test.button)


def typed(test: AppTest, label: str, value: str) -> None:
    next(one for one in test.text_input if one.label == label).set_value(value)
