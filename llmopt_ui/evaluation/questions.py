"""Evaluation sets: add questions, read, edit, split and compare them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from llmopt_core.documents.question_export import questions_jsonl
from llmopt_core.labs.documents.question_table import DRAFT
from llmopt_core.runs.values import Project, SavedSet
from llmopt_core.types import Example
from llmopt_ui import format as fmt
from llmopt_ui.button_to import button_to
from llmopt_ui.components import downloads, empty_state, facts
from llmopt_ui.evaluation.question_import import EDIT, NEXT_SET, NEXT_WAY, import_view
from llmopt_ui.evaluation.question_split import split_view
from llmopt_ui.evaluation.question_table import edit_table
from llmopt_ui.evaluation.question_versions import versions_view
from llmopt_ui.evaluation_sets import set_version, sets_of
from llmopt_ui.navigation import DOCUMENTS
from llmopt_ui.question_upload import upload_notes
from llmopt_ui.resources import store
from llmopt_ui.session import notify, report_problem
from llmopt_ui.tables import FULL_ROOM, data_table

QUESTION_SET, WAY = "questions_set", "questions_show"
READ, SPLIT, VERSIONS = "Read", "Split", "Versions"


def questions_view(project: Project) -> None:
    """The sets of the project, one of them looked at, edited, split or compared, and a form that adds another."""
    sets = sets_of(project)
    upload_notes()
    if not sets:
        hint = "Add a file with the questions your feature must answer. Twenty are a start."
        with empty_state("No questions yet", hint, ":material/quiz:"):
            if store().document_list(project):
                button_to(DOCUMENTS, "Write questions about my documents", "questions_to_writing", "Questions",
                      spans_way="Write questions")  # fmt: skip
        import_view(project)
        return
    with st.expander("Add questions", icon=":material/playlist_add:"):
        import_view(project)
    names = [item.name for item in sets]
    # What was added last is shown at once.
    added_name = st.session_state.pop(NEXT_SET, None)
    if added_name in names:
        st.session_state[QUESTION_SET] = added_name
        st.session_state[WAY] = st.session_state.pop(NEXT_WAY, READ)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        name = st.selectbox("Evaluation set", names, key=QUESTION_SET, bind="query-params", width=340)
        way = st.segmented_control("Show", list(_WAYS), default=READ, key=WAY, bind="query-params", required=True,
                                   label_visibility="collapsed")  # fmt: skip
    current = next(item for item in sets if item.name == name)
    _WAYS.get(way or READ, _read_view)(project, current)


def _read_view(project: Project, item: SavedSet) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(
            "The questions of a set with their reference answers. Mark where each answer stands in the documents, and "
            "let a model write questions on the page Documents.",
            width="stretch",
        )
        button_to(DOCUMENTS, "Documents › Questions", "questions_to_documents", "Questions", spans_set=item.name)
    examples = set_version(project, item.name, item.version).examples
    split = store().split(project, item.name)
    categories = sorted({example.category for example in examples if example.category})
    facts(
        ("Questions", fmt.count(item.size)),
        ("With a reference answer", fmt.count(sum(example.reference is not None for example in examples))),
        ("With a source", fmt.count(sum(bool(example.references) for example in examples))),
        ("Categories", fmt.count(len(categories))),
    )
    data_table(
        question_table(examples, split.parts if split else {}),
        room=FULL_ROOM,
        height=560,
        # One column more leaves less room for the others, and rows of six lines would show four questions.
        lines=3 if split else 0,
        alt="Questions of the evaluation set",
    )
    with st.container(horizontal=True, gap="small"):
        file_name = f"{fmt.file_stem(item.name)}.jsonl"
        parts = split.parts if split else {}
        downloads("questions_download", ("Questions (JSONL)", lambda: questions_jsonl(examples, parts), file_name))
        with st.popover("Delete", icon=":material/delete:", type="tertiary"):
            st.text(f"Remove {item.name}? Runs keep the questions they answered.")
            st.button(
                "Delete questions", key="questions_delete", type="primary", on_click=_delete, args=(project, item.name)
            )


def _split_view(project: Project, item: SavedSet) -> None:
    split_view(project, item, set_version(project, item.name, item.version).examples)


_WAYS = {READ: _read_view, EDIT: edit_table, SPLIT: _split_view, VERSIONS: versions_view}


def question_table(examples: Sequence[Example], parts: Mapping[str, str] | None = None) -> pd.DataFrame:
    """What users read of each question; `parts` by id where the set is split."""
    return pd.DataFrame(
        {
            "Question": [example.question for example in examples],
            "Reference answer": [" · ".join(example.right_answers) or None for example in examples],
            "Category": [example.category for example in examples],
            "Stands in": [
                ", ".join(dict.fromkeys(span.document for span in example.references)) for example in examples
            ],
            **({"Part": [parts.get(example.id, "") for example in examples]} if parts else {}),
            "Id": [example.id for example in examples],
        }
    )


def _delete(project: Project, name: str) -> None:
    with report_problem():
        store().delete_evaluation_set(project, name)
        store().delete_draft(project, DRAFT, name)
        notify(f"{name} deleted.")
