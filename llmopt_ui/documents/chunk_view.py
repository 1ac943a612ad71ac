"""The chunk preview: settings, coloured bands, sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from llmopt_core.text.csv_text import csv_text
from llmopt_core.types import Document
from llmopt_ui import format as fmt
from llmopt_ui.components import downloads, facts
from llmopt_ui.document_text.chunk_sizes import show_sizes, sizes_data
from llmopt_ui.document_text.chunking import cutting_of
from llmopt_ui.document_text.window import TextWindow, show_text, text_data
from llmopt_ui.documents.view import text_window

if TYPE_CHECKING:
    from llmopt_core.chunking.microscope import DocumentChunking

METHOD = "chunk_method"
SIZE = "chunk_size"
OVERLAP = "chunk_overlap"
UNIT = "chunk_unit"
BANDS_PAGE = "chunk_page"
METHODS = {"recursive": "Recursive", "fixed": "Fixed window", "sentence": "Sentences", "structure": "Headings"}
_EXPLANATIONS = {
    "recursive": "Cuts at paragraphs, then at sentences, then at words, until each piece fits.",
    "fixed": "A window of equal size, wherever it falls.",
    "sentence": "Whole sentences until the size is full.",
    "structure": "At headings, never across them.",
}
UNITS = {"tokens": "Embedding tokens", "cl100k": "OpenAI tokens (cl100k)", "characters": "Characters"}
# Chunks. A histogram of fewer says less than the figures above it.
_ENOUGH = 4
# Characters. Above, measuring all chunks at every move of a slider takes longer than one waits for.
_LONGEST = 3_000_000
_HEIGHT = 560


def chunk_settings() -> dict[str, Any]:
    """The controls; what they say is also in the address."""
    left, right = st.columns(2, gap="medium")
    method = left.selectbox("Method", list(METHODS), key=METHOD, format_func=METHODS.__getitem__, bind="query-params")
    left.caption(_EXPLANATIONS[method])
    unit = left.selectbox("Unit", list(UNITS), key=UNIT, format_func=UNITS.__getitem__, bind="query-params")
    size = right.slider("Size", 20, 2000, 200, 10, key=SIZE, bind="query-params", help="The most a chunk may hold.")
    overlap = right.slider(
        "Overlap", 0, 500, 0, 10, key=OVERLAP, bind="query-params", help="What a chunk repeats of the one before it."
    )
    # A window that repeats all of itself would never get on; the sliders do not know of each other.
    return {"method": method, "size": size, "overlap": min(overlap, size - 1), "unit": unit}


def chunk_view(document: Document) -> None:
    """The whole preview."""
    from llmopt_core.chunking.spec import ChunkingSpec

    if not document.text.strip():
        st.caption("This document has no text to cut.")
        return
    if len(document.text) > _LONGEST:
        st.caption("This document is too long for a preview of all its chunks: look at it in the tab Microscope.")
        return
    spec = ChunkingSpec(**chunk_settings())
    cutting = cutting_of(document, spec)
    unit = "characters" if spec.unit == "characters" else "tokens"
    facts(
        ("Chunks", fmt.count(len(cutting.chunks))),
        (f"Mean {unit}", fmt.number(float(cutting.sizes.mean()) if len(cutting.sizes) else None)),
        (f"Most {unit}", fmt.count(int(cutting.sizes.max(initial=0)))),
        ("Repeated", f"{cutting.overlap_share:.0%}"),
        columns=4,
    )
    start, end = text_window(document, BANDS_PAGE)
    # The strip would show the whole document, through which the pages above already lead.
    window = TextWindow(start, end, unit=unit, strip=False, height=_HEIGHT)
    show_text(text_data(document, cutting, window), f"chunk_text_{document.name}_{start}")
    if len(cutting.chunks) >= _ENOUGH:
        # In tokens of the embedding model whatever the unit, since its window is where reading ends.
        show_sizes(sizes_data(cutting, int(cutting.tokens.max(initial=1))), "chunk_sizes")
    downloads("chunk_download", ("Chunks (CSV)", lambda: chunks_csv(cutting, unit), "chunks.csv"))


def chunks_csv(cutting: DocumentChunking, unit: str) -> str:
    """One line per chunk."""
    pairs = zip(cutting.chunks, cutting.sizes.tolist(), strict=True)
    rows = [[chunk.document, chunk.start, chunk.end, size, chunk.heading, chunk.text] for chunk, size in pairs]
    return csv_text(["document", "start", "end", unit, "heading", "text"], rows)
