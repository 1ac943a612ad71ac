"""One chunking under the microscope: its text, its numbers, its sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from llmopt_core.labs.chunking.chunk_ranks import ChunkRank, ranks_in
from llmopt_core.types import Span
from llmopt_ui import format as fmt
from llmopt_ui.chunking.microscope.parts import part_number
from llmopt_ui.components import facts
from llmopt_ui.document_text.chunk_sizes import show_sizes, sizes_data
from llmopt_ui.document_text.window import TextWindow, show_text, text_data, turn_to_click

if TYPE_CHECKING:
    from llmopt_core.chunking.microscope import DocumentChunking
    from llmopt_core.chunking.spec import ChunkingSpec
    from llmopt_ui.chunking.microscope.panel_content import PanelContent
_UNSEEN = "Text that no vector knows: it lies beyond the embedding model's window in every chunk that holds it."


def panel_view(
    sight: PanelContent,
    cutting: DocumentChunking,
    spec: ChunkingSpec,
    name: str,
    *,
    ranks: Mapping[str, ChunkRank] | None,
    competing: int,
    height: int,
    largest: int,
) -> None:
    """The text on the left, the numbers on the right."""
    unit = "characters" if spec.unit == "characters" else "tokens"
    ranks_here = None if ranks is None else ranks_in(cutting.chunks, ranks)
    window = TextWindow(
        sight.start, sight.end, sight.references, ranks_here, sight.top_k, unit, height, strip=True,
        first=sight.part.start,
    )  # fmt: skip
    left, right = st.columns([1.9, 1], gap="medium")
    with left:
        if sight.example is not None:
            _references(sight, cutting, ranks_here, competing)
        key, length = f"micro_text_{name}", len(sight.document.text)

        # The callback runs at the next drawing, when these panels may be of another document: it takes their names
        # along.
        def turn() -> None:
            turn_to_click(key, sight.part.page_key, length)

        show_text(text_data(sight.document, cutting, window), key, on_jump=turn)
    with right:
        _numbers(cutting, unit)
        show_sizes(sizes_data(cutting, largest), f"micro_sizes_{name}")


def _numbers(cutting: DocumentChunking, unit: str) -> None:
    sizes = cutting.sizes
    facts(
        ("Chunks", fmt.count(len(cutting.chunks))),
        (f"Mean {unit}", fmt.number(float(sizes.mean()) if len(sizes) else None)),
        ("Repeated", f"{cutting.overlap_share:.0%}", "Text that stands in more than one chunk."),
        ("Unseen", _percent(cutting.truncated_share), _UNSEEN),
        columns=2,
    )
    st.markdown(window_sentence(cutting))


def window_sentence(cutting: DocumentChunking) -> str:
    """What the embedding model does not see, in words."""
    if not cutting.truncated_chunks:
        return (
            f":green[:material/check: Every chunk fits into the embedding model's window of {cutting.window} tokens.]"
        )
    cut = f"{cutting.truncated_chunks:,} of {fmt.plural(len(cutting.chunks), 'chunk')}"
    verb = "is" if cutting.truncated_chunks == 1 else "are"
    return (
        f":red[:material/warning: {cut} {verb} longer than the embedding model's window of {cutting.window} tokens: "
        f"{_percent(cutting.truncated_share)} of the text is not embedded at all.]"
    )


def _percent(share: float) -> str:
    # A small share must not read as 0 %.
    return f"{share:.1%}" if 0 < share < 0.1 else f"{share:.0%}"


def _references(
    sight: PanelContent, cutting: DocumentChunking, ranks: Mapping[int, ChunkRank] | None, competing: int
) -> None:
    """Where the answer of the question is, chunk by chunk."""
    # Four lines at most below: more sources would push the text out of sight.
    lines = [_reference(cutting, ranks, start, end, sight.top_k) for start, end in sight.references]
    if not lines:
        elsewhere = sorted({_place(sight, span) for span in sight.example.references}) if sight.example else []
        where = "in " + ", ".join(elsewhere[:3]) if elsewhere else "nowhere yet: this question has no source"
        lines = [f"The answer stands {where}."]
    ranks_note = f" :gray[Ranks among {fmt.plural(competing, 'chunk')}.]" if ranks is not None else ""
    st.markdown("  \n".join(lines[:4]) + ranks_note)


def _place(sight: PanelContent, span: Span) -> str:
    """Where a reference stands that is not in sight."""
    if span.document != sight.document.name:
        return fmt.markdown(span.document)
    return f"part {part_number(span.start):,} of this document"


def _reference(
    cutting: DocumentChunking, ranks: Mapping[int, ChunkRank] | None, start: int, end: int, top_k: int
) -> str:
    from llmopt_core.chunking.microscope import reference_parts

    reference_chunks = reference_parts(cutting, start, end)
    if not reference_chunks:
        return ":red[:material/close: The source stands in no chunk.]"
    # With overlap several chunks may hold it whole.
    whole = [one.position for one in reference_chunks if one.share >= 1]
    if whole:
        where = " and ".join(_chunk_name(i, ranks) for i in whole[:3])
        return f"{_rank_sign(whole, ranks, top_k)} The source stands whole in {where}."
    parts = ", ".join(f"{one.share:.0%} in {_chunk_name(one.position, ranks)}" for one in reference_chunks[:4])
    return f":orange[:material/content_cut:] The source is **cut**: {parts}."


def _chunk_name(position: int, ranks: Mapping[int, ChunkRank] | None) -> str:
    if ranks is None:
        return f"chunk {position + 1}"
    rank = ranks.get(position)
    return f"chunk {position + 1} (rank {rank.rank:,})" if rank else f"chunk {position + 1} (not found)"


def _rank_sign(positions: list[int], ranks: Mapping[int, ChunkRank] | None, top_k: int) -> str:
    if ranks is None:
        return ":material/location_on:"
    best = min((ranks[i].rank for i in positions if i in ranks), default=None)
    return ":green[:material/check:]" if best is not None and best <= top_k else ":red[:material/close:]"
