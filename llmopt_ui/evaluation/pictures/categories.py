"""Categories by configurations: where a configuration is weak, with the number of questions and the interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.labs.evaluation.pictures.category_scores import CategoryScore, category_scores
from llmopt_core.runs.values import Run
from llmopt_ui import format as fmt
from llmopt_ui.chart_view import show_chart
from llmopt_ui.charts import summary_words
from llmopt_ui.components import section
from llmopt_ui.evaluation.comparison import Selection
from llmopt_ui.evaluation.pictures.marks import hover_note, notes_of, records_bar, row_label, take_click
from llmopt_ui.evaluation.records_address import ANY, category_value
from llmopt_ui.runs.results import Entry, score_tables, version_of
from llmopt_ui.tables import show_table
from llmopt_ui.theme import SHARES, Ink, apply_theme, figure_text

_HELP = "Few questions in a category make wide intervals: the verdicts by category stand in the tab Head to head."
_WORDY = 8
"""More columns have no room for words."""
_MOST = 60
"""Columns of a map: narrower ones could not be told apart. The table has all."""


def categories_view(
    selection: Selection, comparison: Sequence[Entry], metric: str, categories: Mapping[str, str]
) -> None:
    """The map, and its numbers."""
    scores = _scores(tuple((name, *version_of(run)) for name, run in selection.runs.items()), metric,
                     (selection.set_name, selection.set_version), selection.runs, categories)  # fmt: skip
    names = list(dict.fromkeys(one.category for one in scores))
    section(f"{metric_title(metric)} by category", _HELP)
    if names in ([], [""]):
        st.caption("The questions of this set have no categories. Give them some in the tab Questions.")
        return
    notes, key = notes_of(comparison), f"categories_{metric}"
    names.sort(key=lambda name: (not name, name))
    show_chart(
        category_map([one for one in scores if one.category in names[:_MOST]], selection.inks, notes),
        key,
        f"{metric_title(metric)} of each configuration in each category",
        on_select=lambda: take_click(key, metric),
        selection_mode="points",
    )
    if len(names) > _MOST:
        st.caption(f"The first {_MOST} of {len(names):,} categories are drawn; the table has all.")
    records_bar(selection, metric, "categories", categories=names)
    with st.expander("As a table", icon=":material/table:"):
        _numbers(scores, selection, metric)


@st.cache_resource(max_entries=32, show_spinner="Comparing …")
def _scores(
    keys: tuple[tuple[str, int, int, int, str], ...],
    metric: str,
    of_set: tuple[str, str],
    _runs: Mapping[str, Run],
    _categories: Mapping[str, str],
) -> list[CategoryScore]:
    return category_scores(score_tables(_runs), metric, _categories)


def category_map(scores: Sequence[CategoryScore], inks: Mapping[str, Ink], notes: Mapping[str, str]) -> go.Figure:
    """Means as colours and, where there is room, as numbers; unseen points on top can be clicked."""
    rows = list(dict.fromkeys(one.configuration for one in scores))
    columns = sorted({one.category for one in scores}, key=lambda name: (not name, name))
    cells = [(columns.index(one.category), rows.index(one.configuration), one) for one in scores]
    values = np.full((len(rows), len(columns)), np.nan)
    for x, y, one in cells:
        if one.summary.mean is not None:
            values[y, x] = one.summary.mean
    wordy = len(columns) <= _WORDY
    inside = not np.isfinite(values).any() or (np.nanmin(values) >= 0 and np.nanmax(values) <= 1)
    bar = {"title": {"text": "Mean", "side": "top"}, "thickness": 10, "outlinewidth": 0}
    colours = go.Heatmap(
        z=values, x=list(range(len(columns))), y=list(range(len(rows))), xgap=2, ygap=3, hoverinfo="skip",
        colorscale=SHARES, colorbar=bar, **({"zmin": 0, "zmax": 1} if inside else {}),
    )  # fmt: skip
    # The number of questions of a category is the same in all rows unless some were asked fewer.
    sizes = {name: max(one.summary.total for _, _, one in cells if one.category == name) for name in columns}
    titles = [f"{figure_text(fmt.shorten(name or '(none)', 22))}<br>n {sizes[name]:,}" for name in columns]
    return apply_theme(
        go.Figure([colours, _points(cells, notes, wordy=wordy)]),
        height=130 + (44 if len(rows) <= 12 else 26) * len(rows),
        xaxis={
            "tickvals": list(range(len(columns))), "ticktext": titles, "side": "top", "showgrid": False,
            "range": [-0.5, len(columns) - 0.5], "tickangle": 0 if wordy else -60, "fixedrange": True,
            "title": {"text": "Category", "standoff": 16},
        },
        yaxis={
            "tickvals": list(range(len(rows))), "showgrid": False, "range": [len(rows) - 0.5, -0.5],
            "ticktext": [row_label(name, inks[name], notes.get(name, "")) for name in rows], "fixedrange": True,
        },
        dragmode=False,
        hovermode="closest",
    )  # fmt: skip


def _points(cells: Sequence[tuple[int, int, CategoryScore]], notes: Mapping[str, str], *, wordy: bool) -> go.Scatter:
    unseen = {"marker": {"opacity": 0}}
    return go.Scatter(
        x=[x for x, _, _ in cells],
        y=[y for _, y, _ in cells],
        mode="markers+text" if wordy else "markers",
        text=[fmt.score(one.summary.mean) for _, _, one in cells] if wordy else None,
        marker={"size": 26, "symbol": "square", "opacity": 0},
        customdata=[[one.configuration, ANY, category_value(one.category)] for _, _, one in cells],
        hovertext=[
            f"<b>{figure_text(one.configuration)}</b> · {figure_text(one.category or 'no category')}"
            f"<br>{summary_words(one.summary)}{hover_note(notes.get(one.configuration, ''))}"
            for _, _, one in cells
        ],
        hovertemplate="%{hovertext}<extra></extra>",
        selected=unseen,
        unselected=unseen,
        showlegend=False,
    )


def _numbers(scores: Sequence[CategoryScore], selection: Selection, metric: str) -> None:
    rows = [
        {
            "Category": f"**{fmt.markdown(one.category or 'none')}**",
            "Configuration": f"{selection.inks[one.configuration].dot}\u00a0{fmt.markdown(one.configuration)}",
            "Mean": fmt.score(one.summary.mean) if one.summary.mean is not None else ":gray[not scored]",
            "95 % interval": fmt.interval(one.summary.low, one.summary.high) if one.summary.low is not None else "",
            "Scored": f"{one.summary.scored:,} of {one.summary.total:,}",
        }
        for one in sorted(scores, key=lambda one: (not one.category, one.category))
    ]
    show_table(rows, f"{metric_title(metric)} by category and configuration", "categories")
