"""How the scores of a metric are spread, where many are tied at 0 and 1: shares of bands, one row per configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

import plotly.graph_objects as go
import streamlit as st

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.labs.evaluation.pictures.score_bands import (
    NOT_SCORED,
    Band,
    Spread,
    band_titles,
    metric_bands,
    score_spreads,
)
from llmopt_ui import format as fmt
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import section
from llmopt_ui.evaluation.comparison import Selection
from llmopt_ui.evaluation.pictures.marks import hover_note, notes_of, records_bar, row_label, take_click
from llmopt_ui.evaluation.records_address import ANY
from llmopt_ui.runs.results import Entry, score_tables
from llmopt_ui.tables import show_table
from llmopt_ui.theme import FAINTER, NEUTRAL, Ink, apply_theme, figure_text, share_colour

_HELP = "How many records have which score. A mean hides whether all are middling or some right and some wrong."
_LEAST = 0.035
"""A narrower part has no room for its number."""


def spread_view(selection: Selection, comparison: Sequence[Entry], metric: str) -> None:
    """The picture, and its numbers."""
    tables = score_tables(selection.runs)
    bands = metric_bands(tables, metric)
    spreads = score_spreads(tables, metric, bands)
    section(f"How {metric_title(metric)} is spread", _HELP)
    notes, key = notes_of(comparison), f"spread_{metric}"
    show_chart(
        spread_chart(spreads, bands, selection.inks, notes, metric_title(metric)),
        key,
        f"How many records of each configuration have which {metric_title(metric)}",
        on_select=lambda: take_click(key, metric),
        selection_mode="points",
    )
    titles = band_titles(bands)
    records_bar(selection, metric, "spread", titles)
    rows = [
        {"Configuration": f"{selection.inks[one.configuration].dot}\u00a0**{fmt.markdown(one.configuration)}**",
         **{titles[band.key].capitalize(): f"{count:,}" for band, count in zip(bands, one.counts, strict=True)}}
        for one in spreads
    ]  # fmt: skip
    with st.expander("As a table", icon=":material/table:"):
        show_table(rows, f"Records by {metric_title(metric)} and configuration", "spread")


def spread_chart(
    spreads: Sequence[Spread], bands: Sequence[Band], inks: Mapping[str, Ink], notes: Mapping[str, str], title: str
) -> go.Figure:
    """Stacked bars of shares; the end of the scale that is tied most is seen at once, and each part can be clicked."""
    rows = list(range(len(spreads)))
    parts = [_part(spreads, place, band, len(bands) - 1, notes) for place, band in enumerate(bands)]
    figure = go.Figure([*parts, _numbers(spreads)])
    labels = [
        row_label(one.configuration, inks[one.configuration], notes.get(one.configuration, "")) for one in spreads
    ]
    return apply_theme(
        figure,
        height=130 + (44 if len(rows) <= 12 else 26) * len(rows),
        barmode="stack",
        bargap=0.25,
        barcornerradius=0,
        xaxis={
            "title": f"Share of records, by {figure_text(title)}", "tickformat": ".0%", "range": [0, 1],
            "fixedrange": True,
        },
        yaxis={
            "tickvals": rows, "ticktext": labels, "range": [len(rows) - 0.5, -0.5], "showgrid": False,
            "fixedrange": True,
        },
        legend={"traceorder": "normal", "xanchor": "left", "x": 0},
        dragmode=False,
    )  # fmt: skip


def _numbers(spreads: Sequence[Spread]) -> go.Scatter:
    """How many records, in the middle of each part."""
    # The text of bars takes its colour from the bar as if the page were white.
    places = [
        (end - count / 2, row, count, one.total)
        for row, one in enumerate(spreads)
        for end, count in zip(accumulate(one.counts), one.counts, strict=True)
        if one.total and count / one.total >= _LEAST
    ]
    return go.Scatter(
        x=[middle / total for middle, _, _, total in places],
        y=[row for _, row, _, _ in places],
        text=[f"{count:,}" for _, _, count, _ in places],
        mode="text",
        hoverinfo="skip",
        showlegend=False,
    )


def _part(spreads: Sequence[Spread], place: int, band: Band, last: int, notes: Mapping[str, str]) -> go.Bar:
    counts = [one.counts[place] for one in spreads]
    shares = [count / one.total if one.total else 0.0 for count, one in zip(counts, spreads, strict=True)]
    missing = band.key == NOT_SCORED
    unseen = {"marker": {"opacity": 1}}
    return go.Bar(
        name=band.words,
        orientation="h",
        x=shares,
        y=list(range(len(spreads))),
        marker={
            # The scale of all heat maps, so that high is strong here, too.
            "color": FAINTER if missing else share_colour(place / max(1, last - 1)),
            "pattern": {"shape": "/" if missing else "", "fgcolor": NEUTRAL, "solidity": 0.2},
            "line": {"width": 1, "color": NEUTRAL},
        },
        customdata=[[one.configuration, band.key, ANY] for one in spreads],
        hovertext=[
            f"<b>{figure_text(one.configuration)}</b><br>{band.words}: {count:,} of {one.total:,} records ({share:.0%})"
            f"{hover_note(notes.get(one.configuration, ''))}"
            for one, count, share in zip(spreads, counts, shares, strict=True)
        ],
        hovertemplate="%{hovertext}<extra></extra>",
        selected=unseen,
        unselected=unseen,
    )
