"""How large the chunks are, and where the embedding model stops reading."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import plotly.graph_objects as go

from llmopt_core.chunking.microscope import Cutting
from llmopt_ui.theme import NEUTRAL, themed

_BINS = 24
_NEAR = 1.4
_INSIDE, _BEYOND = "#0072B2", "#D55E00"


def token_histogram(cutting: Cutting, largest: int) -> go.Figure:
    """Chunks by their number of embedding tokens; those beyond the window in another colour.

    Args:
        cutting: What is drawn.
        largest: Where the axis ends, so that two chunkings can be compared.
    """
    top = max(1, largest)
    edges = np.unique(np.round(np.linspace(0, top, min(_BINS, top) + 1)))
    counts, _ = np.histogram(cutting.tokens, bins=edges)
    middle = (edges[:-1] + edges[1:]) / 2
    figure = go.Figure(
        go.Bar(
            x=middle,
            y=counts,
            width=np.diff(edges),
            marker={"color": [_BEYOND if m > cutting.window else _INSIDE for m in middle], "cornerradius": 2},
            customdata=[[int(a), int(b)] for a, b in pairwise(edges)],
            hovertemplate="%{customdata[0]} to %{customdata[1]} tokens: %{y} chunks<extra></extra>",
        )
    )
    end = max(top, cutting.window) if cutting.window <= _NEAR * top else top
    if cutting.window <= end:
        figure.add_vline(cutting.window, line={"dash": "dash", "color": NEUTRAL, "width": 1.5})
        figure.add_annotation(
            x=cutting.window, y=1.0, yref="paper", yanchor="bottom", showarrow=False,
            text=f"window: {cutting.window}", font={"size": 12},
        )  # fmt: skip
    figure.update_layout(
        height=210,
        margin={"t": 24, "b": 4, "r": 24},
        bargap=0.06,
        showlegend=False,
        xaxis={"title": "Embedding tokens per chunk", "range": [0, 1.03 * end], "fixedrange": True},
        yaxis={"title": "Chunks", "dtick": max(1, int(np.ceil(counts.max(initial=1) / 4))), "fixedrange": True},
    )  # fmt: skip
    return themed(figure)
