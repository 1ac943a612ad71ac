"""Evaluation sets: add a question file, see what is in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from llmopt_core.runs.values import Project, SavedSet
from llmopt_core.types import EvaluationSet, Example
from llmopt_ui import format as fmt
from llmopt_ui.button_to import button_to
from llmopt_ui.components import downloads, empty_state, facts
from llmopt_ui.evaluation_sets import sets_of
from llmopt_ui.navigation import DOCUMENTS
from llmopt_ui.question_upload import keep_notes, read_question_file, upload_notes, upload_option_fields
from llmopt_ui.resources import store
from llmopt_ui.session import notify, report_problem, state
from llmopt_ui.tables import FULL_ROOM, data_table

if TYPE_CHECKING:
    from llmopt_core.documents.questions import QuestionFile

QUESTION_SET = "questions_set"
UPLOAD = "questions_upload"
SAMPLE_LINE = '{"id": "q1", "question": "When was the harbour built?", "reference": "1712", "category": "when"}'


def questions_view(project: Project) -> None:
    """The sets of the project, one of them as a table, and a form that adds another."""
    sets = sets_of(project)
    upload_notes()
    if not sets:
        hint = "Add a file with the questions your feature must answer. Twenty are a start."
        with empty_state("No questions yet", hint, ":material/quiz:"):
            if store().document_list(project):
                button_to(DOCUMENTS, "Write questions about my documents", "questions_to_writing", "Questions",
                      spans_way="Write questions")  # fmt: skip
        _upload(project)
        return
    with st.expander("Add questions", icon=":material/playlist_add:"):
        _upload(project)
    name = st.selectbox(
        "Evaluation set", [item.name for item in sets], key=QUESTION_SET, bind="query-params", width=340
    )
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(
            "The questions of a set with their reference answers. Mark where each answer stands in the documents, add "
            "or change single questions, and let a model write questions on the page Documents.",
            width="stretch",
        )
        button_to(DOCUMENTS, "Documents › Questions", "questions_to_documents", "Questions", spans_set=name)
    current = next(item for item in sets if item.name == name)
    _set_view(project, current)


def _upload(project: Project) -> None:
    # A part of the keys, so that all fields are empty after a file was added.
    turn = state().forms
    with st.form(f"{UPLOAD}_form", border=False):
        file = st.file_uploader("Question file", type=["jsonl", "csv", "tsv", "json"], key=f"{UPLOAD}_{turn}")
        st.caption(
            "JSONL with one object per line, a JSON list, or CSV with a header; files of SQuAD, Hugging Face and Ragas "
            "too. Only `question` is required; `reference` is the reference answer, or a list of them, `references` "
            "are its sources (where it stands), `category` groups. Prompts can use any further column."
        )
        st.code(SAMPLE_LINE, language="json", wrap_lines=True)
        beside = upload_option_fields(f"{UPLOAD}_{turn}")
        submit = st.form_submit_button("Add questions", type="primary", icon=":material/upload:")
    if submit and file is None:
        st.caption("Choose a file first.")
    form_key = f"{UPLOAD}_asked_{turn}"
    # Once sent, the file is read at each drawing until it can be used: the form that asks about its columns is drawn
    # outside of this one.
    if file is None or not (submit or st.session_state.get(form_key) == file.file_id):
        return
    st.session_state[form_key] = file.file_id
    questions = read_question_file(project, file, f"{UPLOAD}_{turn}", beside)
    if questions is not None:
        saved_set = add_questions(project, file.name, questions)
        state().forms += 1
        keep_notes(file.name, questions.notes)
        left_out = f", {fmt.plural(len(questions.problems), 'line')} left out" if questions.problems else ""
        notify(
            f"{saved_set.name}: {fmt.plural(saved_set.size, 'question')} added{left_out}.",
            warning=bool(questions.problems),
        )
        st.rerun()


def add_questions(project: Project, file_name: str, questions: QuestionFile) -> SavedSet:
    """Keep what a question file holds, as a set of the file's name."""
    # Folders are no part of a set's name.
    stem = file_name.rsplit("/", 1)[-1].rsplit(".", 1)[0] or "questions"
    return store().save_evaluation_set(project, EvaluationSet(stem, questions.evaluation_set.examples))


def _set_view(project: Project, item: SavedSet) -> None:
    examples = store().evaluation_set(project, item.name).examples
    categories = sorted({example.category for example in examples if example.category})
    facts(
        ("Questions", fmt.count(item.size)),
        ("With a reference answer", fmt.count(sum(example.reference is not None for example in examples))),
        ("With a source", fmt.count(sum(bool(example.references) for example in examples))),
        ("Categories", fmt.count(len(categories))),
    )
    data_table(
        question_table(examples),
        room=FULL_ROOM,
        height=560,
        alt="Questions of the evaluation set",
    )
    with st.container(horizontal=True, gap="small"):
        file_name = f"{fmt.file_stem(item.name)}.jsonl"
        downloads("questions_download", ("Questions (JSONL)", lambda: questions_jsonl(examples), file_name))
        with st.popover("Delete", icon=":material/delete:", type="tertiary"):
            st.text(f"Remove {item.name}? Runs keep the questions they answered.")
            st.button(
                "Delete questions", key="questions_delete", type="primary", on_click=_delete, args=(project, item.name)
            )


def question_table(examples: Sequence[Example]) -> pd.DataFrame:
    """What users read of each question."""
    return pd.DataFrame(
        {
            "Question": [example.question for example in examples],
            "Reference answer": [" · ".join(example.right_answers) or None for example in examples],
            "Category": [example.category for example in examples],
            "Stands in": [
                ", ".join(dict.fromkeys(span.document for span in example.references)) for example in examples
            ],
            "Id": [example.id for example in examples],
        }
    )


def questions_jsonl(examples: Sequence[Example]) -> str:
    """The set as a question file."""
    return "".join(json.dumps(_row(example), ensure_ascii=False) + "\n" for example in examples)


def _row(example: Example) -> dict[str, object]:
    spans = [{"document": span.document, "start": span.start, "end": span.end} for span in example.references]
    row = {
        "id": example.id,
        "question": example.question,
        "reference": example.reference,
        "references": spans,
        "category": example.category,
    }
    # The known fields win over further columns of the same name; what is empty is left out, as in files written by
    # hand.
    return {**example.variables, **{key: value for key, value in row.items() if value not in (None, [])}}


def _delete(project: Project, name: str) -> None:
    with report_problem():
        store().delete_evaluation_set(project, name)
        notify(f"{name} deleted.")
