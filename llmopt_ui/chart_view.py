"""How a figure is shown, the same on all pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    import plotly.graph_objects as go

# Lasso and box choose nothing here, and "autoscale" does what a double click does.
_BAR = {"displaylogo": False, "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"]}


def show_chart(
    figure: go.Figure, key: str, alt: str, *, place: Any = st, plain: bool = False, picture: str = "", **options: Any
) -> Any:
    """Show a figure.

    Args:
        figure: What to show.
        key: Of the element.
        alt: What there is to see, for who does not see it.
        place: Where it is shown, such as a column.
        plain: Without the bar of tools that appears over it.
        picture: What its camera saves, such as `ladder.svg`; by default a PNG named by Plotly.
        options: Further ones of `plotly_chart`.
    """
    config: dict[str, Any] = {**_BAR, "displayModeBar": False} if plain else dict(_BAR)
    if picture:
        name, _, kind = picture.rpartition(".")
        # Twice the pixels: sharp on a slide.
        config |= {"toImageButtonOptions": {"format": kind, "filename": name, "scale": 2}, "displayModeBar": True}
    return place.plotly_chart(figure, config=config, key=key, alt=alt, **options)
