"""Tables that people edit row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from llmopt_ui.prompts.state import prompt_state
from llmopt_ui.tables import table_editor

Row = dict[str, Any]


def edit_rows(
    key: str,
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, Any],
    types: Mapping[str, str] | None = None,
    **options: Any,
) -> list[Row]:
    """Draw the table; gives its rows as they stand. Empty cells are None or an empty text.

    Args:
        key: Of the widget. What it starts from stays the same for as long as it is shown.
        rows: What it starts from.
        columns: Name -> column configuration, in order.
        types: Pandas types of columns that are no text.
        options: Further ones of `table_editor`.
    """
    base = table_base(key, rows, columns, types or {})
    return _plain_rows(table_editor(base, num_rows="dynamic", key=key, column_config=dict(columns), **options))


def table_base(
    key: str, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Any], types: Mapping[str, str]
) -> pd.DataFrame:
    """What an edited table starts from, held for as long as the table is shown."""
    field_values = prompt_state().field_values
    # The editor tells its edits relative to what it was first given; another table under the same key would get them
    # a second time. When Streamlit has forgotten the edits, it starts anew.
    if key not in st.session_state or key not in field_values:
        values = {name: [row.get(name) for row in rows] for name in columns}
        field_values[key] = {
            # With types that can be empty, since columns of None alone would become objects, for which the editor
            # offers no field.
            "table": pd.DataFrame(values).astype({name: types.get(name, "string") for name in columns})
        }
    table: pd.DataFrame = field_values[key]["table"]
    return table


def rows_with_edits(key: str) -> list[Row]:
    """The rows of a table that is shown, from what the browser sent: for callbacks, which run before it is drawn."""
    table = prompt_state().field_values[key]["table"]
    edits = st.session_state[key]
    rows = _plain_rows(table)
    for place, changes in edits.get("edited_rows", {}).items():
        rows[int(place)].update(changes)
    positions = set(edits.get("deleted_rows", ()))
    rest = [row for place, row in enumerate(rows) if place not in positions]
    return rest + [{name: row_values.get(name) for name in table.columns} for row_values in edits.get("added_rows", ())]


def _plain_rows(table: pd.DataFrame) -> list[Row]:
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]
