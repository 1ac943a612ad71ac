"""The heat map of examples by configurations."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from llmopt_ui import format as fmt
from llmopt_ui.theme import NEUTRAL, apply_theme, figure_text

_SELECTION_COLOUR = "#D55E00"
_FAILURE_COLOUR = "#D55E00"
_MARKS = 2_000
"""Each of these is an element of the page: more would take seconds. What is empty is still seen, and told in words."""
_FEW, _MANY = 150, 300
"""Columns that have gaps between them, and columns that can be pointed at without making them wider."""
_TALL = 12
"""More rows are less tall, so that the question below stays near."""


@dataclass(frozen=True, slots=True)
class Cells:
    """One metric's values: a row per configuration, a column per example.

    Attributes:
        questions: What is shown when pointing at a column.
        values: Rows of `configurations` by columns of `examples`; None where nothing was scored.
        failures: Configuration and example of the answers that failed, so that there was nothing to score.
        first: How many columns lie before these, in the numbers below the map.
        common: How many of the first columns every configuration has a value in, where they are ordered so; else None.
    """

    metric: str
    configurations: tuple[str, ...]
    examples: tuple[str, ...]
    questions: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    failures: frozenset[tuple[str, str]] = frozenset()
    first: int = 0
    common: int | None = None

    def words(self, configuration: str, example: str, value: float | None) -> str:
        """A cell's value in words."""
        if value is not None:
            return fmt.score(value)
        return "the answer failed" if (configuration, example) in self.failures else "not scored"


def example_map(cells: Cells, selection: tuple[str, str] | None = None) -> go.Figure:
    """Heat map of scores between 0 and 1. A cell without a score is empty, with a dot; a failed answer has a cross.

    Args:
        cells: What is drawn.
        selection: Configuration and example that get a frame.
    """
    # Counted from 1, as on the page, and on from the part before.
    columns = list(range(cells.first + 1, cells.first + len(cells.examples) + 1))
    rows = list(range(len(cells.configurations)))
    figure = go.Figure([_colours(cells, columns, rows), _marks(cells)])
    if selection and selection[0] in cells.configurations and selection[1] in cells.examples:
        _draw_frame(
            figure, cells.first + cells.examples.index(selection[1]) + 1, cells.configurations.index(selection[0])
        )
    names = [figure_text(fmt.shorten(name, 28)) for name in cells.configurations]
    wide = len(columns) > _FEW
    return apply_theme(
        figure,
        # So tall that a cell can be hit; with few rows there is still room for the scale.
        height=max(190, 118 + (40 if len(rows) <= _TALL else 24) * len(rows)),
        margin={"t": 16},
        xaxis={
            "title": f"Question (point to read it, click to open its record{', drag to enlarge' if wide else ''})",
            "showgrid": False,
            "tickformat": "d",
            # More numbers than these run into each other; with few questions halves would be numbered, too.
            "nticks": min(20, len(columns) + 1),
            "range": [cells.first + 0.5, cells.first + len(columns) + 0.5],
        },
        # The first configuration on top.
        yaxis={"range": [len(rows) - 0.5, -0.5], "tickvals": rows, "ticktext": names, "showgrid": False, "title": "",
               "fixedrange": True},
        dragmode="zoom" if wide else False,
        hovermode="closest",
    )  # fmt: skip


def _colours(cells: Cells, columns: Sequence[int], rows: Sequence[int]) -> go.Heatmap:
    bar = {"title": {"text": "Score", "side": "top"}, "thickness": 10, "tickvals": [0, 0.5, 1], "outlinewidth": 0}
    wide = len(columns) > _FEW
    return go.Heatmap(
        # None becomes NaN, which Plotly leaves empty.
        z=np.array(cells.values, dtype=float),
        x=columns,
        y=rows,
        # The whole scale and not the range of these values, or a map of .8 to .9 would look like failure and success.
        zmin=0,
        zmax=1,
        # Columns of a pixel would be nothing but gaps.
        xgap=0 if wide else 1.5,
        ygap=2 if len(rows) > _TALL else 4,
        # As arrays, which Plotly takes as they are; lists it would check item by item.
        text=_words(cells),
        customdata=np.tile(np.array(_titles(cells), dtype=object), (len(rows), 1)),
        hovertemplate="<b>%{text}</b> · %{y}<br>%{customdata}<extra></extra>",
        colorbar=bar,
    )


def _words(cells: Cells) -> npt.NDArray[np.object_]:
    words = np.empty((len(cells.configurations), len(cells.examples)), dtype=object)
    for y, row in enumerate(cells.values):
        for x, value in enumerate(row):
            words[y, x] = cells.words(cells.configurations[y], cells.examples[x], value)
    return words


def _titles(cells: Cells) -> list[str]:
    """The questions, as they are read where a cell is pointed at."""
    # Each stands in every row: long ones would make a map of thousands of cells as large as a book.
    most = 160 if len(cells.examples) <= _MANY else 60
    return [
        "<br>".join(textwrap.wrap(figure_text(fmt.shorten(question, most)), 60)) or figure_text(example)
        for question, example in zip(cells.questions, cells.examples, strict=True)
    ]


def _marks(cells: Cells) -> go.Scatter:
    """A small dot where there is no score, a cross where the answer failed."""
    empty = [
        (cells.first + x, y, (cells.configurations[y], cells.examples[x - 1]) in cells.failures)
        for y, row in enumerate(cells.values)
        for x, value in enumerate(row, 1)
        if value is None
    ]
    if len(empty) > _MARKS:
        # Failures are worth more than gaps, which are seen without a dot.
        empty = [mark for mark in empty if mark[2]][:_MARKS]
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


def _draw_frame(figure: go.Figure, x: int, y: int) -> None:
    line = {"color": _SELECTION_COLOUR, "width": 2.5}
    figure.add_shape(type="rect", x0=x - 0.5, x1=x + 0.5, y0=y - 0.48, y1=y + 0.48, line=line)
