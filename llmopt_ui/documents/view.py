"""The parts of the Documents page: adding files, the list, the text of one."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from llmopt_core.labs.documents.document_changes import find_dangling, remove_document
from llmopt_core.runs.values import Project, SavedDocument
from llmopt_core.types import Document
from llmopt_ui import format as fmt
from llmopt_ui.components import downloads
from llmopt_ui.documents.upload import DOCUMENT
from llmopt_ui.resources import settings, store
from llmopt_ui.session import notify, report_problem, state
from llmopt_ui.tables import data_table

LIST = "documents_list"
DELETE = "documents_delete"
TEXT_PAGE = "documents_text_page"
# Characters of a page: some minutes of reading. Longer pages make the browser slow to lay them out.
WINDOW = 6_000
_NAMES_AT_MOST = 5


def document_list(documents: Sequence[SavedDocument]) -> str:
    """The table of documents; returns the chosen name, which is also in the address."""
    names = [item.name for item in documents]
    name_in_address = st.query_params.get(DOCUMENT, "")
    table = pd.DataFrame({"Document": names})
    selection = data_table(
        table,
        # A new table when documents came or went: the browser keeps a choice by its row, which is another document
        # then.
        key=f"{LIST}_{len(names)}_{state().uploads}",
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [names.index(name_in_address) if name_in_address in names else 0]}},
        height=520,
        room=260,
        alt="Documents of the project",
    )
    for same in same_texts(documents):
        st.text(f"The same text: {', '.join(same)}", width="stretch")
    rows = selection["selection"]["rows"]
    # In the drawing after a deletion the row may be one that is no more.
    name = names[rows[0] if rows and rows[0] < len(names) else 0]
    st.query_params[DOCUMENT] = name
    return name


def same_texts(documents: Sequence[SavedDocument]) -> list[list[str]]:
    """Names of documents that hold the same text."""
    groups: dict[str, list[str]] = {}
    for item in documents:
        # The version is a hash of the text.
        groups.setdefault(item.version, []).append(item.name)
    return [names for names in groups.values() if len(names) > 1]


def document_actions(project: Project, document: Document) -> None:
    """Download and delete."""
    with st.container(horizontal=True, gap="small"):
        # Documents from archives have their path as name.
        file_name = document.name.rsplit("/", 1)[-1] + ".txt"
        downloads("documents_download", ("Text", document.text, file_name))
        with st.popover("Delete", icon=":material/delete:", type="tertiary"):
            _before_deletion(project, document)
            st.button("Delete document", key=DELETE, type="primary", on_click=_delete, args=(project, document.name))


def _before_deletion(project: Project, document: Document) -> None:
    """What goes with a document, before it goes."""
    st.text(f"Remove {fmt.shorten(document.name)} from this project? Finished runs keep what they quoted from it.")
    hanging = find_dangling(store(), project, document.name)
    if not hanging:
        return
    has = "has its answer" if len(hanging) == 1 else "have their answer"
    st.text(f"{fmt.plural(len(hanging), 'question')} {has} in it; the questions stay, but lose that source:")
    for one in hanging[:_NAMES_AT_MOST]:
        st.caption(fmt.markdown(f"{one.set_name} · {one.example_id}: {fmt.shorten(one.question)}"))
    if len(hanging) > _NAMES_AT_MOST:
        st.caption(f"and {len(hanging) - _NAMES_AT_MOST:,} more")


def text_view(document: Document) -> None:
    """The extracted text, a window at a time."""
    if not document.text.strip():
        st.caption("No text was found in this document.")
        return
    start, end = text_window(document, TEXT_PAGE)
    st.text(document.text[start:end], width="stretch")


def text_window(document: Document, key: str) -> tuple[int, int]:
    """The characters of the window that is turned to, with the control that turns it where there is more than one."""
    # Rounded up; an empty text has a page as well.
    pages = max(1, -(-len(document.text) // WINDOW))
    number = st.pagination(pages, key=f"{key}_{document.name}") if pages > 1 else 1
    start = (number - 1) * WINDOW
    end = min(start + WINDOW, len(document.text))
    page = document.page_at(start)
    where = f" · from page {page}" if page else ""
    st.caption(f"Characters {start:,} to {end:,} of {len(document.text):,}{where}")
    return start, end


def document_warnings(document: Document) -> None:
    """What could not be read in a document, such as scanned pages without text."""
    if document.warnings:
        st.warning("  \n".join(fmt.markdown(warning) for warning in document.warnings), icon=":material/warning:")


def _delete(project: Project, name: str) -> None:
    with report_problem():
        removal = remove_document(store(), settings(), project, name)
        losses = [fmt.plural(len(removal.references), "question") + " lost a source"] if removal.references else []
        losses += [fmt.plural(removal.indexes, "index", "indexes") + " removed"] if removal.indexes else []
        notify(f"{name} deleted" + (f"; {', '.join(losses)}." if losses else "."))
