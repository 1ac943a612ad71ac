"""The pictures of a sweep: recall against what it costs, lines over size, a heat map, misses by label."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from llmopt_core.labs.chunking.result import (
    LABELS,
    METRICS,
    TITLES,
    TOKENS,
    SettingResult,
    SweepResult,
    label_counts,
    pareto,
)
from llmopt_core.labs.chunking.tables import Line, lines
from llmopt_core.labs.retrieval.setting_words import METHODS
from llmopt_core.reporting.page import PALETTE
from llmopt_core.statistics.intervals import Summary
from llmopt_ui import format as fmt
from llmopt_ui.charts import whiskers
from llmopt_ui.theme import AMOUNTS, FAINT, NEUTRAL, SHARES, apply_theme, figure_text

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon")
# Overlaps are told by dashes, methods by colours, so that neither needs the other.
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_LABEL_COLOURS = dict(zip(LABELS, ("#999999", "#E69F00", "#CC79A7", "#0072B2"), strict=True))
UNIT_WORDS = {"tokens": "embedding tokens", "cl100k": "OpenAI tokens (cl100k)", "characters": "characters"}


def method_colour(method: str) -> str:
    """The same colour for a method in every picture."""
    # By its place among all methods, not among those of this sweep.
    return PALETTE[list(METHODS).index(method) % len(PALETTE)]


def pareto_chart(result: SweepResult, positions: Sequence[int] = ()) -> go.Figure:
    """Every setting as a point, recall over context tokens, with the front that no setting beats.

    Args:
        result: The sweep.
        positions: Positions that get a ring and their name.
    """
    figure = go.Figure()
    front = pareto(result)
    figure.add_trace(_front_line(result, front))
    tops = sorted({setting.top_k for setting in result.settings})
    for method in dict.fromkeys(cutting.chunking.method for cutting in result.cuttings):
        figure.add_trace(_points(result, method, tops, set(front)))
    for position in dict.fromkeys(positions):
        figure.add_annotation(**_name_tag(result, position))
    return apply_theme(
        figure,
        height=430,
        xaxis={"title": "Context tokens per question", "rangemode": "tozero"},
        yaxis={"title": "Share of the sources that is found (recall)"},
        hovermode="closest",
    )


def _front_line(result: SweepResult, front: Sequence[int]) -> go.Scatter:
    places = [_place(result.settings[position]) for position in front]
    return go.Scatter(
        x=[x for x, _ in places],
        y=[y for _, y in places],
        mode="lines",
        line={"shape": "hv", "color": NEUTRAL, "width": 1.5, "dash": "dot"},
        name="Best for its cost",
        hoverinfo="skip",
    )


def _points(result: SweepResult, method: str, tops: Sequence[int], front: set[int]) -> go.Scatter:
    positions = [i for i, s in enumerate(result.settings) if result.cutting(s).chunking.method == method]
    settings = [result.settings[i] for i in positions]
    return go.Scatter(
        x=[_place(s)[0] for s in settings],
        y=[_place(s)[1] for s in settings],
        mode="markers",
        name=METHODS[method],
        marker={
            "color": method_colour(method),
            "symbol": [_SYMBOLS[tops.index(s.top_k) % len(_SYMBOLS)] for s in settings],
            "size": [12 if i in front else 8 for i in positions],
            "opacity": [1.0 if i in front else 0.55 for i in positions],
            # An edge, so that points on each other are seen as several.
            "line": {"width": 1, "color": FAINT},
        },
        customdata=[[i] for i in positions],
        text=[hover(result, i) for i in positions],
        hovertemplate="%{text}<extra></extra>",
    )


def _name_tag(result: SweepResult, position: int) -> dict[str, object]:
    x, y = _place(result.settings[position])
    return {
        "x": x,
        "y": y,
        "text": f"<b>{figure_text(result.names[position])}</b>",
        "showarrow": True,
        "arrowhead": 0,
        "arrowcolor": NEUTRAL,
        "ax": 28,
        "ay": 34,
        "xanchor": "left",
        "font": {"size": 12},
    }


def size_lines(result: SweepResult, metric: str, top_k: int) -> go.Figure:
    """One metric over chunk size: a line per method and overlap, with 95 % intervals."""
    size_series = lines(result, metric, top_k)
    overlaps = sorted({line.overlap for line in size_series})
    figure = go.Figure([_line(result, line, metric, overlaps) for line in size_series])
    sizes = sorted({size for line in size_series for size in line.sizes})
    unit = UNIT_WORDS[result.spec.unit]
    return apply_theme(
        figure,
        height=430,
        xaxis={
            "title": f"Chunk size ({unit})",
            # By ratio: sizes are usually doubled.
            "type": "log",
            "tickvals": sizes,
            "ticktext": [f"{s:,}" for s in sizes],
        },
        yaxis={"title": axis_title(metric), "rangemode": "normal"},
        hovermode="closest",
    )


def _line(result: SweepResult, line: Line, metric: str, overlaps: Sequence[int]) -> go.Scatter:
    # Whiskers of several lines would lie on each other; each line is moved a little aside.
    turn = overlaps.index(line.overlap) + len(overlaps) * list(METHODS).index(line.method)
    shift = 1 + 0.012 * (turn % 7 - 3)
    return go.Scatter(
        x=[size * shift for size in line.sizes],
        y=[summary.mean for summary in line.summaries],
        error_y={**whiskers(line.summaries), "color": method_colour(line.method), "thickness": 1, "width": 3},
        mode="lines+markers",
        name=f"{METHODS[line.method]}, overlap {line.overlap:,}",
        line={"color": method_colour(line.method), "dash": _DASHES[overlaps.index(line.overlap) % len(_DASHES)]},
        marker={"size": 8},
        text=[hover(result, position, metric) for position in line.positions],
        hovertemplate="%{text}<extra></extra>",
    )


def heat_map(result: SweepResult, metric: str, top_k: int) -> go.Figure:
    """One metric as a grid: method and overlap down, size across."""
    series = sorted(lines(result, metric, top_k), key=lambda line: (list(METHODS).index(line.method), line.overlap))
    sizes = sorted({size for line in series for size in line.sizes})
    names = [f"{METHODS[line.method]}, overlap {line.overlap:,}" for line in series]
    cells = [dict(zip(line.sizes, line.summaries, strict=True)) for line in series]
    places = [dict(zip(line.sizes, line.positions, strict=True)) for line in series]
    values = [[row[size].mean if size in row else None for size in sizes] for row in cells]
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=[f"{size:,}" for size in sizes],
            y=names,
            hovertext=[
                [hover(result, row[s], metric) if s in row else "not possible" for s in sizes] for row in places
            ],
            hovertemplate="%{hovertext}<extra></extra>",
            colorscale=SHARES if metric != TOKENS else AMOUNTS,
            xgap=3,
            ygap=3,
            hoverongaps=True,
            colorbar={"title": {"text": TITLES[metric]}, "thickness": 12, "outlinewidth": 0},
        )
    )
    # A heat map's own text takes its colour from the cell as if the page were white.
    figure.add_trace(
        go.Scatter(
            x=[f"{size:,}" for _ in names for size in sizes],
            y=[name for name in names for _ in sizes],
            text=[format_metric(metric, value) if value is not None else "–" for row in values for value in row],
            mode="text",
            textfont={"size": 13},
            hoverinfo="skip",
            showlegend=False,
        )
    )
    return apply_theme(
        figure,
        # Few rows would be as tall as towers.
        height=430 if len(names) > 4 else 90 + 70 * len(names),
        margin={"t": 12},
        xaxis={
            "title": f"Chunk size ({UNIT_WORDS[result.spec.unit]})",
            # Columns of equal width: between 50 and 400 lie no cells.
            "type": "category",
            "showgrid": False,
            "fixedrange": True,
        },
        yaxis={"autorange": "reversed", "showgrid": False, "fixedrange": True},
    )


def label_bars(result: SweepResult, positions: Sequence[int]) -> go.Figure:
    """How many questions each setting missed, by why; one bar per setting."""
    names = [figure_text(result.names[position]) for position in positions]
    counts = [label_counts(result.settings[position]) for position in positions]
    figure = go.Figure(
        [
            go.Bar(
                y=names,
                x=[count[label] for count in counts],
                name=label,
                orientation="h",
                marker={"color": _LABEL_COLOURS[label]},
                hovertemplate=f"<b>%{{y}}</b><br>{label}: %{{x}} questions<extra></extra>",
            )
            for label in LABELS
            if any(count[label] for count in counts)
        ]
    )
    most = max((sum(count.values()) for count in counts), default=1)
    return apply_theme(
        figure,
        barmode="stack",
        height=max(180, 100 + 30 * len(names)),
        # No halves of questions along a short axis; a long one finds its own steps.
        xaxis={"title": "Questions that miss a source", "dtick": 1 if most <= 8 else None, "fixedrange": True},
        yaxis={"autorange": "reversed", "fixedrange": True},
        showlegend=True,
    )


def axis_title(metric: str) -> str:
    """What an axis says about a metric."""
    return "Context tokens per question" if metric == TOKENS else f"{TITLES[metric]} (mean, 0 to 1)"


def format_metric(metric: str, value: float | None) -> str:
    """A metric's value as text: tokens whole, fractions with three decimals, small ones with four."""
    if value is None:
        return fmt.DASH
    if metric == TOKENS:
        return f"{value:,.0f}"
    # Never 0.000 for what is not nothing.
    if 0 < abs(value) < 0.001:
        return fmt.number(value)
    # Precision is small where sources are short: three decimals would show all settings alike.
    return f"{value:.4f}" if 0 < abs(value) < 0.1 else f"{value:.3f}"


def format_interval(metric: str, summary: Summary) -> str:
    """`0.97 to 0.99`; a dash where there is no interval."""
    if summary.low is None or summary.high is None:
        return fmt.DASH
    return f"{format_metric(metric, summary.low)} to {format_metric(metric, summary.high)}"


def hover(result: SweepResult, position: int, metric: str = "recall") -> str:
    """What pointing at a setting says."""
    setting = result.settings[position]
    rows = [
        f"<b>{figure_text(result.names[position])}</b>",
        f"{setting.top_k} of {result.cutting(setting).chunks:,} chunks",
    ]
    # The measure of the axis first, and none twice.
    for name in dict.fromkeys((metric, "recall", TOKENS)):
        summary = setting.summaries[name]
        interval = "" if summary.low is None else f" ({format_interval(name, summary)})"
        rows.append(f"{TITLES[name]}: {format_metric(name, summary.mean)}{interval}")
    recall = setting.summaries["recall"]
    return "<br>".join([*rows, f"{recall.scored:,} of {recall.total:,} questions scored"])


def _place(setting: SettingResult) -> tuple[float, float]:
    return setting.summaries[TOKENS].mean or 0.0, setting.summaries["recall"].mean or 0.0


MEASURES = (*METRICS, TOKENS)
