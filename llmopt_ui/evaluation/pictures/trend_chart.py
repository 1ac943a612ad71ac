"""A metric over time: a line joins runs of one configuration on the same questions by the same judge, and no others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo

import plotly.graph_objects as go

from llmopt_core.labs.evaluation.pictures.trend import Trend, TrendLine, TrendPoint
from llmopt_ui import format as fmt
from llmopt_ui.charts import summary_words, whiskers
from llmopt_ui.evaluation.pictures.marks import hover_note
from llmopt_ui.theme import NEUTRAL, Ink, apply_theme, figure_text

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star")
_LEGEND = 12
"""More names take more room than the picture; pointing tells them."""


def trend_chart(trend: Trend, inks: Mapping[str, Ink], title: str, zone: tzinfo | None) -> go.Figure:
    """The lines.

    Args:
        trend: What is drawn.
        inks: Configuration -> its colour.
        title: Of the metric.
        zone: In which moments are shown.
    """
    symbols = version_symbols(trend)
    names: dict[str, None] = dict.fromkeys(line.configuration for line in trend.lines)
    shown: set[str] = set()
    figure = go.Figure()
    for line in trend.lines:
        is_first = line.configuration not in shown
        shown.add(line.configuration)
        figure.add_trace(_line(line, inks[line.configuration], symbols[line.set_version], zone,
                               in_legend=is_first and len(names) <= _LEGEND))  # fmt: skip
    if len(trend.versions) > 1:
        for version in trend.versions:
            figure.add_trace(_version_entry(version, symbols[version]))
    means = [p.summary.mean for line in trend.lines for p in line.points if p.summary.mean is not None]
    inside = bool(means) and min(means) >= 0 and max(means) <= 1
    return apply_theme(
        figure,
        height=420,
        xaxis={"title": "When the run was started", "type": "date", "fixedrange": True},
        yaxis={
            "title": f"{figure_text(title)}, mean with 95 % interval",
            "fixedrange": True,
            **({"range": [-0.03, 1.06]} if inside else {}),
        },
        dragmode=False,
        hovermode="closest",
    )


def version_symbols(trend: Trend) -> dict[str, str]:
    """Version of the set -> the form of its marks."""
    return {version: _SYMBOLS[place % len(_SYMBOLS)] for place, version in enumerate(trend.versions)}


def _line(line: TrendLine, ink: Ink, symbol: str, zone: tzinfo | None, *, in_legend: bool) -> go.Scatter:
    unseen = {"marker": {"opacity": 1}}
    points = line.points
    return go.Scatter(
        x=[point.when.astimezone(zone).replace(tzinfo=None) for point in points],
        y=[point.summary.mean for point in points],
        mode="lines+markers",
        name=figure_text(fmt.shorten(line.configuration, 40)),
        legendgroup=line.configuration,
        showlegend=in_legend,
        line={"color": ink.colour, "width": 2, "dash": "dash" if ink.pattern else "solid"},
        error_y=whiskers([point.summary for point in points], ink.colour),
        marker={
            "size": 11,
            # A ring says that something must be known of the number, which is told where it is pointed at.
            "symbol": [f"{symbol}-open" if point.mark else symbol for point in points],
            "color": ink.colour,
            "line": {"width": 2, "color": ink.colour},
        },
        customdata=[[line.configuration, point.run_id] for point in points],
        hovertext=[_words(line, point) for point in points],
        hovertemplate="%{hovertext}<extra></extra>",
        selected=unseen,
        unselected=unseen,
    )


def _words(line: TrendLine, point: TrendPoint) -> str:
    return (
        f"<b>{figure_text(line.configuration)}</b>, {fmt.full_moment(point.when)}<br>{summary_words(point.summary)}"
        f"<br>set version {figure_text(line.set_version[:6])}, configuration {figure_text(point.fingerprint[:4])}"
        f"<br>graded by {figure_text(fmt.shorten(line.judge, 60))}{hover_note(point.mark)}"
    )


def _version_entry(version: str, symbol: str) -> go.Scatter:
    return go.Scatter(
        x=[None], y=[None], mode="markers", hoverinfo="skip", name=f"set version {figure_text(version[:6])}",
        marker={"symbol": symbol, "size": 11, "color": NEUTRAL},
    )  # fmt: skip
