"""Plotly figures from core tables. Pure functions: no Streamlit calls, no reading, no calculation of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from llmopt_core.statistics.intervals import Summary
from llmopt_ui import format as fmt
from llmopt_ui.theme import FAINT, NEUTRAL, Ink, plain, themed

CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"]}
_MANY = 6


def metric_bars(
    results: Mapping[str, Mapping[str, Summary]], titles: Mapping[str, str], inks: Mapping[str, Ink], title: str = ""
) -> go.Figure:
    """Grouped bars with 95 % intervals: one group per metric, one bar per configuration.

    Args:
        results: Configuration -> metric -> summary; scores between 0 and 1.
        titles: Metric -> what the axis says, in drawing order.
        inks: Configuration -> its colour.
        title: Heading of the figure.
    """
    figure = go.Figure()
    for name, summaries in results.items():
        shown = [summaries.get(metric) for metric in titles]
        figure.add_bar(
            name=plain(name),
            x=[plain(text) for text in titles.values()],
            y=[summary.mean if summary else None for summary in shown],
            error_y=_whiskers(shown),
            marker={"color": inks[name].colour, "pattern": {"shape": inks[name].pattern}, "line": {"width": 0}},
            text=[fmt.score(summary.mean) if summary and summary.mean is not None else "" for summary in shown],
            textposition="inside",
            insidetextanchor="start",
            textangle=0,
            constraintext="none" if len(results) <= _MANY else "both",
            customdata=[_hover(summary) for summary in shown],
            hovertemplate="<b>%{fullData.name}</b><br>%{x}: %{customdata}<extra></extra>",
        )
    for position, metric in enumerate(titles):
        if all(_mean(summaries.get(metric)) is None for summaries in results.values()):
            figure.add_annotation(x=position, y=0.06, text="not scored", showarrow=False, font={"color": NEUTRAL})
    figure.update_layout(
        title=plain(title),
        barmode="group",
        height=380,
        yaxis={"title": "Mean score (0 to 1)", "range": [0, 1.05], "dtick": 0.25},
        xaxis={"title": ""},
        showlegend=True,
    )
    return themed(figure)


@dataclass(frozen=True, slots=True)
class Cells:
    """One metric's values: a row per configuration, a column per example.

    Attributes:
        values: Rows of `configurations` by columns of `examples`; None where nothing was scored.
        questions: What is shown when pointing at a column.
    """

    metric: str
    configurations: tuple[str, ...]
    examples: tuple[str, ...]
    questions: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]


def example_map(cells: Cells, selected: tuple[str, str] | None = None) -> go.Figure:
    """Heat map of examples by configurations. Cells without a score stay empty, with a dot.

    A layer of unseen points lies on top, because a heat map itself can't be clicked; each carries
    `[configuration, example]` as custom data.
    """
    rows = [plain(fmt.shorten(name, 28)) for name in cells.configurations]
    columns = list(range(1, len(cells.examples) + 1))
    figure = go.Figure(
        go.Heatmap(
            z=cells.values,
            x=columns,
            y=rows,
            zmin=0,
            zmax=1,
            xgap=1.5,
            ygap=3,
            hoverinfo="skip",
            colorbar={
                "title": {"text": "Score", "side": "top"},
                "thickness": 10,
                "len": 1.0,
                "tickvals": [0, 0.5, 1],
                "outlinewidth": 0,
            },
        )
    )
    empty = [
        (x, y)
        for y, row in zip(rows, cells.values, strict=True)
        for x, v in zip(columns, row, strict=True)
        if v is None
    ]
    figure.add_scatter(
        x=[x for x, _ in empty],
        y=[y for _, y in empty],
        mode="markers",
        hoverinfo="skip",
        marker={"size": 4, "color": NEUTRAL},
        showlegend=False,
    )
    _clickable(figure, cells, rows, columns)
    if selected and selected[0] in cells.configurations and selected[1] in cells.examples:
        at = cells.configurations.index(selected[0]), cells.examples.index(selected[1])
        figure.add_shape(
            type="rect",
            x0=at[1] + 0.5,
            x1=at[1] + 1.5,
            y0=at[0] - 0.5,
            y1=at[0] + 0.5,
            line={"color": "#D55E00", "width": 2.5},
        )
    figure.update_layout(
        height=max(190, 118 + 40 * len(rows)),
        margin={"t": 16},
        xaxis={
            "title": "Question (point to read it, click to open its record)",
            "showgrid": False,
            "tickformat": "d",
            "nticks": min(20, len(columns) + 1),
            "range": [0.5, len(columns) + 0.5],
            "zeroline": False,
        },
        yaxis={"autorange": "reversed", "title": "", "showgrid": False},
        dragmode=False,
        hovermode="closest",
    )
    return themed(figure)


def _clickable(figure: go.Figure, cells: Cells, rows: Sequence[str], columns: Sequence[int]) -> None:
    points = [
        (x, rows[r], name, example, fmt.score(cells.values[r][x - 1]), plain(_wrapped(cells.questions[x - 1])))
        for r, name in enumerate(cells.configurations)
        for x, example in zip(columns, cells.examples, strict=True)
    ]
    unseen = {"marker": {"opacity": 0}}
    figure.add_scatter(
        x=[p[0] for p in points],
        y=[p[1] for p in points],
        mode="markers",
        showlegend=False,
        marker={"size": 22, "symbol": "square", "opacity": 0},
        selected=unseen,
        unselected=unseen,
        customdata=[[p[2], p[3], p[4], p[5].replace("\n", "<br>")] for p in points],
        hovertemplate="<b>%{customdata[2]}</b> · %{y}<br>%{customdata[3]}<extra></extra>",
    )


def size_histogram(sizes: Sequence[int], unit: str, window: int | None = None) -> go.Figure:
    """How long the chunks are, with the embedding model's window marked where it lies in sight."""
    figure = go.Figure(
        go.Histogram(
            x=list(sizes),
            nbinsx=30,
            marker={"color": "#0072B2"},
            hovertemplate="%{x} " + unit + ": %{y} chunks<extra></extra>",
        )
    )
    if window is not None and sizes and window <= 1.3 * max(sizes):
        figure.add_vline(
            x=window,
            line={"dash": "dash", "color": NEUTRAL},
            annotation_text="embedding window",
            annotation_position="top left",
        )
    figure.update_layout(
        height=230,
        margin={"t": 20},
        bargap=0.06,
        xaxis={"title": f"Chunk size ({unit})", "rangemode": "tozero"},
        yaxis={"title": "Chunks", "tickformat": "d", "nticks": 5},
    )
    return themed(figure)


