"""The two-axis map of the method with a project's configurations on it.

Up is context optimization (what the model needs to know), right is LLM optimization (how the model needs to act).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from llmopt_ui.theme import FAINTER, NEUTRAL, VERDICTS, Ink, apply_theme, figure_text


@dataclass(frozen=True, slots=True)
class Place:
    """Where a configuration stands on the map, both between 0 and 1, and what brought it there."""

    context: float
    model: float
    steps: tuple[str, ...]


def _fact_check(spec: Mapping[str, Any]) -> str:
    """Its method; runs of earlier versions carry it under its former names."""
    spec_of_check = spec.get("fact_check") or spec.get("checks") or {}
    return str(spec_of_check.get("method", spec_of_check.get("fact_check", "none")))


def place(spec: Mapping[str, Any]) -> Place:
    """Place a configuration by its parts: each part of retrieval moves it up, a tuned model moves it right."""
    prompt, retrieval = spec.get("prompt") or {}, spec.get("retrieval") or {}
    steps: list[str] = ["prompt"]
    # All steps are a matter of drawing, chosen so that each part moves a mark and none leaves its field; they measure
    # nothing.
    up, right = 0.2, 0.1
    if (prompt.get("few_shot") or {}).get("examples"):
        steps.append("few-shot")
        up, right = up + 0.09, right + 0.06
    if prompt.get("steps"):
        steps.append("subtasks")
        right += 0.05
    if retrieval:
        steps.append("RAG")
        # Retrieval begins in the upper half, whatever else there is.
        up = 0.58 + 0.05 * len(parts := _retrieval_parts(retrieval))
        steps += parts
    if _fact_check(spec) != "none":
        steps.append("fact check")
        up += 0.06
    if (spec.get("model") or {}).get("adapter"):
        steps.append("fine-tuned")
        # A tuned model begins in the right half.
        right = 0.56 + (0.06 if "few-shot" in steps else 0)
    # Not at the edge, where a mark would be cut.
    return Place(min(up, 0.95), min(right, 0.95), tuple(steps))


def _retrieval_parts(retrieval: Mapping[str, Any]) -> list[str]:
    search, rerank = retrieval.get("search") or {}, retrieval.get("rerank") or {}
    transform = (retrieval.get("transform") or {}).get("method", "none")
    names = {
        "hyde": "invented passages",
        "multi-query": "query expansion",
        "decompose": "sub-questions",
        "step-back": "step-back",
    }
    parts = [names.get(transform, transform)] if transform != "none" else []
    parts += ["hybrid search"] if search.get("method") == "hybrid" else []
    parts += ["reranking"] if rerank.get("method", "none") != "none" else []
    return parts + (["routing"] if retrieval.get("routing") else [])


@dataclass(frozen=True, slots=True)
class Leg:
    """A step of the way over the map, from what was kept before to what was kept next."""

    start: str
    end: str


def method_map(
    places: Mapping[str, Place],
    inks: Mapping[str, Ink],
    captions: Mapping[str, str],
    path: Sequence[Leg] = (),
    dropped: Collection[str] = (),
) -> go.Figure:
    """The map: a mark for each configuration with its number, which a list beside it explains.

    Args:
        places: Configuration -> where it stands; numbered in this order, from 1.
        inks: Configuration -> its colour.
        captions: Configuration -> what is said of it when pointed at, such as its leading score.
        path: The way that was walked. What was tried beside it has no line: many of them would cross all numbers.
        dropped: Configurations that were dropped; their numbers have a cross.
    """
    figure = go.Figure()
    _background(figure)
    spots = _spread_places(places)
    for leg in path:
        _draw_leg(figure, spots[leg.start], spots[leg.end])
    for number, (name, spot) in enumerate(spots.items(), 1):
        steps, caption = figure_text(" + ".join(places[name].steps)), figure_text(captions.get(name, ""))
        # A name may hold tags and variables of Plotly's.
        hover = f"<b>{figure_text(name)}</b><br>{steps}<br>{caption}"
        sign = "✗" if name in dropped else ""
        figure.add_trace(_mark(f"{number}{sign}", name, hover.removesuffix("<br>"), spot, inks[name]))
    axis = {"showgrid": False, "showticklabels": False, "zeroline": False, "fixedrange": True, "range": [-0.02, 1.02]}
    return apply_theme(
        figure,
        height=480,
        margin={"l": 8, "r": 8, "t": 12, "b": 8},
        showlegend=False,
        dragmode=False,
        xaxis={**axis, "title": "LLM optimization: how the model needs to act  →"},
        yaxis={**axis, "title": "Context optimization: what the model needs to know  →"},
    )


_HEAD = 0.09
"""How much of an arrow is drawn before the marks, its head with it, as a part of the map."""
_SIZE = 22
"""Pixels of a mark: two digits have room in it."""
_ACROSS, _UP = 0.088, 0.062
"""How far marks stand apart, as parts of the map: more than a mark where the map is 280 pixels wide."""
_EDGE = 0.05
_LOWER, _UPPER = (0.19, 0.46), (0.54, 0.81)
"""Between which heights marks may stand in the lower and the upper fields. The names of the fields stand above and
below all of them, where no line from mark to mark can run over a name."""
_CORNERS = (
    (0.485, 0.985, "<b>Retrieval (RAG)</b><br>hybrid search, reranking,<br>rewording, fact check", "right", "top"),
    (0.985, 0.985, "<b>All of the above</b><br>fine-tuning + RAG", "right", "top"),
    (0.485, 0.015, "<b>Prompt</b><br>clear instructions,<br>few-shot examples", "right", "bottom"),
    (0.985, 0.015, "<b>Fine-tuning</b><br>format, tone,<br>a smaller model", "right", "bottom"),
)


def _background(figure: go.Figure) -> None:
    """Four faint fields with their names, and the usual way through them."""
    # Corners at the lower left of each field; the gaps between them are the lines of the map.
    for x, y in ((0, 0.5), (0.5, 0.5), (0, 0), (0.5, 0)):
        figure.add_shape(
            type="rect",
            x0=x + 0.005,
            x1=x + 0.495,
            y0=y + 0.006,
            y1=y + 0.494,
            line={"width": 0},
            fillcolor=FAINTER,
            layer="below",
        )
    for x, y, text, across, down in _CORNERS:
        figure.add_annotation(
            x=x,
            y=y,
            text=text,
            showarrow=False,
            xanchor=across,
            yanchor=down,
            align=across,
            font={"size": 12, "color": NEUTRAL},
        )


def _spread_places(places: Mapping[str, Place]) -> dict[str, tuple[float, float]]:
    """Across and up for each: its own place, or the nearest one in the same field where it covers no other mark."""
    spots: dict[str, tuple[float, float]] = {}
    for name, spot in places.items():
        own = _keep_inside(spot.model, spot.context, spot)
        free = (at for at in _nearby_spots(own, spot) if not any(_overlaps(at, other) for other in spots.values()))
        # A field that is full: then marks cover each other.
        spots[name] = next(free, own)
    return spots


def _nearby_spots(own: tuple[float, float], spot: Place) -> list[tuple[float, float]]:
    # Five to each side reach everywhere in a field.
    steps = [(i, j) for i in range(-5, 6) for j in range(-5, 6)]
    # The nearest first; up and down counts twice, since height tells more of a configuration. Ties go right, then
    # down, so that the map is the same each time.
    steps.sort(key=lambda step: (step[0] ** 2 + 2 * step[1] ** 2, -step[0], step[1]))
    candidates = [(own[0] + i * _ACROSS, own[1] + j * _UP) for i, j in steps]
    # Those that need not be moved to be inside; compared with a tolerance, as sums of decimals are not exact.
    return [at for at in candidates if math.dist(at, _keep_inside(*at, spot)) < 1e-9]


def _keep_inside(across: float, up: float, spot: Place) -> tuple[float, float]:
    """The nearest place in the field of a configuration that is not under the field's name."""
    # By where it belongs and not by the place that is tried: nothing changes its field for lack of room.
    left = 0.5 * (spot.model >= 0.5)
    lowest, highest = _UPPER if spot.context >= 0.5 else _LOWER
    return min(max(across, left + _EDGE), left + 0.5 - _EDGE), min(max(up, lowest), highest)


