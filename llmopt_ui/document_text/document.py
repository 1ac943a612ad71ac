"""A document with its text, read once for all that look at it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from llmopt_core.runs.values import Project, SavedDocument
from llmopt_core.types import Document, Span
from llmopt_ui.resources import store


def document_of(project: Project, item: SavedDocument) -> Document:
    """A document with its text."""
    return _document(project.id, item.name, item.version, lambda: store().document(project, item.name))


# Few, as each holds a whole text. By version, so that a replaced document is read again.
@st.cache_resource(max_entries=8, show_spinner=False)
def _document(project: int, name: str, version: str, _read: Callable[[], Document]) -> Document:
    return _read()


def spans_in(document: str, references: Sequence[Span]) -> tuple[tuple[int, int], ...]:
    """Start and end of the references that stand in a document."""
    return tuple((span.start, span.end) for span in references if span.document == document)
