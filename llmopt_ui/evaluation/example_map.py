"""The heat map of examples by configurations."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from llmopt_ui import format as fmt
from llmopt_ui.theme import NEUTRAL, apply_theme, figure_text

_SELECTION_COLOUR = "#D55E00"
_FAILURE_COLOUR = "#D55E00"


@dataclass(frozen=True, slots=True)
class Cells:
    """One metric's values: a row per configuration, a column per example.

    Attributes:
        questions: What is shown when pointing at a column.
        values: Rows of `configurations` by columns of `examples`; None where nothing was scored.
        failures: Configuration and example of the answers that failed, so that there was nothing to score.
        first: How many columns lie before these, in the numbers below the map.
    """

    metric: str
    configurations: tuple[str, ...]
    examples: tuple[str, ...]
    questions: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    failures: frozenset[tuple[str, str]] = frozenset()
    first: int = 0

    def words(self, configuration: str, example: str, value: float | None) -> str:
        """A cell's value in words."""
        if value is not None:
            return fmt.score(value)
        return "the answer failed" if (configuration, example) in self.failures else "not scored"


def example_map(cells: Cells, selection: tuple[str, str] | None = None) -> go.Figure:
    """Heat map of scores between 0 and 1. A cell without a score is empty, with a dot; a failed answer has a cross.

    A layer of unseen points lies on top, because a heat map itself can't be clicked; each carries configuration and
    example as its first two custom values.

    Args:
        cells: What is drawn.
        selection: Configuration and example that get a frame.
    """
    # Counted from 1, as on the page, and on from the part before.
    columns = list(range(cells.first + 1, cells.first + len(cells.examples) + 1))
    rows = list(range(len(cells.configurations)))
    # From the bottom up: what is clicked must lie on top of what is seen.
    figure = go.Figure([_colours(cells, columns, rows), _marks(cells), _clickable(cells)])
    if selection and selection[0] in cells.configurations and selection[1] in cells.examples:
        _draw_frame(
            figure, cells.first + cells.examples.index(selection[1]) + 1, cells.configurations.index(selection[0])
        )
    names = [figure_text(fmt.shorten(name, 28)) for name in cells.configurations]
    return apply_theme(
        figure,
        # 40 pixels for each row, so that a mark can be hit; with few rows there is still room for the scale.
        height=max(190, 118 + 40 * len(rows)),
        margin={"t": 16},
        xaxis={
            "title": "Question (point to read it, click to open its record)",
            "showgrid": False,
            "tickformat": "d",
            # More numbers than these run into each other; with few questions halves would be numbered, too.
            "nticks": min(20, len(columns) + 1),
            "range": [cells.first + 0.5, cells.first + len(columns) + 0.5],
        },
        # The first configuration on top.
        yaxis={"range": [len(rows) - 0.5, -0.5], "tickvals": rows, "ticktext": names, "showgrid": False, "title": ""},
        dragmode=False,
        hovermode="closest",
    )


def _colours(cells: Cells, columns: Sequence[int], rows: Sequence[int]) -> go.Heatmap:
    bar = {"title": {"text": "Score", "side": "top"}, "thickness": 10, "tickvals": [0, 0.5, 1], "outlinewidth": 0}
    return go.Heatmap(
        # None becomes NaN, which Plotly leaves empty.
        z=np.array(cells.values, dtype=float),
        x=columns,
        y=rows,
        # The whole scale and not the range of these values, or a map of .8 to .9 would look like failure and success.
        zmin=0,
        zmax=1,
        xgap=1.5,
        ygap=4,
        hoverinfo="skip",
        colorbar=bar,
    )


def _marks(cells: Cells) -> go.Scatter:
    """A small dot where there is no score, a cross where the answer failed."""
    empty = [
        (cells.first + x, y, (cells.configurations[y], cells.examples[x - 1]) in cells.failures)
        for y, row in enumerate(cells.values)
        for x, value in enumerate(row, 1)
        if value is None
    ]
    return go.Scatter(
        x=[x for x, _, _ in empty],
        y=[y for _, y, _ in empty],
        mode="markers",
        marker={
            "symbol": ["x-thin-open" if is_failure else "circle" for *_, is_failure in empty],
            "size": [9 if is_failure else 4 for *_, is_failure in empty],
            "color": [_FAILURE_COLOUR if is_failure else NEUTRAL for *_, is_failure in empty],
            "line": {"width": [2 if is_failure else 0 for *_, is_failure in empty]},
        },
        hoverinfo="skip",
        showlegend=False,
    )


def _clickable(cells: Cells) -> go.Scatter:
    titles = ["<br>".join(textwrap.wrap(figure_text(fmt.shorten(question, 160)), 60)) for question in cells.questions]
    points = [
        (name, example, cells.words(name, example, value), figure_text(name), words)
        for name, row in zip(cells.configurations, cells.values, strict=True)
        for example, value, words in zip(cells.examples, row, titles, strict=True)
    ]
    down, across = np.indices((len(cells.configurations), len(cells.examples)))
    unseen = {"marker": {"opacity": 0}}
    return go.Scatter(
        # Row by row, as `points` are.
        x=across.ravel() + 1 + cells.first,
        y=down.ravel(),
        # As an array, which Plotly takes as it is; lists it would check item by item.
        customdata=np.array(points, dtype=object),
        mode="markers",
        # Not drawn, but large enough to be hit beside the middle of a cell.
        marker={"size": 22, "symbol": "square", "opacity": 0},
        selected=unseen,
        unselected=unseen,
        hovertemplate="<b>%{customdata[2]}</b> · %{customdata[3]}<br>%{customdata[4]}<extra></extra>",
        showlegend=False,
    )


def _draw_frame(figure: go.Figure, x: int, y: int) -> None:
    line = {"color": _SELECTION_COLOUR, "width": 2.5}
    figure.add_shape(type="rect", x0=x - 0.5, x1=x + 0.5, y0=y - 0.48, y1=y + 0.48, line=line)
