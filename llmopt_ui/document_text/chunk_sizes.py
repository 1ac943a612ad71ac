"""How large the chunks are, and where the embedding model stops reading.

Drawn by a script of a few lines: a chart library takes longer to draw a histogram again than a slider may take.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from llmopt_core.chunking.microscope import DocumentChunking
from llmopt_ui.own_component import own_component

# Bars: as many as are still told apart in a third of a page.
_BINS = 24
# The window is drawn if it lies at most this far beyond the largest chunk; farther away it would squeeze all bars to
# one side.
_NEAR = 1.4
# Numbers along the axis that have room beside each other.
_MARKS = 6
# What people count in. 10 is there so that one of them is always large enough.
_STEPS = (1, 2, 2.5, 5, 10)
_JS = Path(__file__).with_name("chunk_sizes.js")


def sizes_data(cutting: DocumentChunking, largest: int) -> dict[str, Any]:
    """A histogram of embedding tokens per chunk, places and heights as shares of the picture (0 to 1).

    Args:
        cutting: What is drawn.
        largest: Where the axis ends, so that two chunkings can be compared.
    """
    top = max(1, largest)
    # A little room behind the last bar and for the line of the window.
    end = 1.03 * (max(top, cutting.window) if cutting.window <= _NEAR * top else top)
    # Whole tokens; with few of them rounded edges coincide, and a bar without width cannot be drawn.
    edges = np.unique(np.round(np.linspace(0, top, min(_BINS, top) + 1)))
    counts, _ = np.histogram(cutting.tokens, bins=edges)
    # At least 1, by which heights can be divided.
    high = float(counts.max(initial=1))
    return {
        "bars": [
            [
                a / end,
                (b - a) / end,
                count / high,
                bool((a + b) / 2 > cutting.window),
                f"{int(a):,} to {int(b):,} tokens: {int(count):,} {'chunk' if count == 1 else 'chunks'}",
            ]
            for (a, b), count in zip(pairwise(edges.tolist()), counts.tolist(), strict=True)
        ],
        "across": [[value / end, f"{value:,.0f}"] for value in axis_marks(end, _MARKS)],
        "up": [[value / high, f"{value:,.0f}"] for value in axis_marks(high, 4)],
        "window": [cutting.window / end, f"window: {cutting.window:,}"] if cutting.window <= end else None,
        "titles": ["Embedding tokens per chunk", "Chunks"],
        "told": f"Histogram of chunk sizes: {len(cutting.chunks):,} chunks, the largest of "
        f"{int(cutting.tokens.max(initial=0)):,} tokens, {cutting.truncated_chunks:,} beyond the window",
    }


def axis_marks(largest: float, count: int) -> Sequence[float]:
    """Round whole numbers from 0 up to `largest`, about `count` steps of them."""
    rough = max(largest / count, 1.0)
    power = 10.0 ** np.floor(np.log10(rough))
    # The smallest step that is round and not finer than wanted; halves of tokens or chunks do not exist.
    step = next(power * step for step in _STEPS if power * step >= rough and (power * step).is_integer())
    # The tiny addition keeps the last mark, which rounding may place a hair above the end.
    return [float(value) for value in np.arange(0.0, largest + 1e-9, step)]


def show_sizes(data: dict[str, Any], key: str) -> None:
    """Draw the histogram."""
    own_component(_JS, '<div class="sizes"></div>')(key=key, data=data)
