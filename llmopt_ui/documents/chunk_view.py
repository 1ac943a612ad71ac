"""The chunk preview: settings, coloured bands, sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from llmopt_core.chunking.microscope import BUILTIN_WINDOW
from llmopt_core.text.csv_text import csv_text
from llmopt_core.types import Chunk, Document
from llmopt_ui import format as fmt
from llmopt_ui.charts import CONFIG, size_histogram
from llmopt_ui.components import Download, downloads, facts
from llmopt_ui.documents.bands import bands_html
from llmopt_ui.documents.view import text_window

if TYPE_CHECKING:
    from llmopt_core.chunking.spec import ChunkingSpec

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
_ENOUGH = 4
_LONGEST = 3_000_000


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
    return {"method": method, "size": size, "overlap": min(overlap, size - 1), "unit": unit}


@st.cache_data(max_entries=64, show_spinner=False)
def cut_document(_document: Document, version: str, values: dict[str, Any]) -> tuple[list[Chunk], list[int]]:
    """The chunks of one document and their sizes in the spec's unit."""
    from llmopt_core.chunking.chunk import chunk_document
    from llmopt_core.chunking.spec import ChunkingSpec

    spec = ChunkingSpec(**values)
    chunks = chunk_document(_document, spec)
    return chunks, chunk_sizes(_document, chunks, spec)


def chunk_sizes(document: Document, chunks: Sequence[Chunk], spec: ChunkingSpec) -> list[int]:
    """How large each chunk is, in the spec's unit."""
    from llmopt_core.chunking.window import chunk_lengths

    return [int(size) for size in chunk_lengths(chunks, {document.name: document.text}, spec.length_unit)]


def chunk_view(document: Document) -> None:
    """Settings, then the picture, then the numbers."""
    if not document.text.strip():
        st.caption("This document has no text to cut.")
        return
    if len(document.text) > _LONGEST:
        st.caption("This document is too long for a preview of all its chunks: look at it in the tab Microscope.")
        return
    values = chunk_settings()
    chunks, sizes = cut_document(document, f"{document.name}:{document.version}", values)
    unit = "characters" if values["unit"] == "characters" else "tokens"
    _summary(document, chunks, sizes, unit)
    start, end = text_window(document, BANDS_PAGE)
    with st.container(border=True):
        st.html(bands_html(document.text, chunks, start, end, sizes=sizes, unit=unit))
    window = BUILTIN_WINDOW if values["unit"] == "tokens" else None
    if len(chunks) >= _ENOUGH:
        st.plotly_chart(
            size_histogram(sizes, unit, window), config=CONFIG, key="chunk_sizes", alt="Histogram of chunk sizes"
        )
    downloads(
        [Download("Chunks (CSV)", lambda: chunks_csv(chunks, sizes, unit), "chunks.csv", "text/csv")], "chunk_download"
    )


def _summary(document: Document, chunks: Sequence[Chunk], sizes: Sequence[int], unit: str) -> None:
    overlap = count_overlap(chunks) / max(1, len(document.text))
    facts(
        [
            ("Chunks", fmt.count(len(chunks))),
            (f"Mean {unit}", fmt.number(sum(sizes) / len(sizes) if sizes else None)),
            (f"Most {unit}", fmt.count(max(sizes, default=0))),
            ("Repeated", f"{overlap:.0%}"),
        ],
        columns=4,
    )


def count_overlap(chunks: Sequence[Chunk]) -> int:
    """Characters that stand in a chunk and in one before it. The chunks are in order of their start."""
    overlap, end = 0, 0
    for chunk in chunks:
        overlap += max(0, min(end, chunk.end) - chunk.start)
        end = max(end, chunk.end)
    return overlap


def chunks_csv(chunks: Sequence[Chunk], sizes: Sequence[int], unit: str) -> str:
    """One row per chunk."""
    rows = [[c.document, c.start, c.end, size, c.heading, c.text] for c, size in zip(chunks, sizes, strict=True)]
    return csv_text(["document", "start", "end", unit, "heading", "text"], rows)
