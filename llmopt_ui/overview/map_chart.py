"""The two-axis map of the method with a project's configurations on it.

Up is context optimization (what the model needs to know), right is LLM optimization (how the model needs to act).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from llmopt_ui import format as fmt
from llmopt_ui.theme import FAINT, FAINTER, NEUTRAL, Ink, plain, themed


@dataclass(frozen=True, slots=True)
class Place:
    """Where a configuration stands on the map, both between 0 and 1, and what brought it there."""

    context: float
    model: float
    steps: tuple[str, ...]


def _fact_check(spec: Mapping[str, Any]) -> str:
    """Its method; runs of earlier versions carry it under its former names."""
    found = spec.get("fact_check") or spec.get("checks") or {}
    return str(found.get("method", found.get("fact_check", "none")))


def place(spec: Mapping[str, Any]) -> Place:
    """Place a configuration by its parts: each part of retrieval moves it up, a tuned model moves it right."""
    prompt, retrieval = spec.get("prompt") or {}, spec.get("retrieval") or {}
    steps: list[str] = ["prompt"]
    up, right = 0.11, 0.1
    if (prompt.get("few_shot") or {}).get("examples"):
        steps.append("few-shot")
        up, right = up + 0.09, right + 0.06
    if prompt.get("steps"):
        steps.append("subtasks")
        right += 0.05
    if retrieval:
        steps.append("RAG")
        up = 0.58 + 0.075 * len(found := _retrieval_parts(retrieval))
        steps += found
    if _fact_check(spec) != "none":
        steps.append("fact check")
        up += 0.06
    if (spec.get("model") or {}).get("adapter"):
        steps.append("fine-tuned")
        right = 0.56 + (0.06 if "few-shot" in steps else 0)
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


def method_map(places: Mapping[str, Place], inks: Mapping[str, Ink], captions: Mapping[str, str]) -> go.Figure:
    """The map.

    Args:
        places: Configuration -> where it stands.
        inks: Configuration -> its colour.
        captions: Configuration -> what stands under its name, such as its leading score.
    """
    figure = go.Figure()
    _ground(figure)
    for names in _neighbours(places):
        for turn, name in enumerate(names):
            shift = (turn - (len(names) - 1) / 2) * _APART
            words = f"<b>{plain(fmt.shorten(name, 22))}</b><br>{plain(captions.get(name, ''))}"
            figure.add_trace(_mark(plain(name), words, places[name], inks[name], shift))
    hidden = {"showgrid": False, "showticklabels": False, "zeroline": False, "fixedrange": True, "range": [-0.02, 1.02]}
    figure.update_layout(
        height=480,
        margin={"l": 8, "r": 8, "t": 12, "b": 8},
        showlegend=False,
        dragmode=False,
        xaxis={**hidden, "title": "LLM optimization: how the model needs to act  →"},
        yaxis={**hidden, "title": "Context optimization: what the model needs to know  →"},
    )
    return themed(figure)


_APART = 0.085
_CORNERS = (
    (0.015, 0.985, "<b>Retrieval (RAG)</b><br>hybrid search, reranking,<br>rewording, fact check", "left", "top"),
    (0.985, 0.985, "<b>All of the above</b><br>fine-tuning + RAG", "right", "top"),
    (0.015, 0.48, "<b>Prompt</b><br>clear instructions,<br>few-shot examples", "left", "top"),
    (0.985, 0.48, "<b>Fine-tuning</b><br>format, tone,<br>a smaller model", "right", "top"),
)


def _ground(figure: go.Figure) -> None:
    """Four faint fields with their names, and the usual way through them."""
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


def _neighbours(places: Mapping[str, Place], near: float = 0.05) -> list[list[str]]:
    """Configurations grouped where their marks would lie on each other."""
    groups: list[list[str]] = []
    for name, spot in places.items():
        for group in groups:
            first = places[group[0]]
            if abs(first.context - spot.context) < near and abs(first.model - spot.model) < near:
                group.append(name)
                break
        else:
            groups.append([name])
    return groups


def _mark(name: str, words: str, spot: Place, ink: Ink, shift: float) -> go.Scatter:
    return go.Scatter(
        x=[spot.model],
        y=[spot.context - shift],
        mode="markers+text",
        text=[words],
        textposition="middle right",
        marker={"size": 16, "color": ink.colour, "line": {"width": 2, "color": FAINT}},
        hovertemplate=f"<b>{name}</b><br>{plain(' + '.join(spot.steps))}<extra></extra>",
        cliponaxis=False,
    )
