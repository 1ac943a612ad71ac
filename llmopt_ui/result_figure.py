"""The figure of a result, as `chart_of` chose it."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from llmopt_core.labs.data_questions.result_chart import ResultChart
from llmopt_core.types import Cell
from llmopt_ui import format as fmt
from llmopt_ui.theme import apply_theme, figure_text, inks

# Characters of a name beside its bar, and of a column in the legend.
_NAME, _COLUMN = 28, 40
_PER_BAR, _FRAME, _TALLEST = 26, 90, 900


def result_figure(chart: ResultChart, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> go.Figure:
    """Bars or lines of the columns that were chosen.

    Args:
        chart: Of kind `bar` or `line`.
        columns: Their names.
        rows: As they were read.
    """
    if chart.x is None or chart.kind not in ("bar", "line"):
        raise AssertionError("asked to draw a result that has no chart")
    names = {place: figure_text(fmt.shorten(columns[place] or f"column {place + 1}", _COLUMN)) for place in chart.y}
    colours = inks([f"series {place}" for place in chart.y])
    draw = _bar if chart.kind == "bar" else _line
    traces = [
        draw(rows, chart.x, place, names[place], ink.colour)
        for place, ink in zip(chart.y, colours.values(), strict=True)
    ]
    figure = go.Figure(traces)
    axis = figure_text(fmt.shorten(columns[chart.x], _COLUMN))
    several = len(chart.y) > 1
    if chart.kind == "line":
        return apply_theme(
            figure, height=340, showlegend=several, xaxis={"title": axis},
            yaxis={"title": "" if several else names[chart.y[0]]},
        )  # fmt: skip
    labels = [figure_text(fmt.shorten(_text(row[chart.x]), _NAME)) for row in rows]
    height = min(_TALLEST, _FRAME + _PER_BAR * len(rows) * max(1, len(chart.y) // 2 + 1))
    return apply_theme(
        figure, height=height, showlegend=several,
        # By place, since two names may begin alike; the first row stands at the top, as in the table.
        yaxis={"tickvals": list(range(len(rows))), "ticktext": labels, "autorange": "reversed", "title": ""},
        xaxis={"title": "" if several else names[chart.y[0]], "rangemode": "tozero"},
    )  # fmt: skip


def _bar(rows: Sequence[Sequence[Cell]], x: int, y: int, name: str, colour: str) -> go.Bar:
    return go.Bar(
        orientation="h", name=name, y=list(range(len(rows))), x=[row[y] for row in rows],
        marker={"color": colour}, customdata=[figure_text(fmt.shorten(_text(row[x]), 200)) for row in rows],
        hovertemplate="%{customdata}: %{x}<extra></extra>",
    )  # fmt: skip


def _line(rows: Sequence[Sequence[Cell]], x: int, y: int, name: str, colour: str) -> go.Scatter:
    return go.Scatter(
        mode="lines+markers", name=name, x=[row[x] for row in rows], y=[row[y] for row in rows], line={"color": colour},
    )  # fmt: skip


def _text(cell: Cell) -> str:
    return "NULL" if cell is None else " ".join(str(cell).split())
