"""Where the answers of the questions stand: one by one, marked in the text, from quotes, or written by a model."""

from __future__ import annotations

import streamlit as st

from llmopt_core.labs.documents.reference_spans import coverage
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.button_to import button_to
from llmopt_ui.components import empty_state, facts, show_errors
from llmopt_ui.evaluation_sets import sets_of
from llmopt_ui.navigation import DOCUMENTS, EVALUATION
from llmopt_ui.resources import store
from llmopt_ui.tabs import load_view

SET = "spans_set"
WAY = "spans_way"
WAYS = {
    "Write questions": "llmopt_ui.documents.spans_write:write_view",
    "One by one": "llmopt_ui.documents.spans_edit:edit_view",
    "Mark in the text": "llmopt_ui.documents.spans_mark:mark_view",
    "From quotes": "llmopt_ui.documents.spans_quotes:quotes_view",
}


def spans_view(project: Project) -> None:
    """The tab: what is known, and four ways to know more."""
    documents = store().document_list(project)
    if not documents:
        hint = "Add a document; questions about it can then say where their answer stands."
        with empty_state("No documents yet", hint, ":material/format_quote:"):
            button_to(DOCUMENTS, "Add documents", "spans_to_files", "Files")
        return
    sets = [item.name for item in sets_of(project)]
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(
            "Here a question learns where its answer stands in the documents: its source, by which retrieval is "
            "measured. Whole files of questions with their reference answers are added and read under Evaluation.",
            width="stretch",
        )
        # The same set is open there.
        address = {"questions_set": choose_set(project)} if sets else {}
        button_to(EVALUATION, "Evaluation › Questions", "spans_to_evaluation", "Questions", **address)
    if sets:
        _existing_spans(project, sets)
    way = st.segmented_control(
        "How to get more", list(WAYS), default="Mark in the text" if sets else "Write questions", key=WAY,
        bind="query-params", required=True,
    )  # fmt: skip
    with show_errors():
        load_view(WAYS[way or "Write questions"])(project)


def choose_set(project: Project) -> str:
    """The set that the tab is about; empty where there is none."""
    sets = [item.name for item in sets_of(project)]
    # Read and not drawn: the picker itself is drawn once, and four views ask for its choice.
    name = st.session_state.get(SET)
    return name if name in sets else next(iter(sets), "")


def _existing_spans(project: Project, sets: list[str]) -> None:
    left, right = st.columns([1, 2.4], gap="medium", vertical_alignment="bottom")
    name = left.selectbox("Evaluation set", sets, key=SET, bind="query-params")
    # A source beyond the end of its document is broken without any text being read.
    lengths = {item.name: item.characters for item in store().document_list(project)}
    spans = coverage(store().evaluation_set(project, name).examples, lengths)
    with right:
        facts(
            ("With a source", fmt.count(spans.complete), "Questions with a source."),
            ("Without", fmt.count(spans.missing), "Questions without one."),
            ("Broken", fmt.count(len(spans.broken)), "Their document is gone, or shorter than before."),
        )
    if spans.broken:
        st.warning(
            "These questions point to a place that is not there: "
            + fmt.markdown(", ".join(spans.broken[:12]) + (" …" if len(spans.broken) > 12 else "")),
            icon=":material/link_off:",
        )
