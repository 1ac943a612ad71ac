"""Tables of data that fit beside the menu: no column stands outside their frame, and an empty cell says nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from llmopt_ui import format as fmt

if TYPE_CHECKING:
    import pandas as pd

NARROWEST = 620
"""Pixels that a table has in a window of 1024 beside the menu, inside a frame."""
_MARKER = 45
"""Pixels of the column in which rows are ticked, added and removed."""
_WIDTHS = {"small": 75, "medium": 200, "large": 400}
_USUAL = 100


def data_table(table: pd.DataFrame, *, room: int = NARROWEST, **options: Any) -> Any:
    """A table to read, and perhaps to choose rows from.

    Args:
        table: What it shows.
        room: Pixels that there are at least. In a wider place the columns share what is left.
        options: Those of `st.dataframe`.
    """
    room -= _MARKER if "selection_mode" in options else 0
    shown = options.get("column_order") or table.columns
    fit = {"column_config": fitted(shown, options.pop("column_config", {}), room)}
    return st.dataframe(table, **{"hide_index": True, "placeholder": fmt.DASH, **options, **fit})


def table_editor(table: pd.DataFrame, *, room: int = NARROWEST, **options: Any) -> pd.DataFrame:
    """A table to edit; arguments as of `data_table`, options as of `st.data_editor`."""
    room -= _MARKER if options.get("num_rows", "fixed") != "fixed" else 0
    shown = options.get("column_order") or table.columns
    fit = {"column_config": fitted(shown, options.pop("column_config", {}), room)}
    edited: pd.DataFrame = st.data_editor(table, **{"hide_index": True, "placeholder": "", **options, **fit})
    return edited


def fitted(columns: Iterable[str], given: Mapping[str, Any], room: int) -> dict[str, Any]:
    """Column configurations whose widths, as given or usual, are together no more than there is room for.

    A column whose configuration is None is hidden, takes no room and stays so.
    """
    made = {name: _values(given.get(name)) for name in map(str, columns) if given.get(name, "") is not None}
    widths = {name: _pixels(values.get("width")) for name, values in made.items()}
    share = min(1.0, room / max(1, sum(widths.values())))
    return {**given, **{name: {**values, "width": int(share * widths[name])} for name, values in made.items()}}


def _pixels(width: str | int | None) -> int:
    return (_WIDTHS.get(width) if isinstance(width, str) else width) or _USUAL


def _values(given: Any) -> dict[str, Any]:
    return {"label": given} if isinstance(given, str) else dict(given or {})