def difference_chart(
    differences: Mapping[str, tuple[float, float | None, float | None, str]], metric: str, baseline: str
) -> go.Figure:
    """Each configuration's difference from the baseline with its 95 % interval, coloured by verdict.

    Args:
        differences: Configuration -> (difference, low, high, verdict's colour).
        metric: Title of the metric.
        baseline: The configuration at zero.
    """
    figure = go.Figure()
    figure.add_vline(x=0, line={"color": FAINT, "width": 2})
    for name, (value, low, high, colour) in differences.items():
        ends = {"array": [(high or value) - value], "arrayminus": [value - (low or value)]}
        figure.add_scatter(
            x=[value],
            y=[plain(name)],
            mode="markers",
            marker={"size": 11, "color": colour},
            showlegend=False,
            error_x={"type": "data", "symmetric": False, "thickness": 2.5, "width": 0, "color": colour, **ends},
            hovertemplate=f"%{{y}}: {fmt.signed(value)} ({fmt.interval(low, high)})<extra></extra>",
        )
    figure.update_layout(
        height=110 + 34 * len(differences),
        margin={"t": 16},
        xaxis={"title": f"Difference in {metric} from {plain(baseline)}"},
        yaxis={"title": "", "autorange": "reversed"},
    )
    return themed(figure)


def _mean(summary: Summary | None) -> float | None:
    return None if summary is None else summary.mean


def _whiskers(shown: Sequence[Summary | None]) -> dict[str, object]:
    def ends(up: bool) -> list[float]:
        return [
            0.0
            if s is None or s.mean is None or s.low is None or s.high is None
            else (s.high - s.mean if up else s.mean - s.low)
            for s in shown
        ]

    return {
        "type": "data",
        "symmetric": False,
        "array": ends(True),
        "arrayminus": ends(False),
        "thickness": 1.5,
        "width": 4,
        "color": NEUTRAL,
    }


def _hover(summary: Summary | None) -> str:
    if summary is None or summary.mean is None:
        return "not scored"
    between = f" (95 % interval {fmt.interval(summary.low, summary.high)})" if summary.low is not None else ""
    return f"{fmt.score(summary.mean)}{between}<br>{summary.scored} of {summary.total} scored"


def _wrapped(text: str, width: int = 60) -> str:
    lines, line = [], ""
    for word in fmt.shorten(text, 240).split():
        if line and len(line) + len(word) > width:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return "\n".join([*lines, line])
