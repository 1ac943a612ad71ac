"""Figures of one question: ranks through the stages, scores in each, a map. Pure functions of core tables."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from llmopt_core.labs.retrieval.question_inspection import Inspection
from llmopt_core.labs.retrieval.stage_words import stage_words
from llmopt_core.retrieval.analysis.inspect import Column, FlowRow, columns
from llmopt_core.retrieval.analysis.projection import Map, Point
from llmopt_ui import format as fmt
from llmopt_ui.theme import FAINT, NEUTRAL, Ink, apply_theme, figure_text

GOLD = "#009E73"
# Of the same palette as configurations; with at most two on the page one of three is always free.
_GOLDS = (GOLD, "#CC79A7", "#56B4E9")
_QUIET = "rgba(128, 136, 150, 0.45)"
UPRIGHT = [0, -90]
"""Angles of stage names: where they do not fit they are read from below, their lines in order from the left."""
# Names of more stages touch each other in a narrow window, so that Plotly turns them.
_FEW_STAGES = 6


def stage_name(name: str) -> str:
    """A stage's name in words."""
    return fmt.shorten(stage_words(name), 40)


def stage_label(name: str, width: int = 12, lines: int = 3) -> str:
    """A stage's name for an axis, broken into short lines."""
    return "<br>".join(map(figure_text, textwrap.wrap(stage_name(name), width, max_lines=lines, placeholder=" …")))


def stage_labels(names: Sequence[str], width: int = 12) -> list[str]:
    """The names below an axis; many of them have one line each, since they must stand upright where it is narrow."""
    if len(names) <= _FEW_STAGES:
        return [stage_label(name, width) for name in names]
    return [figure_text(fmt.shorten(stage_name(name), 20)) for name in names]


def gold_colour(inks: Sequence[Ink]) -> str:
    """Green for gold chunks; another colour where one of the two configurations has it itself."""
    colours = {ink.colour for ink in inks}
    return next((colour for colour in _GOLDS if colour not in colours), GOLD)


