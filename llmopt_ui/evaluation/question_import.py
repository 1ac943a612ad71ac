"""Questions brought to a project: a question file, a data set with its corpus, or written by hand."""

from __future__ import annotations

import streamlit as st

from llmopt_core.documents.context_documents import context_documents
from llmopt_core.errors import BadInput
from llmopt_core.labs.documents.question_edit import with_question
from llmopt_core.labs.documents.question_import import ImportedSet, import_dataset, import_questions, set_name_of
from llmopt_core.runs.values import Project
from llmopt_core.types import EvaluationSet
from llmopt_ui import format as fmt
from llmopt_ui.components import show_errors
from llmopt_ui.question_upload import keep_notes, read_question_file, upload_option_fields
from llmopt_ui.resources import store
from llmopt_ui.session import notify, state

UPLOAD, WAY = "questions_upload", "questions_way"
NEXT_SET, NEXT_WAY = "questions_next_set", "questions_next_show"
"""What is shown at the next drawing: a set, and what of it."""
EDIT = "Edit"
DATASET, DATASET_NAME, DATASET_PART = "questions_dataset", "questions_dataset_name", "questions_dataset_part"
NEW_NAME, NEW_QUESTION, NEW_REFERENCE = "questions_new_name", "questions_new_question", "questions_new_reference"
FILE, DATA_SET, BY_HAND = "Question file", "Data set (BEIR, MTEB)", "By hand"
SAMPLE_LINE = '{"id": "q1", "question": "When was the harbour built?", "reference": "1712", "category": "when"}'
_DATASET_TYPES = ["zip", "jsonl", "ndjson", "tsv", "txt", "csv", "qrels"]


def import_view(project: Project) -> None:
    """The ways to bring questions, one of them drawn."""
    way = st.segmented_control("From", [FILE, DATA_SET, BY_HAND], default=FILE, key=WAY, required=True)
    {DATA_SET: _dataset_form, BY_HAND: _new_set_form}.get(way, _file_form)(project)


def _file_form(project: Project) -> None:
    # A part of the keys, so that all fields are empty after a file was added.
    turn = state().forms
    with st.form(f"{UPLOAD}_form", border=False):
        file = st.file_uploader("Question file", type=["jsonl", "csv", "tsv", "json"], key=f"{UPLOAD}_{turn}")
        st.caption(
            "JSONL with one object per line, a JSON list, or CSV with a header; files of SQuAD, Hugging Face and Ragas "
            "too. Only `question` is required; `reference` is the reference answer, or a list of them, `references` "
            "are its sources (where it stands), `category` groups, `split` says the part of a split. Prompts can use "
            "any further column."
        )
        st.code(SAMPLE_LINE, language="json", wrap_lines=True)
        beside = upload_option_fields(f"{UPLOAD}_{turn}", offers_paragraphs=True)
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
    if questions is None:
        return
    with show_errors():
        set_name, documents = set_name_of(file.name), []
        if beside.paragraphs:
            documents = context_documents(questions.evaluation_set.examples, set_name)
            store().save_documents(project, documents)
        imported = import_questions(store(), project, set_name, questions)
        more = f", with {fmt.plural(len(documents), 'document')}" if documents else ""
        left_out = f", {fmt.plural(len(questions.problems), 'line')} left out" if questions.problems else ""
        _finish(file.name, imported, more + left_out)


def _dataset_form(project: Project) -> None:
    turn = state().forms
    with st.form(f"{DATASET}_form", border=False):
        files = st.file_uploader(
            "A zip, or its three files", type=_DATASET_TYPES, accept_multiple_files=True, key=f"{DATASET}_{turn}"
        )
        st.caption(
            "`corpus.jsonl` becomes documents of this project, `queries.jsonl` the questions, and `qrels/test.tsv` "
            "says which documents answer which question. As a zip with these three inside, or the three files."
        )
        one, two = st.columns(2, gap="medium")
        name = one.text_input("Name of the set", key=f"{DATASET_NAME}_{turn}", placeholder="As the zip")
        part = two.text_input("Judgements", key=f"{DATASET_PART}_{turn}", placeholder="test",
                              help="Data sets have several, such as dev and train.")  # fmt: skip
        submit = st.form_submit_button("Add data set", type="primary", icon=":material/upload:")
    if not submit:
        return
    if not files:
        st.caption("Choose the files first.")
        return
    with show_errors():
        from llmopt_core.documents.beir import read_beir, read_beir_files

        contents = {file.name: file.getvalue() for file in files}
        # A worker would need the whole corpus sent to it; reading a corpus of a hundred megabytes takes seconds.
        with st.spinner("Reading the data set", show_time=True):
            first = next(iter(contents))
            if len(contents) == 1 and first.casefold().endswith(".zip"):
                dataset = read_beir(contents[first], (name or "").strip() or first, (part or "").strip())
            else:
                dataset = read_beir_files(contents, (name or "").strip() or "dataset", (part or "").strip())
            imported = import_dataset(store(), project, dataset)
        _finish(imported.saved.name, imported, f", with {fmt.plural(imported.documents, 'document')}")


def _new_set_form(project: Project) -> None:
    """One question makes a set; the others are typed into its table, which keeps them."""
    turn = state().forms
    with st.form(f"{NEW_NAME}_form", border=False):
        name = st.text_input("Name of the set", key=f"{NEW_NAME}_{turn}", placeholder="support-questions")
        question = st.text_input("First question", key=f"{NEW_QUESTION}_{turn}")
        reference = st.text_input(
            "Its reference answer", key=f"{NEW_REFERENCE}_{turn}", placeholder="May be left empty"
        )
        submit = st.form_submit_button("Create the set", type="primary", icon=":material/add:")
    if not submit:
        return
    with show_errors():
        name = (name or "").strip()
        if not name or not name.isprintable():
            raise BadInput("Give the set a name of visible characters first.")
        if name in {item.name for item in store().evaluation_sets(project, parts=True)}:
            raise BadInput(f"There is a set named {name} already; open it and edit its table.")
        questions, _ = with_question(EvaluationSet(name, ()), "", question or "", [reference or ""])
        saved = store().save_evaluation_set(project, questions)
        st.session_state[NEXT_WAY] = EDIT
        _finish(name, ImportedSet(saved))


def _finish(name: str, imported: ImportedSet, more: str = "") -> None:
    state().forms += 1
    changes = (f"Against the version before: {imported.diff.summary}.",) if imported.diff else ()
    keep_notes(name, (*changes, *imported.notes))
    saved = imported.saved
    notify(f"{saved.name}: {fmt.plural(saved.size, 'question')} added{more}.", warning="left out" in more)
    st.session_state[NEXT_SET] = saved.name
    st.rerun()
