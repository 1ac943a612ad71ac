"""Question files that are brought to the app: read line by line, with a form for columns of other names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from llmopt_core.errors import LlmOptError
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.components import reading_heartbeat, show_error
from llmopt_ui.resources import store
from llmopt_ui.session import state
from llmopt_ui.tables import data_table

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from llmopt_core.documents.questions import QuestionFile
    from llmopt_core.documents.references import Problem
    from llmopt_core.types import Document

NONE = "(none)"
ROLES = {
    "question": "Question",
    "reference": "Reference answer",
    "id": "Id",
    "category": "Category",
    "document": "Document of the answer",
    "quote": "Quote of the answer",
}
# More lines would push the button that saves out of the window; the rest is counted.
_NOTES_AT_MOST = 12


@dataclass(frozen=True, slots=True)
class UploadOptions:
    """What is said of a question file.

    Attributes:
        encoding: Empty to find it out.
        qrels: Judgements that came beside it.
        asks_columns: Whether the user says what each column means, also where they are known by their names.
        paragraphs: Whether the paragraphs that the file brings become documents.
    """

    encoding: str = ""
    qrels: UploadedFile | None = None
    asks_columns: bool = False
    paragraphs: bool = False


def upload_option_fields(key: str, *, offers_paragraphs: bool = False) -> UploadOptions:
    """Fields that few files need; `offers_paragraphs` where documents can be added as well."""
    from llmopt_core.documents.labels import COMMON

    with st.expander("Columns, encoding and judgements"):
        asks_columns = st.checkbox(
            "Say which column is what", key=f"{key}_asks", help="Also where the names of the columns are known."
        )
        paragraphs = offers_paragraphs and bool(
            st.checkbox(
                "Add its paragraphs as documents", key=f"{key}_paragraphs", help="Files such as those of SQuAD bring "
                "the paragraph of each question; as documents they tell where the answers stand.",
            )
        )  # fmt: skip
        encoding = st.selectbox(
            "Encoding of the question file",
            COMMON,
            index=None,
            key=f"{key}_encoding",
            placeholder="Found out",
            accept_new_options=True,
            help="Choose or type one where letters came out wrong.",
        )
        qrels = st.file_uploader(
            "Judgements (qrels)",
            type=["tsv", "txt", "qrels", "csv"],
            key=f"{key}_qrels",
            help="Which documents answer which question, as BEIR and TREC keep it beside `queries.jsonl`. The "
            "documents they name become the sources of the questions.",
        )
    return UploadOptions(encoding or "", qrels, bool(asks_columns), paragraphs)


def read_question_file(
    project: Project, file: UploadedFile, key: str, beside: UploadOptions = UploadOptions()
) -> QuestionFile | None:
    """Read a file against the project's documents; None, with what is wrong shown, where it cannot be used.

    Where no column is known as the question, or none as the right answer while one looks like it, the user says what
    the columns mean.

    Args:
        project: Whose documents references point into.
        file: What was uploaded.
        key: Begins the keys of the form's fields.
        beside: What is said of it.
    """
    from llmopt_core.documents.question_columns import NoQuestionColumn

    columns: Mapping[str, str] | None = st.session_state.get(_columns_key(key, file))
    try:
        result = _read(project, file, columns or {}, beside)
    except NoQuestionColumn as error:
        st.text(f"{file.name} has no column that is known as the question. Say which column is what.")
        _columns_form(key, file, error.columns, {})
        return None
    except LlmOptError as error:
        _show_problems(error)
        return None
    if columns is None and beside.asks_columns:
        _columns_form(key, file, result.columns, {})
        return None
    # Only where nothing was said yet: an answer, also "no column at all", is not asked for again.
    if columns is None and result.unused_columns and not any(one.reference for one in result.evaluation_set.examples):
        st.text(
            "No question has a right answer; it may stand in "
            f"{', '.join(result.unused_columns)}. Say which column is what."
        )
        _columns_form(key, file, result.columns, {"reference": result.unused_columns[0]})
        if not st.button("Go on without right answers", key=f"{key}_without", type="tertiary"):
            return None
        # An empty answer is kept, unlike none, so the question does not come back at the next drawing.
        st.session_state[_columns_key(key, file)] = {}
    return result


def show_notes(notes: Sequence[str]) -> None:
    """What a file's reader should be told, a line each."""
    if not notes:
        return
    with st.container(border=True, gap="xxsmall", key="question_notes"):
        for note in notes[:_NOTES_AT_MOST]:
            st.text(note, width="stretch")
        if len(notes) > _NOTES_AT_MOST:
            st.caption(f"and {len(notes) - _NOTES_AT_MOST:,} more")