def rank_flow_chart(inspection: Inspection, ink: Ink, gold: str, deepest: int) -> go.Figure:
    """The rank of every chunk after each stage as lines; gold in its colour, what is handed over in the side's.

    Args:
        inspection: What was inspected.
        ink: The side's colour.
        gold: The colour of gold chunks.
        deepest: The lowest rank drawn, so that two figures beside each other have one scale.
    """
    stages = columns(inspection.retrieval.trace)
    context_ids = {hit.chunk.id for hit in inspection.retrieval.hits}
    rest = [row for row in inspection.flow if not row.gold and row.chunk.id not in context_ids]
    context_rows = [row for row in inspection.flow if not row.gold and row.chunk.id in context_ids]
    gold_rows = [row for row in inspection.flow if row.gold]
    # A line below the last rank with a gap that is seen at any scale: a tenth of it, two ranks at least.
    absent = deepest + max(2, deepest // 10)
    figure = go.Figure(
        [
            _flow("Other chunks", rest, stages, None, {"color": _QUIET, "width": 1}, 4),
            _flow("Handed over", context_rows, stages, None, {"color": ink.colour, "width": 2}, 7),
            # Last, so that it lies on top; only these lines go to "not there", as all others would fill the chart
            # with crossings.
            _flow("Holds the source", gold_rows, stages, absent, {"color": gold, "width": 4}, 10),
        ]
    )
    ticks = [rank for rank in (1, 5, 10, 20, 30, 50, 100, 200, 500) if rank <= deepest]
    return apply_theme(
        figure,
        height=430,
        margin={"t": 66},
        xaxis={
            "tickvals": list(range(len(stages))),
            "ticktext": stage_labels([column.name for column in stages]),
            "range": [-0.3, len(stages) - 0.7],
            "ticklabeloverflow": "allow",
            "autotickangles": UPRIGHT,
            "fixedrange": True,
            "showgrid": True,
        },
        yaxis={
            "title": "Rank (1 is best)",
            "tickvals": [*ticks, absent],
            "ticktext": [*map(str, ticks), "not there"],
            # Upside down: the best rank is at the top.
            "range": [absent + 0.9, 0.2],
            "fixedrange": True,
        },
    )


def _flow(  # noqa: PLR0917
    name: str, rows: Sequence[FlowRow], stages: Sequence[Column], absent: int | None, line: dict[str, Any], size: int
) -> go.Scatter:
    """Lines of several chunks as one trace; where a stage lacks a chunk its line breaks, or goes to `absent`."""
    xs: list[int | None] = []
    ys: list[int | None] = []
    words: list[str] = []
    for row in rows:
        for place, column in enumerate(stages):
            # None where the stage did not give this chunk.
            rank = row.ranks[column.name]
            xs.append(place)
            ys.append(rank or absent)
            words.append(_hover_text(row, column))
        # A gap after each chunk: one trace for all lines is drawn much faster than one trace per line.
        xs.append(None)
        ys.append(None)
        words.append("")
    return go.Scatter(
        name=name, x=xs, y=ys, mode="lines+markers", line=line, connectgaps=False,
        marker={"size": size, "color": line["color"]}, customdata=words,
        hovertemplate="%{customdata}<extra></extra>", showlegend=bool(rows), cliponaxis=False,
    )  # fmt: skip


def _hover_text(row: FlowRow, column: Column) -> str:
    rank, score = row.ranks[column.name], row.scores[column.name]
    where = f"rank {rank}, score {fmt.number(score)}" if rank else "not there"
    name = figure_text(fmt.shorten(column.name, 60))
    return f"<b>{name}: {where}</b><br>{_chunk(row.chunk.document, row.chunk.text)}"


def _chunk(document: str, text: str) -> str:
    return f"{figure_text(document)}<br>{wrap_text(text, 220)}"


def wrap_text(text: str, limit: int, width: int = 60) -> str:
    """User text for a hover: shortened, escaped, and broken into lines."""
    return "<br>".join(map(figure_text, textwrap.wrap(fmt.shorten(text, limit), width)))


def score_strips(inspection: Inspection, ink: Ink, gold: str) -> go.Figure:
    """The scores of each stage on a line of its own, from its lowest to its best."""
    stages = columns(inspection.retrieval.trace)
    context_ids = {hit.chunk.id for hit in inspection.retrieval.hits}
    groups: dict[str, list[tuple[float, int, str]]] = {"rest": [], "given": [], "gold": []}
    figure = go.Figure()
    for place, column in enumerate(stages):
        scores = [hit.score for hit in column.stage.hits]
        # Each stage on its own scale: BM25, cosines and rerankers cannot be compared in numbers.
        low, high = min(scores, default=0.0), max(scores, default=1.0)
        for row in inspection.flow:
            score = row.scores[column.name]
            if score is not None:
                kind = "gold" if row.gold else "given" if row.chunk.id in context_ids else "rest"
                # All equal, or a single one: then each is the best.
                across = (score - low) / (high - low) if high > low else 1.0
                groups[kind].append((across, place, _hover_text(row, column)))
        figure.add_shape(type="line", x0=0, x1=1, y0=place, y1=place, layer="below", line={"color": FAINT, "width": 1})
        # The ends in figures, outside of the line so that no mark lies on them.
        for x, value, anchor in ((-0.06, low, "right"), (1.07, high, "left")):
            figure.add_annotation(x=x, y=place, text=fmt.number(value), showarrow=False, xanchor=anchor,
                                  font={"size": 12, "color": NEUTRAL})  # fmt: skip
    looks = {
        "rest": ("Other chunks", _QUIET, "circle", 8),
        "given": ("Handed over", ink.colour, "circle", 11),
        "gold": ("Holds the source", gold, "diamond", 14),
    }
    for kind, points in groups.items():
        name, colour, symbol, size = looks[kind]
        figure.add_trace(
            go.Scatter(
                name=name,
                x=[p[0] for p in points],
                y=[p[1] for p in points],
                customdata=[p[2] for p in points],
                mode="markers",
                marker={"color": colour, "symbol": symbol, "size": size},
                hovertemplate="%{customdata}<extra></extra>",
                showlegend=bool(points),
            )
        )  # fmt: skip
    return apply_theme(
        figure,
        height=max(220, 110 + 46 * len(stages)),
        margin={"t": 66},
        xaxis={
            "title": "Lowest to best score of the stage", "range": [-0.36, 1.36], "showticklabels": False,
            "showgrid": False, "fixedrange": True,
        },
        yaxis={
            "tickvals": list(range(len(stages))),
            "ticktext": [stage_label(column.name, 16, 2) for column in stages],
            "range": [len(stages) - 0.5, -0.5], "fixedrange": True, "showgrid": False,
        },
    )  # fmt: skip


def meaning_map(semantic_map: Map, ink: Ink, gold: str) -> go.Figure:
    """Question, invented passages and chunks in a plane."""
    chunks = [point for point in semantic_map.points if point.kind == "chunk"]
    groups = (
        ("Other chunks", [p for p in chunks if not p.gold and p.rank is None], _QUIET, "circle", 7),
        ("Handed over", [p for p in chunks if not p.gold and p.rank is not None], ink.colour, "circle", 12),
        ("Holds the source", [p for p in chunks if p.gold], gold, "diamond", 15),
        ("Invented texts", [p for p in semantic_map.points if p.kind == "passage"], "#E69F00", "triangle-up", 14),
        ("Question", [p for p in semantic_map.points if p.kind == "question"], "#D55E00", "star", 18),
    )
    figure = go.Figure([_points(name, points, colour, symbol, size) for name, points, colour, symbol, size in groups])
    axis = {"showticklabels": False, "showgrid": False, "zeroline": False}
    return apply_theme(
        figure,
        height=440,
        margin={"t": 66},
        xaxis={**axis, "title": "First principal component"},
        yaxis={**axis, "title": "Second"},
    )


def _points(name: str, points: Sequence[Point], colour: str, symbol: str, size: int) -> go.Scatter:
    return go.Scatter(
        name=name,
        x=[point.x for point in points],
        y=[point.y for point in points],
        mode="markers",
        marker={"color": colour, "symbol": symbol, "size": size, "line": {"width": 1, "color": FAINT}},
        customdata=[_point(name, point) for point in points],
        hovertemplate="%{customdata}<extra></extra>",
        showlegend=bool(points),
    )


def _point(name: str, point: Point) -> str:
    rank = f", handed over as number {point.rank}" if point.rank else ""
    return f"<b>{name}{rank}</b><br>{wrap_text(point.text, 220)}"
