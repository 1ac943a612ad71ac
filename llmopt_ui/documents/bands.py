"""A document's text with its chunks as coloured bands. The text is escaped; it is never HTML."""

from __future__ import annotations

import html
import itertools
from collections.abc import Mapping, Sequence

from llmopt_core.types import Chunk

_BANDS = ((0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167))
_FILL = 0.20


def bands_html(
    text: str, chunks: Sequence[Chunk], start: int, end: int, *, sizes: Sequence[int] = (), unit: str = ""
) -> str:
    """HTML of `text[start:end]` with a band per chunk; where chunks overlap their colours are striped.

    Args:
        text: The whole document.
        chunks: All its chunks, in order.
        start: First character shown.
        end: Character after the last shown.
        sizes: Size of each chunk, shown when pointing at it.
        unit: What the sizes count.
    """
    visible = [(i, chunk) for i, chunk in enumerate(chunks) if chunk.start < end and chunk.end > start]
    cuts = {start, end}
    for _, chunk in visible:
        cuts |= {max(start, chunk.start), min(end, chunk.end)}
    edges = sorted(cuts)
    titles = {i: _band_label(i, chunk, sizes, unit) for i, chunk in visible}
    pieces = [_piece(text[a:b], a, visible, titles) for a, b in itertools.pairwise(edges)]
    return f'<div class="llmopt-bands">{"".join(pieces)}</div>'


def _piece(text: str, start: int, visible: Sequence[tuple[int, Chunk]], titles: Mapping[int, str]) -> str:
    """One stretch of text that the same chunks cover."""
    words = html.escape(text).replace("\0", "\ufffd")
    over = [(i, chunk) for i, chunk in visible if chunk.start <= start and chunk.end >= start + len(text)]
    if not over:
        return f'<span style="opacity:.55">{words}</span>'
    numbers = "".join(f"<sup>{i + 1}</sup>" for i, chunk in over if chunk.start == start)
    title = " and ".join(titles[i] for i, _ in over)
    return f'<span style="background:{_fill([i for i, _ in over])}" title="{title}">{numbers}{words}</span>'


def _band_label(position: int, chunk: Chunk, sizes: Sequence[int], unit: str) -> str:
    size = f", {sizes[position]} {html.escape(unit)}" if position < len(sizes) else ""
    return f"chunk {position + 1}: characters {chunk.start} to {chunk.end}{size}"


def _fill(positions: Sequence[int]) -> str:
    colours = [f"rgba({r},{g},{b},{_FILL})" for r, g, b in (_BANDS[i % len(_BANDS)] for i in positions)]
    if len(colours) == 1:
        return colours[0]
    stripes = ",".join(f"{colour} {k * 5}px {k * 5 + 5}px" for k, colour in enumerate(colours))
    return f"repeating-linear-gradient(135deg,{stripes})"
