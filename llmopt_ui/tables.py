"""Tables of data that fit beside the menu: no column stands outside their frame, and no cell is cut without a word."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import streamlit as st

from llmopt_core.types import fingerprint
from llmopt_ui import format as fmt
from llmopt_ui.column_fit import ROW_HEIGHTS, Column, Fit, fit_columns

if TYPE_CHECKING:
    import pandas as pd

NARROWEST = 620
"""Pixels that a table has in a window of 1024 beside the menu, inside a frame."""
FULL_ROOM = 640
"""The same outside a frame, beside a scroll bar."""
TALLEST = 400
"""Pixels of a table, where nothing else is said; what does not fit is scrolled to."""
# Pixels that Streamlit gives these words.
_WIDTHS = {"small": 75, "medium": 200, "large": 400}
# Pixels that a column has at least where something will be typed into it.
_USUAL = 100
# Pixels of what is drawn and not written: a box to tick, a bar, the sign of an editable column beside its name.
_CHECKBOX, _BAR, _PENCIL = 60, 110, 22
_SCROLL_BAR = 12
# Stands for the arrow of a select box, which takes about as much room as these signs.
_ARROW = "     ▾"
# Lines of a row. Fewer cut more texts, more show fewer rows at once.
_OF_A_LIST = 3
_DOUBLE_CLICK = "Where a cell is not shown whole, double-click it to read all of it."
_HEADER = 38
"""Pixels of the row of names, and the frame."""


def show_table(rows: Any, alt: str, figures: str = "") -> None:
    """Show a table that is read as text: its cells are Markdown.

    Args:
        rows: Mappings by column, or a table.
        alt: What it tells, for who does not see it.
        figures: A key where all but the first column are figures, which line up on the right.
    """
    with st.container(key=f"figures_{figures}") if figures else nullcontext():
        st.table(rows, border="horizontal", hide_index=True, alt=alt)


def data_table(
    table: pd.DataFrame, *, room: int = NARROWEST, height: int = TALLEST, lines: int = 0, **options: Any
) -> Any:
    """A table to read, and perhaps to choose rows from.

    Columns are as wide, and rows as tall, as what stands in them asks for.

    Args:
        table: What it shows.
        room: Pixels that there are at least. In a wider place the columns share what is left.
        height: Pixels that it has at most.
        lines: Of a row at most, where many rows are to be seen; by default as many as its cells ask for.
        options: Those of `st.dataframe`.
    """
    is_selectable = "selection_mode" in options
    # A list to choose from is to be seen at a glance.
    lines = lines or (_OF_A_LIST if is_selectable else max(ROW_HEIGHTS))
    layout = _options(table, options, room - (_marker(len(table)) if is_selectable else 0), lines)
    tall = _HEADER + layout.row_height * max(1, len(table))
    if tall > height:
        _clear_scroll_bar(table, options)
    event = st.dataframe(
        table, hide_index=True, height=min(tall, height), row_height=layout.row_height,
        **{"placeholder": fmt.DASH, **options},
    )  # fmt: skip
    if not layout.whole:
        st.caption(_DOUBLE_CLICK)
    return event


def ticked_rows(table: pd.DataFrame, ids: Sequence[int | str], key: str, **options: Any) -> list[int]:
    """A table to tick rows in; gives the places of those that are ticked.

    Args:
        table: What it shows.
        ids: Of its rows: what is ticked stays so when others come before it or go.
        key: Of the table.
        options: Those of `data_table`.
    """
    places, memory = {one: place for place, one in enumerate(ids)}, f"{key}_ticked"
    before = [places[one] for one in st.session_state.get(memory, ()) if one in places]
    # Streamlit knows rows by place alone, so other rows are another table, which begins with the same ones ticked.
    event = data_table(
        table, key=f"{key}_{fingerprint(list(ids))}", on_select="rerun", selection_mode="multi-row",
        selection_default={"selection": {"rows": before}}, **options,
    )  # fmt: skip
    rows = [row for row in event.selection.rows if row < len(ids)]
    st.session_state[memory] = tuple(ids[row] for row in rows)
    return rows


def table_editor(
    table: pd.DataFrame, *, room: int = NARROWEST, height: int = TALLEST, lines: int = 0, **options: Any
) -> pd.DataFrame:
    """A table to edit; arguments as of `data_table`, options as of `st.data_editor`.

    The width that a column is given is what is kept free for what will be typed.
    """
    grows = options.get("num_rows", "fixed") != "fixed"
    lines = lines or max(ROW_HEIGHTS)
    layout = _options(table, options, room - (_marker(len(table)) if grows else 0), lines, editable=True)
    tall = _HEADER + layout.row_height * (len(table) + grows)
    rows: pd.DataFrame = st.data_editor(
        table, hide_index=True, height=min(tall, height), row_height=layout.row_height,
        **{"placeholder": "", **options},
    )  # fmt: skip
    if not layout.whole:
        st.caption(_DOUBLE_CLICK)
    return rows


def _marker(rows: int) -> int:
    """Pixels of the column in which rows are ticked, added and removed."""
    # It numbers the rows, and more digits are wider.
    return 32 if rows <= 100 else 36 if rows <= 1000 else 48


def _clear_scroll_bar(table: pd.DataFrame, options: dict[str, Any]) -> None:
    # Streamlit shares out the width of the whole frame, and the scroll bar lies over the end of the last column.
    names = _shown_names(table, options)
    if names:
        options["column_config"][names[-1]]["width"] += _SCROLL_BAR


def _shown_names(table: pd.DataFrame, options: Mapping[str, Any]) -> list[str]:
    column_config: Mapping[str, Any] = options.get("column_config") or {}
    # The default is a text, since None, which hides a column, is a value here.
    names = map(str, options.get("column_order") or table.columns)
    return [name for name in names if column_config.get(name, "") is not None]


def _options(table: pd.DataFrame, options: dict[str, Any], room: int, lines: int, *, editable: bool = False) -> Fit:
    """Put the fitting column configurations into the options. A column whose configuration is None stays hidden."""
    column_config: Mapping[str, Any] = options.get("column_config") or {}
    names = _shown_names(table, options)
    # Copies: configurations are constants of modules, which the widths of one table must not change for the next.
    values_by_name = {name: _values(column_config.get(name)) for name in names}
    disabled_columns = options.get("disabled") or ()
    columns = [
        _column(table[name], name, values_by_name[name], editable and name not in disabled_columns) for name in names
    ]
    layout = fit_columns(columns, room, lines)
    widths = dict(zip(names, layout.widths, strict=True))
    options["column_config"] = {
        **column_config,
        **{name: {**values_by_name[name], "width": widths[name]} for name in names},
    }
    return layout


def _column(cells: pd.Series, name: str, values: Mapping[str, Any], editable: bool) -> Column:
    """What the fitting looks at: texts as they are shown, and whether they go on in a second line."""
    from pandas.api import types

    header = str(values.get("label") or name)
    of_type: Mapping[str, Any] = values.get("type_config") or {}
    kind, width = of_type.get("type"), values.get("width")
    # Streamlit takes a word or pixels.
    least = (_WIDTHS[width] if isinstance(width, str) else width) or (_USUAL if editable else 0)
    icon = _PENCIL if editable else 0
    if kind == "progress":
        return Column(header, (), False, _BAR, icon)
    if kind == "checkbox" or types.is_bool_dtype(cells):
        return Column(header, (), False, _CHECKBOX, icon)
    # As wide as its longest option, whatever is chosen now: any may be chosen next.
    if kind == "selectbox":
        return Column(header, [f"{option}{_ARROW}" for option in of_type.get("options") or ()], False, least, icon)
    there = cells.dropna()
    if types.is_datetime64_any_dtype(cells):
        return Column(header, [_moment(of_type.get("format"))] if len(there) else (), False, least, icon)
    if types.is_numeric_dtype(cells):
        return Column(header, [_number(value, of_type.get("format")) for value in there], False, least, icon)
    return Column(
        header,
        ["" if missing else str(value) for value, missing in zip(cells, cells.isna(), strict=True)],
        True,
        least,
        icon,
    )


def _moment(pattern: str | None) -> str:
    """A moment as wide as any."""
    # Letters of the pattern stand for figures; `0` is as wide as any figure, and `Mmm` about as wide as a month's
    # name.
    # A day without a leading zero may have two figures all the same.
    words = re.sub(r"\bD\b", "DD", pattern or "YYYY-MM-DD HH:mm:ss")
    return words.replace("MMM", "Mmm").translate(str.maketrans("YDHs", "0000"))


def _number(value: float, pattern: str | None) -> str:
    if pattern == "percent":
        return f"{value:.2%}"
    if pattern and "%" in pattern:
        return pattern % value
    # As Streamlit shows numbers without a format: with four decimals at most.
    return f"{value:,}" if float(value).is_integer() else f"{value:,.4f}"


def _values(config: Any) -> dict[str, Any]:
    return {"label": config} if isinstance(config, str) else dict(config or {})
