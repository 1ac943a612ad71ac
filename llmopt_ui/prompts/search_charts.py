"""Figures of searches: intervals drawn sideways, so that texts can be read. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from llmopt_core.experiments.search.confirmation import Verification
from llmopt_core.experiments.search.results import ExampleEffect, FewShotEffect
from llmopt_core.statistics.intervals import Summary
from llmopt_ui import format as fmt
from llmopt_ui.charts import summary_words, whiskers
from llmopt_ui.theme import FAINT, NEUTRAL, apply_theme, figure_text, verdict

# Pixels of a row, of one in a chart of many, and from how many rows on a chart has many.
_ROW, _NARROW_ROW, _TALL = 34, 22, 20
_WORDS = {"better": "helps", "worse": "hurts", "equivalent": "equivalent", "cannot tell": "cannot tell"}
_LABEL = 44
"""Letters of a text beside its interval, so that half of the width is left to the picture."""
_ROOM = 0.06
"""Share of the axis that is free beyond the outermost interval, whose end would else lie on the frame."""


@dataclass(frozen=True, slots=True)
class TrialPoint:
    """One candidate of a search path.

    Attributes:
        name: Short and unlike the others.
        hover: What it is, in full.
        summary: On the training part; None where it was not measured.
        role: `start` for what was there, `best` for what was chosen, `other`, or `partial` where it was cut short.
    """

    name: str
    hover: str
    summary: Summary | None
    role: str


def effect_chart(effect: FewShotEffect, score: str) -> go.Figure:
    """One row per few-shot example: what the score gains by having it, with its 95 % interval; the best on top."""
    # From worst to best, as Plotly draws the first row at the bottom.
    rows = sorted(effect.examples, key=_effect)
    figure = go.Figure()
    figure.add_vline(0, line={"color": NEUTRAL, "width": 1.5})
    # A trace for each verdict, so that the legend explains the colours.
    for name, word in _WORDS.items():
        group = [row for row in rows if row.comparison is not None and row.verdict == name]
        if group:
            figure.add_trace(_effect_trace(group, f"{verdict(name).sign} {word}", verdict(name).colour))
    return apply_theme(
        figure,
        height=_height(len(rows)),
        xaxis={"title": f"← hurts     {score}: with the example minus without it     helps →"},
        yaxis={
            "categoryorder": "array",
            # Without it the rows would stand in the order of the traces.
            "categoryarray": [_label(row) for row in rows],
            "range": [-0.6, len(rows) - 0.4],
        },
        showlegend=True,
    )


def path_chart(trials: Sequence[TrialPoint], score: str, questions: int) -> go.Figure:
    """The search path on the training part, in the order tried from top to bottom."""
    # Plotly draws from the bottom up; the first trial stands on top.
    rows = list(reversed(trials))
    figure = go.Figure()
    start = next((row.summary.mean for row in trials if row.role == "start" and row.summary is not None), None)
    if start is not None:
        figure.add_vline(start, line={"color": NEUTRAL, "width": 1, "dash": "dot"})
    for role, (word, colour, symbol) in _ROLES.items():
        group = [row for row in rows if row.role == role and row.summary is not None and row.summary.mean is not None]
        if group:
            figure.add_trace(_path_trace(group, word, colour, symbol))
    return apply_theme(
        figure,
        height=_height(len(rows)),
        xaxis={"title": f"{score} on the {fmt.plural(questions, 'training question')} (chooses, is no result)"},
        yaxis={"categoryorder": "array", "categoryarray": [figure_text(row.name) for row in rows],
               "range": [-0.6, len(rows) - 0.4]},
        showlegend=True,
    )  # fmt: skip


def before_after(verification: Verification, score: str) -> go.Figure:
    """The two means on the held-back part with their intervals."""
    rows = (
        ("as found", verification.after, verdict(verification.comparison.verdict).colour),
        ("as it was", verification.before, NEUTRAL),
    )
    figure = go.Figure()
    for name, summary, colour in rows:
        if summary.mean is None:
            continue
        figure.add_trace(
            go.Scatter(
                x=[summary.mean], y=[name], mode="markers+text", text=[fmt.score(summary.mean)],
                textposition="top center", marker={"size": 13, "color": colour},
                error_x=whiskers([summary], colour), showlegend=False,
                hovertemplate=f"{name}: {summary_words(summary)}<extra></extra>",
            )
        )  # fmt: skip
    return apply_theme(
        figure,
        height=200,
        margin={"t": 20},
        xaxis={"title": f"{score}, held-back questions", "range": _with_zero(verification)},
        yaxis={"range": [-0.6, 1.7]},
    )


def _with_zero(verification: Verification) -> list[float]:
    """From zero to the largest value or end of an interval, with room for a mark on either side."""
    values = [value for part in (verification.before, verification.after) for value in (part.low, part.mean, part.high)]
    bounds = [0.0, *(value for value in values if value is not None)]
    # All values may be 0, which leaves no range to take a share of.
    room = _ROOM * ((max(bounds) - min(bounds)) or 1.0)
    return [min(bounds) - room, max(bounds) + room]


def _height(rows: int) -> int:
    return 110 + rows * (_ROW if rows <= _TALL else _NARROW_ROW)


def _effect(row: ExampleEffect) -> float:
    missing = row.comparison is None or row.comparison.difference is None
    # What could not be measured stands at the bottom.
    return float("-inf") if missing else row.comparison.difference  # type: ignore[union-attr, return-value]


def _label(row: ExampleEffect) -> str:
    return figure_text(f"{row.place + 1}. {fmt.shorten(row.question, _LABEL)}")


def _effect_trace(rows: Sequence[ExampleEffect], name: str, colour: str) -> go.Scatter:
    comparisons = [row.comparison for row in rows if row.comparison is not None]
    summaries = [Summary(c.difference, c.low, c.high, c.pairs, c.pairs + c.dropped) for c in comparisons]
    return go.Scatter(
        name=name,
        x=[c.difference for c in comparisons],
        y=[_label(row) for row in rows],
        mode="markers",
        marker={"size": 11, "color": colour},
        error_x=whiskers(summaries, colour),
        customdata=[
            [figure_text(fmt.shorten(row.question, 110)), figure_text(fmt.shorten(row.answer, 110)),
             fmt.with_sign(c.difference), fmt.interval(c.low, c.high), fmt.plural(c.pairs, "question")]
            for row, c in zip(rows, comparisons, strict=True)
        ],
        hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<br>worth %{customdata[2]} "
        "(95 % interval %{customdata[3]}), %{customdata[4]}<extra></extra>",
    )  # fmt: skip


def _path_trace(rows: Sequence[TrialPoint], name: str, colour: str, symbol: str) -> go.Scatter:
    summaries = [row.summary for row in rows if row.summary is not None]
    return go.Scatter(
        name=name,
        x=[summary.mean for summary in summaries],
        y=[figure_text(row.name) for row in rows],
        mode="markers",
        marker={"size": 11, "color": colour, "symbol": symbol},
        error_x=whiskers(summaries, colour),
        customdata=[
            [figure_text(fmt.shorten(row.hover, 160)), summary_words(s)] for row, s in zip(rows, summaries, strict=True)
        ],
        hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<extra></extra>",
    )


_ROLES = {
    "start": ("as it is", NEUTRAL, "diamond"),
    "best": ("chosen", "#E69F00", "circle"),
    "other": ("tried", "#56B4E9", "circle"),
    "partial": ("cut short, never chosen", FAINT, "circle-open"),
}
