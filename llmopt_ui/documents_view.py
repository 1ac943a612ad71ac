"""The parts of the Documents page: adding files, the list, the text of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from llmopt_core.errors import LlmOptError
from llmopt_core.runs.values import Project, SavedDocument
from llmopt_core.types import Document
from llmopt_ui import format as fmt
from llmopt_ui.components import Download, downloads, show_error
from llmopt_ui.resources import store
from llmopt_ui.session import notify, state

UPLOAD = "documents_upload"
UPLOAD_FORM = "documents_upload_form"
LIST = "documents_list"
DOCUMENT = "document"
DELETE = "documents_delete"
TEXT_PAGE = "documents_text_page"
WINDOW = 6_000


@dataclass(frozen=True, slots=True)
class Added:
    """What came of an upload: names that were stored, and one sentence for each file that was not."""

    names: tuple[str, ...]
    problems: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def add_files(project: Project, files: Sequence[tuple[str, bytes]]) -> Added:
    """Read and store uploaded files; one that can't be read does not stop the others."""
    from llmopt_core.documents.load import load_bytes

    names: list[str] = []
    problems: list[str] = []
    warnings: list[str] = []
    for name, data in files:
        try:
            found = load_bytes(name, data)
            store().save_documents(project, found)
        except LlmOptError as error:
            problems.append(str(error))
            continue
        names += [item.name for item in found]
        warnings += [f"{item.name}: {warning}" for item in found for warning in item.warnings]
    return Added(tuple(names), tuple(problems), tuple(warnings))


def upload_form(project: Project) -> None:
    """The form that adds files, and what came of the last upload."""
    from llmopt_core.documents.load import SUFFIXES

    current = state()
    with st.form(UPLOAD_FORM, border=False):
        files = st.file_uploader(
            "Files",
            type=sorted(suffix.lstrip(".") for suffix in SUFFIXES),
            accept_multiple_files=True,
            key=f"{UPLOAD}_{current.uploads}",
            help="Text is extracted on this machine. A file of a known name replaces the one that is there.",
        )
        pressed = st.form_submit_button("Add to project", type="primary", icon=":material/upload:")
    if pressed and files:
        with st.spinner("Reading …"):
            current.added = add_files(project, [(file.name, file.getvalue()) for file in files])
        current.uploads += 1
        if current.added.names:
            st.query_params[DOCUMENT] = current.added.names[0]
            notify(f"{fmt.plural(len(current.added.names), 'document')} added.")
        st.rerun()
    if pressed and not files:
        st.caption("Choose one or more files first.")


def upload_outcome() -> None:
    """What could not be read in the last upload, until it is put away."""
    added = state().added
    if not isinstance(added, Added) or not (added.problems or added.warnings):
        return
    for problem in added.problems:
        show_error(problem)
    for warning in added.warnings:
        st.text(warning, width="stretch")
    if st.button("Put away", key="documents_put_away", type="tertiary"):
        state().added = None
        st.rerun()


def document_list(found: Sequence[SavedDocument]) -> str:
    """The table of documents; returns the chosen name, which is also in the address."""
    names = [item.name for item in found]
    wanted = st.query_params.get(DOCUMENT, "")
    table = pd.DataFrame({"Document": names})
    chosen = st.dataframe(
        table,
        key=f"{LIST}_{len(names)}",
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [names.index(wanted) if wanted in names else 0]}},
        height=min(38 + 35 * len(names), 520),
        alt="Documents of the project",
    )
    rows = chosen["selection"]["rows"]
    name = names[rows[0] if rows and rows[0] < len(names) else 0]
    st.query_params[DOCUMENT] = name
    return name


def document_actions(project: Project, document: Document) -> None:
    """Download and delete."""
    with st.container(horizontal=True, gap="small"):
        file_name = document.name.rsplit("/", 1)[-1] + ".txt"
        downloads([Download("Text", document.text, file_name, "text/plain")], "documents_download")
        with st.popover("Delete", icon=":material/delete:", type="tertiary"):
            st.text(f"Remove {document.name} from this project? Finished runs keep what they quoted from it.")
            st.button("Delete document", key=DELETE, type="primary", on_click=_delete, args=(project, document.name))


def text_view(document: Document) -> None:
    """The extracted text, a window at a time."""
    for warning in document.warnings:
        st.text(warning)
    if not document.text.strip():
        st.caption("No text was found in this document.")
        return
    start, end = text_window(document, TEXT_PAGE)
    st.text(document.text[start:end], width="stretch")


def text_window(document: Document, key: str) -> tuple[int, int]:
    """The characters of the window that is turned to, with the control that turns it where there is more than one."""
    pages = max(1, -(-len(document.text) // WINDOW))
    number = st.pagination(pages, key=f"{key}_{document.name}") if pages > 1 else 1
    start = (number - 1) * WINDOW
    end = min(start + WINDOW, len(document.text))
    page = document.page_at(start)
    where = f" · from page {page}" if page else ""
    st.caption(f"Characters {start:,} to {end:,} of {len(document.text):,}{where}")
    return start, end


def _delete(project: Project, name: str) -> None:
    try:
        store().delete_document(project, name)
    except LlmOptError as error:
        state().problem = str(error)
        return
    notify(f"{name} deleted.")