def _overlaps(one: tuple[float, float], other: tuple[float, float]) -> bool:
    # A hair less than a step, or neighbours on the grid would count as overlapping by rounding.
    return abs(one[0] - other[0]) < 0.99 * _ACROSS and abs(one[1] - other[1]) < 0.99 * _UP


def _draw_leg(figure: go.Figure, start: tuple[float, float], end: tuple[float, float]) -> None:
    """A line behind the marks, so that no number on its way is crossed, and its head before them."""
    length = math.dist(start, end)
    if length < 1e-9:
        return
    colour = VERDICTS["better"].colour
    figure.add_shape(
        type="line", x0=start[0], y0=start[1], x1=end[0], y1=end[1], layer="below",
        line={"width": 2, "color": colour},
    )  # fmt: skip
    near = min(1.0, _HEAD / length)
    figure.add_annotation(
        x=end[0], y=end[1], ax=end[0] + near * (start[0] - end[0]), ay=end[1] + near * (start[1] - end[1]),
        axref="x", ayref="y", text="", showarrow=True, arrowhead=2, arrowsize=1.1, arrowwidth=2, arrowcolor=colour,
        standoff=_SIZE / 2 + 2,
    )  # fmt: skip


def _mark(number: str, name: str, hover: str, spot: tuple[float, float], ink: Ink) -> go.Scatter:
    return go.Scatter(
        x=[spot[0]],
        y=[spot[1]],
        name=figure_text(name),
        mode="markers+text",
        text=[number],
        textposition="middle center",
        textfont={"size": 12, "color": ink.over},
        marker={"size": _SIZE, "color": ink.colour, "line": {"width": 0}},
        hovertemplate=f"{hover}<extra></extra>",
        cliponaxis=False,
    )