def _read(project: Project, file: UploadedFile, columns: Mapping[str, str], beside: UploadOptions) -> QuestionFile:
    from llmopt_core.documents.qrels import read_qrels, with_judgements
    from llmopt_core.documents.questions import read_questions
    from llmopt_core.labs.documents.question_import import read_with_paragraphs, set_name_of

    documents = store().documents(project)
    with reading_heartbeat(file.name) as heartbeat:

        def read(texts: Sequence[Document]) -> QuestionFile:
            return read_questions(
                file.getvalue(),
                file.name,
                texts,
                heartbeat,
                columns=columns,
                # People see in the browser which lines were left out and decide; a file is not refused for one line.
                skip_bad_lines=True,
                encoding=beside.encoding,
            )

        if beside.paragraphs:
            questions, _ = read_with_paragraphs(read, documents, set_name_of(file.name))
        else:
            questions = read(documents)
    if beside.qrels is None:
        return questions
    return with_judgements(questions, read_qrels(beside.qrels.getvalue(), beside.qrels.name), documents)


def _columns_key(key: str, file: UploadedFile) -> str:
    # By the id of the upload: another file of the same name may have other columns.
    return f"{key}_columns_{file.file_id}"


def _columns_form(key: str, file: UploadedFile, columns: Sequence[str], suggestions: Mapping[str, str]) -> None:
    """Which column means what; what is said counts from the next rerun on."""
    from llmopt_core.documents.question_columns import guess_columns

    guesses = {**guess_columns(columns), **suggestions}
    with st.form(f"{key}_columns"):
        cells = st.columns(2, gap="medium")
        choices = {}
        for place, (role, label) in enumerate(ROLES.items()):
            # Without a question column there is nothing to ask, so that one must be chosen.
            options = [*([] if role == "question" else [NONE]), *columns]
            guess = guesses.get(role)
            choices[role] = cells[place % 2].selectbox(
                label, options, options.index(guess) if guess in options else 0, key=f"{key}_column_{role}"
            )
        submit = st.form_submit_button("Read with these columns", type="primary")
    if submit:
        st.session_state[_columns_key(key, file)] = {
            role: name for role, name in choices.items() if name and name != NONE
        }
        st.rerun()


def _show_problems(error: LlmOptError) -> None:
    from llmopt_core.documents.questions import BadQuestionFile

    show_error(str(error))
    if isinstance(error, BadQuestionFile):
        show_omissions(error.problems)


def show_omissions(problems: Sequence[Problem]) -> None:
    """The lines that were left out, each with its reason."""
    import pandas as pd

    if problems:
        table = pd.DataFrame([{"Line": problem.line, "What is wrong": problem.message} for problem in problems])
        data_table(table, alt="Problems of the file")


def keep_notes(name: str, notes: Sequence[str]) -> None:
    """Leave notes for after the rerun that follows saving."""
    state().question_notes = tuple(f"{name}: {fmt.shorten(note, 400)}" for note in notes)


def upload_notes() -> None:
    """What is worth knowing of the last file, until it is put away."""
    notes = state().question_notes
    if not notes:
        return
    show_notes(notes)
    if st.button("Put away", key="question_notes_away", type="tertiary"):
        state().question_notes = ()
        st.rerun()
