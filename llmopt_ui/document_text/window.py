"""The text under the microscope: a window of a document with chunk bands, references and ranks.

What is sent to the browser is data; the script makes text nodes of it. Text of users never becomes HTML.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from llmopt_core.chunking.microscope import DocumentChunking, TextSegment, text_segments
from llmopt_core.labs.chunking.chunk_ranks import ChunkRank
from llmopt_core.types import Document, fingerprint
from llmopt_ui.document_text.pages import turn_to
from llmopt_ui.own_component import own_component

# Characters: about two printed pages. Every piece of a band is an element of its own, so more make each move of a
# slider slower.
WINDOW = 3_600
_JS = Path(__file__).with_name("window.js")
_STRIP = "The whole document. Click to go there. Frame: what is shown below; blue: chunks handed over; orange: sources."


@dataclass(frozen=True, slots=True)
class TextWindow:
    """What is shown of a document.

    Attributes:
        start: First character of the window.
        end: Character after its last.
        references: Start and end of the reference spans of the chosen question in this document.
        ranks: By position in the cutting's chunks, where a question was asked.
        top_k: Chunks up to this rank are handed over.
        unit: What the sizes count.
        height: Of the text, in pixels.
        strip: Whether the bar of the whole document stands above the text.
        marking: Whether a selection of text is reported.
        first: What is added to an offset before a person reads it, where the document is a part of a longer one.
    """

    start: int
    end: int
    references: tuple[tuple[int, int], ...] = ()
    ranks: Mapping[int, ChunkRank] | None = None
    top_k: int = 3
    unit: str = "tokens"
    height: int = 420
    strip: bool = True
    marking: bool = False
    first: int = 0


def window_at(document: Document, number: int) -> tuple[int, int]:
    """First character and end of a page of the text, counted from 1."""
    # The page may be one of a longer version of the text.
    start = min((number - 1) * WINDOW, max(0, len(document.text) - 1))
    return start, min(start + WINDOW, len(document.text))


def text_data(document: Document, cutting: DocumentChunking | None, window: TextWindow) -> dict[str, Any]:
    """Everything the script draws: only what is in sight."""
    segments = (
        _segments_without_chunks(window)
        if cutting is None
        else text_segments(cutting, window.start, window.end, window.references)
    )
    # Only chunks in sight are described: a book has thousands.
    positions = {i for stretch in segments for i in stretch.chunks}
    chunks = {str(i): _chunk(cutting, i, window) for i in sorted(positions)} if cutting else {}
    return {
        # Tells the script when it looks at another place and has to scroll to the top.
        "place": f"{document.name}:{window.first + window.start}:{window.references}",
        "pieces": [_piece(document.text, stretch, cutting is not None) for stretch in segments],
        "chunks": chunks,
        "strip": _strip(document, cutting, window) if window.strip else None,
        "height": window.height,
        "marking": window.marking,
    }


def show_text(data: dict[str, Any], key: str, *, on_jump: Callable[[], None] | None = None) -> Any:
    """Draw it. The result has `jump` (a share of the document, when the bar was clicked) and `marked` (start, end)."""
    component, on_jump = own_component(_JS, '<div class="mic"></div>'), on_jump or _nothing
    return component(key=component_key(key), data=data, on_jump_change=on_jump, on_marked_change=_nothing)


def component_key(key: str) -> str:
    """A key that Streamlit takes: names of documents and ids of questions may hold the signs it keeps for itself."""
    # The first word stays, for styles and tests; the rest is hashed.
    return f"{key.partition('_')[0]}_{fingerprint(key)}"


def turn_to_click(key: str, page_key: str, length: int) -> None:
    """Turn to the page that was clicked in the bar; a callback of the text drawn under `key`."""
    result: Any = st.session_state.get(component_key(key))
    share = result.get("jump") if result is not None else None
    if share is not None:
        # A click at the very end is a share of 1, behind the last character.
        turn_to(page_key, min(length - 1, int(float(share) * length)), WINDOW)


def _nothing() -> None:
    """A value is only reported where something listens."""


def _piece(text: str, stretch: TextSegment, cut: bool) -> list[Any]:
    # Letters that the script knows: gold, cut into chunks, unseen by any vector.
    flags = ("g" if stretch.gold else "") + ("c" if cut else "") + ("" if stretch.is_embedded else "u")
    return [text[stretch.start : stretch.end], stretch.start, list(stretch.chunks), list(stretch.begins), flags]


def _segments_without_chunks(window: TextWindow) -> list[TextSegment]:
    # Clipped to the window; between two neighbouring edges all characters are alike.
    edges = sorted(
        {window.start, window.end, *(min(max(e, window.start), window.end) for r in window.references for e in r)}
    )
    return [
        TextSegment(a, b, gold=any(start <= a and b <= end for start, end in window.references))
        for a, b in itertools.pairwise(edges)
    ]


def _chunk(cutting: DocumentChunking, position: int, window: TextWindow) -> dict[str, Any]:
    hit = (window.ranks or {}).get(position)
    start, end = window.first + int(cutting.starts[position]), window.first + int(cutting.ends[position])
    title = f"chunk {position + 1}: {int(cutting.sizes[position]):,} {window.unit}, characters {start:,} to {end:,}"
    heading = cutting.chunks[position].heading
    title += f"\nunder: {heading}" if heading else ""
    if hit is not None:
        title += f"\nfound at rank {hit.rank:,} (score {hit.score:.2f})"
    # Plain `int`s here and above: values of NumPy cannot be sent as JSON.
    beyond = int(cutting.tokens[position]) - cutting.window
    if beyond > 0:
        title += f"\n{beyond:,} of its {int(cutting.tokens[position]):,} embedding tokens are beyond the window"
    rank = None if hit is None else hit.rank
    return {"told": title, "rank": rank, "found": rank is not None and rank <= window.top_k}


def _strip(document: Document, cutting: DocumentChunking | None, window: TextWindow) -> dict[str, Any]:
    # Shares of an empty text would divide by nothing.
    length = max(1, len(document.text))
    hits_by_rank = [(i, r.rank) for i, r in (window.ranks or {}).items() if r.rank <= window.top_k]
    hits: Sequence[list[Any]] = []
    if cutting is not None:
        hits = [
            [int(cutting.starts[i]) / length, int(cutting.ends[i]) / length, f"chunk {i + 1}, rank {rank}"]
            for i, rank in hits_by_rank
        ]
    return {
        "told": _STRIP,
        "hits": hits,
        "references": [[a / length, b / length] for a, b in window.references],
        "window": [window.start / length, window.end / length],
    }
