"""The files of a project: add them, read what was extracted, see how one is cut, remove it."""

from __future__ import annotations

import streamlit as st

from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.components import empty_state, show_errors, side_by_side
from llmopt_ui.documents.chunk_view import chunk_view
from llmopt_ui.documents.upload import upload_form, upload_outcome
from llmopt_ui.documents.view import document_actions, document_list, document_warnings, text_view
from llmopt_ui.resources import store

VIEW = "documents_view"


def files_view(project: Project) -> None:
    """The list on the left, the chosen document on the right."""
    documents = store().document_list(project)
    upload_outcome()
    # The form stands open where it is the only thing to do, and is folded away later.
    if not documents:
        empty_state(
            "No documents yet",
            "Add the texts your feature should answer from. Nothing leaves this machine.",
            ":material/note_add:",
        )
        with show_errors():
            upload_form(project)
        return
    with st.expander("Add documents", icon=":material/note_add:"), show_errors():
        upload_form(project)
    left, right = side_by_side([1.1, 2], "files")
    with left:
        total = sum(item.characters for item in documents)
        st.caption(f"{fmt.plural(len(documents), 'document')} · {fmt.count(total)} characters")
        name = document_list(documents)
    with right, show_errors():
        _document_view(project, name)


def _document_view(project: Project, name: str) -> None:
    document = store().document(project, name)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        title = fmt.shorten(document.name)
        # The whole name where it was cut.
        full = fmt.markdown(document.name) if title != document.name else None
        st.markdown(f"**{fmt.markdown(title)}**", width="content", help=full)
        document_actions(project, document)
    document_warnings(document)
    chunks, text = st.tabs(["Chunks", "Text"], key=VIEW, on_change="rerun", bind="query-params")
    # Cutting and drawing only what is looked at.
    if chunks.open:
        with chunks, show_errors():
            chunk_view(document)
    if text.open:
        with text:
            text_view(document)
