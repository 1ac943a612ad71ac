"""The heat map of categories by kinds, one block of rows per configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from llmopt_core.statistics.intervals import Rate
from llmopt_ui import format as fmt
from llmopt_ui.theme import SHARES, apply_theme, figure_text

# Few failures would else look like many.
_LEAST_TOP = 0.25
# More rows are less tall, so that the records below stay near.
_FEW_ROWS = 14


@dataclass(frozen=True, slots=True)
class KindCell:
    """One cell.

    Attributes:
        category: None for all categories together.
        kind: Which column.
    """

    configuration: str
    category: str | None
    kind: str
    rate: Rate
    example_ids: tuple[str, ...]

    @property
    def words(self) -> str:
        """`5 of 24: 21 % [9 %, 41 %]`."""
        rate = self.rate
        if rate.share is None or rate.low is None or rate.high is None:
            return "nothing that can be told"
        return f"{rate.passed} of {rate.scored}: {rate.share:.0%} [{rate.low:.0%}, {rate.high:.0%}]"


def kind_figure(cells: Sequence[KindCell], titles: Mapping[str, str]) -> go.Figure:
    """Shares as colours and counts as numbers. Unseen points on top can be clicked; each carries its three names.

    Args:
        cells: A block of rows per configuration, in their order.
        titles: Kind -> its name, in the order of the columns.
    """
    rows = list(dict.fromkeys((cell.configuration, cell.category) for cell in cells))
    places = {row: place for place, row in enumerate(rows)}
    columns = {kind: place for place, kind in enumerate(titles)}
    top = max([_LEAST_TOP, *(cell.rate.share or 0.0 for cell in cells)])
    figure = go.Figure([
        _colours(cells, places, columns, top), _counts(cells, places, columns),
        _clickable(cells, places, columns, titles),
    ])  # fmt: skip
    return apply_theme(
        figure,
        height=max(200, 130 + (30 if len(rows) <= _FEW_ROWS else 22) * len(rows)),
        margin={"t": 16},
        xaxis={
            "tickvals": list(columns.values()), "ticktext": [_title(title) for title in titles.values()],
            "range": [-0.5, len(columns) - 0.5], "showgrid": False, "side": "top", "title": "", "tickangle": 0,
        },
        yaxis={
            "tickvals": list(places.values()), "ticktext": [_row_title(*row) for row in rows],
            "range": [len(rows) - 0.5, -0.5], "showgrid": False, "title": "",
        },
        dragmode=False,
        hovermode="closest",
    )  # fmt: skip


def _title(title: str) -> str:
    """A column's name in short lines, which would else run into its neighbour's."""
    words, lines = fmt.shorten(title, 44).split(), [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) > 11:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(figure_text(line) for line in lines)


def _row_title(configuration: str, category: str | None) -> str:
    if category is None:
        return f"<b>{figure_text(fmt.shorten(configuration, 26))}</b>"
    return figure_text(fmt.shorten(category or "(no category)", 26))


def _colours(
    cells: Sequence[KindCell],
    places: Mapping[tuple[str, str | None], int],
    columns: Mapping[str, int],
    top: float,
) -> go.Heatmap:
    shares = np.full((len(places), len(columns)), np.nan)
    for cell in cells:
        # Nothing is left empty: a wash of colour over all cells would hide those that say something.
        if cell.rate.passed and cell.rate.share is not None:
            shares[places[cell.configuration, cell.category], columns[cell.kind]] = cell.rate.share
    bar = {"title": {"text": "Share", "side": "top"}, "thickness": 10, "tickformat": ".0%", "outlinewidth": 0}
    return go.Heatmap(
        z=shares, x=list(columns.values()), y=list(places.values()), zmin=0, zmax=top, xgap=2, ygap=3,
        colorscale=SHARES, hoverinfo="skip", colorbar=bar,
    )  # fmt: skip


def _counts(
    cells: Sequence[KindCell], places: Mapping[tuple[str, str | None], int], columns: Mapping[str, int]
) -> go.Scatter:
    # The style sheet gives them the colour of the page's text, which is read over all of `SHARES`.
    return go.Scatter(
        x=[columns[cell.kind] for cell in cells],
        y=[places[cell.configuration, cell.category] for cell in cells],
        text=[str(cell.rate.passed) if cell.rate.passed else "·" for cell in cells],
        mode="text", textfont={"size": 13}, hoverinfo="skip", showlegend=False,
    )  # fmt: skip


def _clickable(
    cells: Sequence[KindCell],
    places: Mapping[tuple[str, str | None], int],
    columns: Mapping[str, int],
    titles: Mapping[str, str],
) -> go.Scatter:
    points = [
        (
            cell.configuration, cell_category(cell.category), cell.kind,
            figure_text(cell.configuration), figure_text(_category_words(cell.category)),
            figure_text(fmt.shorten(titles[cell.kind], 60)), cell.words,
        )
        for cell in cells
    ]  # fmt: skip
    unseen = {"marker": {"opacity": 0}}
    return go.Scatter(
        x=[columns[cell.kind] for cell in cells],
        y=[places[cell.configuration, cell.category] for cell in cells],
        customdata=np.array(points, dtype=object),
        mode="markers",
        marker={"size": 28, "symbol": "square", "opacity": 0},
        selected=unseen,
        unselected=unseen,
        hovertemplate="<b>%{customdata[5]}</b><br>%{customdata[3]} · %{customdata[4]}<br>%{customdata[6]}"
        "<extra></extra>",
        showlegend=False,
    )


def cell_category(category: str | None) -> str:
    """A category as the custom values hold it; `read_category` gives it back."""
    return "*" if category is None else f"={category}"


def read_category(value: str) -> str | None:
    """None for all categories together."""
    return value[1:] if value.startswith("=") else None


def _category_words(category: str | None) -> str:
    return "all categories" if category is None else category or "no category"
