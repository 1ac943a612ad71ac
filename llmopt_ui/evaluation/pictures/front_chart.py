"""Quality against what a question takes, with the configurations that no other one beats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from llmopt_core.labs.evaluation.pictures.pareto import Candidate, Front
from llmopt_ui import format as fmt
from llmopt_ui.charts import summary_words, whiskers
from llmopt_ui.evaluation.pictures.marks import hover_note, marker_symbol
from llmopt_ui.evaluation.records_address import ANY
from llmopt_ui.theme import NEUTRAL, Ink, apply_theme, figure_text

_WIDE = 40.0
"""Prices that lie further apart than so many times stand on a logarithmic axis, where the low ones can be told."""
_LABELS = 12
"""More names beside dots run into each other; those of the front stay, pointing tells the others."""


def front_chart(
    front: Front,
    inks: Mapping[str, Ink],
    title: str,
    axis: str,
    *,
    words: Mapping[str, str],
    notes: Mapping[str, str],
) -> go.Figure:
    """One dot per configuration: full on the front, a ring where another one is better and takes no more.

    Args:
        front: What is drawn.
        inks: Configuration -> its colour.
        title: Of the metric.
        axis: What the lower axis says.
        words: Configuration -> its price in words.
        notes: Configuration -> what must stand beside it.
    """
    named = {one.name for one in front.drawn} if len(front.drawn) <= _LABELS else set(front.names)
    dots = [
        _dot(one, front, inks[one.name], name=one.name in named, words=_words(one, front, words[one.name], notes))
        for one in front.drawn
    ]
    figure = go.Figure([*_envelope(front), *dots, *_legend()])
    prices = [one.price or 0.0 for one in front.drawn]
    wide = bool(prices) and min(prices) > 0 and max(prices) > _WIDE * min(prices)
    means = [one.quality.mean for one in front.drawn if one.quality.mean is not None]
    inside = not means or (min(means) >= 0 and max(means) <= 1)
    return apply_theme(
        figure,
        height=430,
        margin={"t": 40, "r": 24},
        # Room for names beside the outermost dots.
        xaxis={"title": axis, "fixedrange": True, **({"type": "log"} if wide else {"range": _span(prices)})},
        yaxis={
            "title": f"{figure_text(title)}, mean with 95 % interval",
            "fixedrange": True,
            **({"range": [-0.03, 1.06]} if inside else {}),
        },
        dragmode=False,
        hovermode="closest",
    )


def _span(prices: Sequence[float]) -> list[float]:
    high = max(prices, default=0.0) or 1.0
    return [-0.04 * high, 1.22 * high]


def _dot(one: Candidate, front: Front, ink: Ink, *, name: bool, words: str) -> go.Scatter:
    beaten = one.name in front.beaten_by
    unseen = {"marker": {"opacity": 1}}
    return go.Scatter(
        x=[one.price],
        y=[one.quality.mean],
        mode="markers+text" if name else "markers",
        text=[figure_text(fmt.shorten(one.name, 24))],
        textposition="bottom right",
        error_y=whiskers([one.quality], ink.colour),
        marker={
            "size": 15,
            "symbol": marker_symbol(ink, is_open=beaten),
            "color": ink.colour,
            "line": {"width": 2.5, "color": ink.colour},
        },
        customdata=[[one.name, ANY, ANY]],
        hovertext=[words],
        hovertemplate="%{hovertext}<extra></extra>",
        selected=unseen,
        unselected=unseen,
        showlegend=False,
    )


def _words(one: Candidate, front: Front, price: str, notes: Mapping[str, str]) -> str:
    return (
        f"<b>{figure_text(one.name)}</b><br>{summary_words(one.quality)}<br>{figure_text(price)}"
        f"<br>{figure_text(place_words(one.name, front))}{hover_note(notes.get(one.name, ''))}"
    )


def place_words(name: str, front: Front) -> str:
    """Whether a configuration is on the front, and by which other one it is beaten."""
    winner = front.beaten_by.get(name)
    if winner is None:
        return "on the front"
    return "trained on these questions, so on no front" if winner == name else f"beaten by {winner}"


def _envelope(front: Front) -> list[go.Scatter]:
    """The highest mean on the front up to each price, as steps."""
    there = {one.name: one for one in front.drawn}
    best, corners = -1e9, []
    for one in (there[name] for name in front.names):
        if one.quality.mean is not None and one.quality.mean > best:
            best = one.quality.mean
            corners.append((one.price, best))
    if len(corners) < 2:
        return []
    return [
        go.Scatter(
            x=[x for x, _ in corners], y=[y for _, y in corners], mode="lines", hoverinfo="skip", showlegend=False,
            line={"shape": "hv", "color": NEUTRAL, "width": 1.5, "dash": "dot"},
        )
    ]  # fmt: skip


def _legend() -> list[go.Scatter]:
    """Entries without a place: the colour tells the configuration, so the form alone is explained."""
    return [
        go.Scatter(x=[None], y=[None], mode="markers", name=name, hoverinfo="skip",
                   marker={"symbol": symbol, "size": 12, "color": NEUTRAL, "line": {"width": 2.5, "color": NEUTRAL}})
        for name, symbol in (("on the front", "circle"), ("another is better and takes no more", "circle-open"))
    ]  # fmt: skip
