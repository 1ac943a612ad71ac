"""The chunks of a record: each with its document, its score, and what of it is a reference."""

from __future__ import annotations

import html
import itertools
from collections.abc import Sequence

import streamlit as st

from llmopt_core.types import Chunk, Hit, Record, Span, StageTrace
from llmopt_ui import format as fmt

# Orange underlined and green behind, so that a passage that is both shows both; both colours are told apart by people
# who see red and green alike.
_CITATION = "text-decoration:underline 2px #E69F00;text-underline-offset:3px"
_MARK = "background:rgba(0,158,115,.24);border-radius:3px"


def chunks_view(record: Record) -> None:
    """The chunks that the model was given, with the reference spans and what was cited."""
    # A failed call has no answer, but what was retrieved before it shows whether retrieval was to blame.
    hits = record.answer.hits if record.answer and record.answer.hits else _last_hits(record.trace)
    if not hits:
        st.caption("This configuration answered without retrieved chunks.")
        return
    citations = set(record.answer.citations) if record.answer else set()
    if record.example.references:
        st.caption("Where the reference answer stands is marked in green.")
    for position, hit in enumerate(hits):
        hit_view(hit, position, is_cited=position in citations, references=record.example.references)


def hit_view(hit: Hit, position: int, *, is_cited: bool, references: Sequence[Span]) -> None:
    """One chunk in a box: where it stands, its score, and its text with what is cited marked."""
    chunk = hit.chunk
    with st.container(border=True):
        badges = " :blue-badge[cited]" if is_cited else ""
        badges += " :green-badge[holds the source]" if any(_overlap(chunk, span) for span in references) else ""
        st.markdown(chunk_head(f"{position + 1}", hit, badges))
        st.html(chunk_html(chunk, references))


def chunk_head(number: str, hit: Hit, badges: str) -> str:
    """Which chunk this is, above its text."""
    chunk = hit.chunk
    facts = [f"{chunk.start:,} to {chunk.end:,}"] if chunk.has_place else []
    facts += [f"score {fmt.number(hit.known_score)}"] if hit.known_score is not None else []
    place = f":gray[{' · '.join(facts)}]" if facts else ""
    return f"**{number}** · {fmt.markdown(chunk.document or 'document not recorded')} {place}{badges}"


def chunk_html(chunk: Chunk, references: Sequence[Span], citations: Sequence[Span] = ()) -> str:
    """The chunk's text, escaped: what belongs to a reference span is marked, what a citation rests on underlined."""
    gold = [part for span in references if (part := _overlap(chunk, span))]
    under = [part for span in citations if (part := _overlap(chunk, span))]
    # Marks may overlap. Between two neighbouring edges every character has the same marks, so each such piece is one
    # span.
    edges = sorted({0, len(chunk.text), *(edge for part in (*gold, *under) for edge in part)})
    pieces = []
    for a, b in itertools.pairwise(edges):
        # The browser drops or refuses null characters, which texts of damaged PDFs have; a visible sign keeps
        # positions.
        words = html.escape(chunk.text[a:b]).replace("\0", "\ufffd")
        styles = [style for parts, style in ((gold, _MARK), (under, _CITATION)) if _is_inside(a, b, parts)]
        pieces.append(f'<span style="{";".join(styles)}">{words}</span>' if styles else words)
    return f'<div class="llmopt-bands">{"".join(pieces)}</div>'


def _is_inside(start: int, end: int, parts: Sequence[tuple[int, int]]) -> bool:
    return any(a <= start and end <= b for a, b in parts)


def _overlap(chunk: Chunk, span: Span) -> tuple[int, int] | None:
    """Where a span lies inside a chunk, counted from the chunk's start."""
    # Half-open ranges: a span that ends where the chunk starts shares no character with it.
    if span.document != chunk.document or span.start >= chunk.end or span.end <= chunk.start:
        return None
    # By the length of the text, since a chunk may hold less than its range says, such as without blanks at its ends.
    return max(0, span.start - chunk.start), min(len(chunk.text), span.end - chunk.start)


def _last_hits(trace: Sequence[StageTrace]) -> tuple[Hit, ...]:
    return trace[-1].hits if trace else ()
