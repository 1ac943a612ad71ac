"""Pictures of pairs: differences with intervals, and the matrix of verdicts. Always colour, sign and word together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from llmopt_core.experiments.comparison_matrix import Matrix
from llmopt_core.statistics.intervals import Summary
from llmopt_core.statistics.paired_comparison import Comparison
from llmopt_ui import format as fmt
from llmopt_ui.theme import (
    FAINT,
    NEUTRAL,
    Ink,
    VerdictStyle,
    apply_theme,
    comparison_style,
    figure_text,
    noise_style,
    verdict,
)

_WORDS = ("better", "worse", "equivalent", "cannot tell", "not comparable")
# So many rows have room for words within their cells at 1024 pixels; more show signs.
_WORDY = 6


def forest(comparisons: Mapping[str, Comparison], title: str, baseline: str, margin: float) -> go.Figure:
    """One row per configuration: its difference from the baseline with the interval of its verdict.

    Args:
        comparisons: By configuration, the first on top.
        title: Of the metric.
        baseline: What they are compared with.
        margin: Shaded around 0.
    """
    figure = go.Figure()
    figure.add_vrect(-margin, margin, fillcolor=FAINT, line={"width": 0}, layer="below")
    figure.add_vline(0, line={"color": NEUTRAL, "width": 1.5})
    names = list(comparisons)
    styles = dict.fromkeys(map(comparison_style, comparisons.values()))
    for style in styles:
        places = [place for place, one in enumerate(comparisons.values()) if comparison_style(one) == style]
        figure.add_trace(_differences(names, comparisons, places, style, baseline))
    return apply_theme(
        figure,
        height=110 + 44 * len(names),
        xaxis={"title": f"{figure_text(title)}: difference from {figure_text(fmt.shorten(baseline, 40))} "
               f"(grey: within the margin of {fmt.number(margin)})", "fixedrange": True},
        yaxis={
            "tickvals": list(range(len(names))),
            "ticktext": [figure_text(fmt.shorten(name, 28)) for name in names],
            "range": [len(names) - 0.5, -0.6],
            "showgrid": False,
            "fixedrange": True,
        },
        dragmode=False,
    )  # fmt: skip


def _differences(
    names: list[str], comparisons: Mapping[str, Comparison], places: list[int], style: VerdictStyle, baseline: str
) -> go.Scatter:
    chosen = [(place, names[place], comparisons[names[place]]) for place in places]
    unseen = {"marker": {"opacity": 1}}
    return go.Scatter(
        x=[one.difference for _, _, one in chosen],
        y=[place for place, _, _ in chosen],
        mode="markers+text",
        name=style.text,
        text=[f"{style.text} {fmt.with_sign(one.difference)}" for _, _, one in chosen],
        textposition="top center",
        marker={"size": 13, "color": style.colour},
        error_x={
            "type": "data",
            "symmetric": False,
            # Without an interval there is no whisker.
            "array": [0 if one.high is None else one.high - (one.difference or 0) for _, _, one in chosen],
            "arrayminus": [0 if one.low is None else (one.difference or 0) - one.low for _, _, one in chosen],
            "color": style.colour,
            "thickness": 2,
            "width": 6,
        },
        customdata=[[baseline, name] for _, name, _ in chosen],
        hovertext=[
            f"<b>{figure_text(name)}</b> {style.text}<br>{fmt.change(one.difference, one.low, one.high)}"
            f"<br>p {fmt.p_value(one.p_value)}, {fmt.plural(one.pairs, 'question')}, {one.dropped:,} left out"
            for _, name, one in chosen
        ],
        hovertemplate="%{hovertext}<extra></extra>",
        selected=unseen,
        unselected=unseen,
    )


def matrix_map(matrix: Matrix) -> go.Figure:
    """Rows against columns: the verdict of each pair by colour and sign, with the word where there is room."""
    names = list(matrix.names)
    cells = [
        (column, row, matrix.verdict(names[row], names[column]), matrix.difference(names[row], names[column]))
        for row in range(len(names))
        for column in range(len(names))
        if row != column
    ]
    known = [(x, y, word, change) for x, y, word, change in cells if word is not None]
    noisy = {(x, y) for x, y, _, _ in known if matrix.inside_judge_noise(names[y], names[x])}
    wordy = len(names) <= _WORDY
    unseen = {"marker": {"opacity": 0}}
    points = go.Scatter(
        x=[x for x, _, _, _ in known],
        y=[y for _, y, _, _ in known],
        mode="markers+text",
        # Not drawn, but large enough to be hit beside the middle of a cell.
        marker={"symbol": "square", "size": 40 if wordy else 24, "opacity": 0},
        text=[
            f"{verdict(word).sign} {word}<br>{fmt.with_sign(change)}{'<br>judge’s noise' if (x, y) in noisy else ''}"
            if wordy
            else verdict(word).sign
            for x, y, word, change in known
        ],
        textfont={"size": 12},
        customdata=[[names[x], names[y]] for x, y, _, _ in known],
        hovertext=[
            f"<b>{figure_text(names[y])}</b> against <b>{figure_text(names[x])}</b><br>"
            f"{(noise_style if (x, y) in noisy else verdict)(word).text}, {fmt.with_sign(change)}"
            for x, y, word, change in known
        ],
        hovertemplate="%{hovertext}<extra></extra>",
        selected=unseen,
        unselected=unseen,
        showlegend=False,
    )
    figure = go.Figure([_verdict_colours(known, len(names), noisy), points])
    labels = [figure_text(fmt.shorten(name, 18 if wordy else 14)) for name in names]
    ticks = {"tickvals": list(range(len(names))), "ticktext": labels, "showgrid": False, "fixedrange": True}
    return apply_theme(
        figure,
        height=110 + (54 if wordy else 30) * len(names),
        margin={"t": 60},
        xaxis={**ticks, "side": "top", "range": [-0.5, len(names) - 0.5], "tickangle": 0 if wordy else -60},
        yaxis={**ticks, "range": [len(names) - 0.5, -0.5]},
        dragmode=False,
        hovermode="closest",
    )


def _verdict_colours(
    cells: Sequence[tuple[int, int, str, float | None]], count: int, noisy: Collection[tuple[int, int]]
) -> go.Heatmap:
    """The colour of each pair's verdict, grey where the judge alone may make the difference.

    One trace for all: a shape for each of hundreds would take minutes.
    """
    places = np.full((count, count), np.nan)
    for x, y, word, _ in cells:
        places[y, x] = _WORDS.index("cannot tell" if (x, y) in noisy else word)
    last = len(_WORDS)
    colours = [f"rgba{(*(int(verdict(word).colour[at : at + 2], 16) for at in (1, 3, 5)), 0.22)}" for word in _WORDS]
    # Each word has a step of the scale for itself.
    steps = [(edge / last, colour) for place, colour in enumerate(colours) for edge in (place, place + 1)]
    return go.Heatmap(
        z=places, zmin=-0.5, zmax=last - 0.5, colorscale=steps, showscale=False, hoverinfo="skip", xgap=3, ygap=4,
    )  # fmt: skip


def two_means(means: Mapping[str, Summary], inks: Mapping[str, Ink], title: str) -> go.Figure:
    """The means of two configurations with their intervals, one below the other."""
    figure = go.Figure()
    names = list(means)
    for place, (name, summary) in enumerate(means.items()):
        if summary.mean is None:
            continue
        figure.add_trace(
            go.Scatter(
                x=[summary.mean],
                y=[place],
                mode="markers+text",
                text=[fmt.score(summary.mean)],
                textposition="top center",
                marker={"size": 14, "color": inks[name].colour},
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": [0 if summary.high is None else summary.high - summary.mean],
                    "arrayminus": [0 if summary.low is None else summary.mean - summary.low],
                    "color": inks[name].colour,
                    "width": 6,
                },
                hovertemplate=f"{figure_text(name)}: {fmt.score(summary.mean)} "
                f"({fmt.interval(summary.low, summary.high)}), {summary.scored:,} of {summary.total:,} scored"
                "<extra></extra>",
                showlegend=False,
            )
        )
    return apply_theme(
        figure,
        height=190,
        margin={"t": 16},
        xaxis={"title": f"{figure_text(title)}, mean with 95 % interval", "range": [-0.02, 1.05], "fixedrange": True},
        yaxis={
            "tickvals": [0, 1],
            "ticktext": [figure_text(fmt.shorten(name, 28)) for name in names],
            "range": [1.6, -0.7],
            "showgrid": False,
            "fixedrange": True,
        },
        dragmode=False,
    )
