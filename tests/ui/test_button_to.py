"""An empty state has a button that goes where something can be done; what the program adds changes no default."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.runs.store import Store
from llmopt_core.types import Document, EvaluationSet, Example

App = Callable[..., AppTest]
EVALUATION, DOCUMENTS, PROMPTS = "pages/evaluation.py", "pages/documents.py", "pages/prompt_lab.py"
RETRIEVAL, FINETUNING = "pages/retrieval_lab.py", "pages/finetuning_lab.py"
DOCUMENT = Document("harbour.md", "The harbour was built in 1712.")
QUESTIONS = EvaluationSet("questions", (Example("q1", "When was the harbour built?", "1712"),))


@pytest.mark.parametrize(
    ("page", "tab", "has", "key", "title", "arrived"),
    [
        ("pages/overview.py", {}, (), "overview_to_run", "Evaluation", {"evaluation_view": "Run"}),
        (EVALUATION, {"evaluation_view": "Results"}, (), "results_to_run", "Evaluation", {"evaluation_view": "Run"}),
        (EVALUATION, {"evaluation_view": "Run"}, (), "run_to_questions", "Evaluation",
         {"evaluation_view": "Questions"}),
        (EVALUATION, {"evaluation_view": "Run"}, (QUESTIONS,), "run_to_configurations", "Evaluation",
         {"evaluation_view": "Configurations"}),
        (EVALUATION, {"evaluation_view": "Questions"}, (DOCUMENT,), "questions_to_writing", "Documents",
         {"documents_tab": "Questions", "spans_way": "Write questions"}),
        (DOCUMENTS, {"documents_tab": "Microscope"}, (), "microscope_to_files", "Documents",
         {"documents_tab": "Files"}),
        (DOCUMENTS, {"documents_tab": "Questions"}, (), "spans_to_files", "Documents", {"documents_tab": "Files"}),
        (DOCUMENTS, {"documents_tab": "Sweep"}, (), "sweep_to_files", "Documents", {"documents_tab": "Files"}),
        (DOCUMENTS, {"documents_tab": "Sweep"}, (DOCUMENT,), "sweep_to_spans", "Documents",
         {"documents_tab": "Questions", "spans_way": "Write questions"}),
        (DOCUMENTS, {"documents_tab": "Sweep"}, (DOCUMENT, QUESTIONS), "sweep_to_spans", "Documents",
         {"documents_tab": "Questions", "spans_way": "Mark in the text"}),
        (DOCUMENTS, {"documents_tab": "Questions", "spans_way": "Mark in the text"}, (DOCUMENT,),
         "mark_to_questions", "Evaluation", {"evaluation_view": "Questions"}),
        (PROMPTS, {"prompts_view": "Side by side"}, (), "setup_to_editor", "Prompts", {"prompts_view": "Editor"}),
        (PROMPTS, {"prompts_view": "Blind vote"}, (), "vote_to_side", "Prompts", {"prompts_view": "Side by side"}),
        (PROMPTS, {"prompts_view": "Instruction search"}, (), "search_to_editor", "Prompts",
         {"prompts_view": "Editor"}),
        (RETRIEVAL, {}, (), "retrieval_to_files", "Documents", {"documents_tab": "Files"}),
        (RETRIEVAL, {}, (DOCUMENT,), "retrieval_to_configurations", "Evaluation",
         {"evaluation_view": "Configurations"}),
        (FINETUNING, {"tuning_view": "Embedding model"}, (), "embedder_to_questions", "Fine-tuning", None),
        (FINETUNING, {"tuning_view": "Next to label"}, (), "labels_to_run", "Evaluation", {"evaluation_view": "Run"}),
    ],
)  # fmt: skip
def test_an_empty_state_has_a_button_that_goes_there(
    app: App, store: Store, page: str, tab: dict[str, str], has: tuple[object, ...], key: str, title: str,
    arrived: dict[str, str] | None,
) -> None:  # fmt: skip
    store.create_project("empty")
    for item in has:
        if isinstance(item, Document):
            store.save_documents("empty", [item])
        elif isinstance(item, EvaluationSet):
            store.save_evaluation_set("empty", item)
    test = app(page, project="empty", **tab)
    test.button(key=key).click().run()
    assert not test.exception
    if arrived is None:
        arrived, title = {"evaluation_view": "Questions"}, "Evaluation"
    assert test.title[0].value == title
    assert {name: test.session_state[name] for name in arrived} == arrived
    assert test.session_state["project"] == "empty"


def test_the_two_places_of_questions_know_each_other(app: App, used: str, store: Store) -> None:
    store.save_evaluation_set(used, QUESTIONS)
    store.save_evaluation_set(used, EvaluationSet("other", QUESTIONS.examples))
    test = app(EVALUATION, project=used, evaluation_view="Questions", questions_set="questions")
    test.button(key="questions_to_documents").click().run()
    assert (test.title[0].value, test.session_state["documents_tab"]) == ("Documents", "Questions")
    assert test.selectbox(key="spans_set").value == "questions"
    assert any("Evaluation" in caption.value and "its source" in caption.value for caption in test.caption)
    test = app(DOCUMENTS, project=used, documents_tab="Questions", spans_set="other")
    test.button(key="spans_to_evaluation").click().run()
    assert (test.title[0].value, test.session_state["evaluation_view"]) == ("Evaluation", "Questions")
    assert test.selectbox(key="questions_set").value == "other"
    assert any("page Documents" in caption.value for caption in test.caption)


def test_a_project_is_made_where_there_is_none(app: App, store: Store) -> None:
    store.delete_project(store.projects()[0].name)
    test = app()
    test.button(key="empty_new").click().run()
    assert [box.label for box in test.text_input if box.key == "project_new_name"] == ["Name"]


def test_loading_the_example_changes_no_default(app: App, store: Store) -> None:
    places = [
        (EVALUATION, {"evaluation_view": "Run"}, "run_set"),
        (EVALUATION, {"evaluation_view": "Questions"}, "questions_set"),
        (DOCUMENTS, {"documents_tab": "Questions"}, "spans_set"),
        (DOCUMENTS, {"documents_tab": "Microscope"}, None),
        (RETRIEVAL, {}, None),
        (PROMPTS, {"prompts_view": "Few-shot"}, None),
        (PROMPTS, {"prompts_view": "Side by side"}, None),
        (PROMPTS, {"prompts_view": "Editor"}, None),
        (PROMPTS, {"prompts_view": "Instruction search"}, None),
    ]

    def defaults() -> list[dict[str, object]]:
        matches = []
        for page, tab, key in places:
            test = app(page, project=store.projects()[0].name, **tab)
            assert not test.exception
            cells = {box.key: box.value for box in test.selectbox}
            assert key is None or key in cells
            matches.append(cells)
        return matches

    before = defaults()
    test = app(FINETUNING, project=store.projects()[0].name, tuning_view="Training data")
    test.button(key="tuning_sample").click().run()
    assert not test.exception
    assert len(store.evaluation_sets(store.projects()[0])) > 1
    assert defaults() == before
