"""Figures of a tuned embedding model: how its questions were parted, and what it brought. No Streamlit calls."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from llmopt_core.labs.finetuning.embedder import PARTS, Part
from llmopt_core.labs.finetuning.embedder_gain import MEASURES, EmbedderGain
from llmopt_ui import format as fmt
from llmopt_ui.charts import metric_bars
from llmopt_ui.finetuning.charts import BASE_COLOUR, PROMPT_COLOUR, TUNED_COLOUR
from llmopt_ui.theme import Ink, apply_theme, figure_text

_COLOURS: Mapping[Part, str] = {"training": BASE_COLOUR, "watched": "#56B4E9", "held back": TUNED_COLOUR}
_TITLES: Mapping[Part, str] = {"training": "Learned", "watched": "Validation loss", "held back": "Held back"}
_MOST_NAMES = 12
"""So many names have room in what is shown when pointing at a bar."""


def parts_bar(documents: Mapping[str, Mapping[Part, int]]) -> go.Figure:
    """One bar of three pieces, as long as each part has questions; the hover names its documents."""
    figure = go.Figure()
    for part in PARTS:
        counts = {
            name: counts_of_document[part]
            for name, counts_of_document in documents.items()
            if part in counts_of_document
        }
        total = sum(counts.values())
        # Too few documents for a part of its own; an empty piece would still stand in the legend.
        if not total:
            continue
        names = [figure_text(fmt.shorten(name, 40)) for name in list(counts)[:_MOST_NAMES]]
        more = [f"and {len(counts) - len(names)} more"] if len(counts) > len(names) else []
        figure.add_bar(
            name=_TITLES[part],
            y=["Questions"],
            x=[total],
            orientation="h",
            marker={"color": _COLOURS[part]},
            text=[f"{total:,}"],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            hovertemplate=f"<b>{_TITLES[part]}</b>: {fmt.plural(total, 'question')} of "
            f"{fmt.plural(len(counts), 'document')}<br>{'<br>'.join([*names, *more])}<extra></extra>",
        )
    return apply_theme(
        figure,
        barmode="stack",
        height=150,
        margin={"t": 34, "b": 40},
        xaxis={"title": "Questions", "rangemode": "tozero"},
        yaxis={"showticklabels": False},
        legend={"traceorder": "normal"},
        showlegend=True,
    )


def gain_bars(gain: EmbedderGain, before: str, after: str, ink: Ink) -> go.Figure:
    """Both models on each measure, with 95 % intervals; the tuned one in its colour, the other in grey."""
    results = {before: gain.before, after: gain.after}
    figure = metric_bars(results, {name: name for name in MEASURES}, {before: Ink(PROMPT_COLOUR), after: ink})
    # The same bars as elsewhere, whose axis does not know what these questions are.
    return figure.update_layout(yaxis={"title": "Mean over held-back questions (0 to 1)"})
