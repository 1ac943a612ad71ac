"""The tables of a data source; what they hold in words can be edited, and each edit is a version."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from llmopt_core.answering.tools.sql.open_database import find_source
from llmopt_core.databases.schema import Schema
from llmopt_core.databases.schema_reader import read_schema
from llmopt_core.labs.data_questions.sources import SavedSource, save_source
from llmopt_core.retrieval.schema.search import SchemaSearch
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.components import section, show_errors
from llmopt_ui.pickers import pick_name
from llmopt_ui.resources import store
from llmopt_ui.session import notify
from llmopt_ui.tables import data_table, table_editor

TABLE, SAVE, QUESTION = "data_table", "data_schema_save", "data_schema_question"
_COLUMN, _TYPE, _KEY, _VALUES, _DESCRIPTION = "Column", "Type", "Key", "Such as", "What it holds"


def schema_view(project: Project, source: SavedSource) -> None:
    """Choose a table, read and describe its columns; see which tables a question gets."""
    schema = _schema(source.source, _mark(source)).described(source.descriptions)
    counts = f"{fmt.plural(len(schema.tables), 'table')}, {sum(len(table.columns) for table in schema.tables)} columns"
    st.caption(f"{counts} · schema {schema.version[:6]}. What is described here goes to the model with the schema.")
    name = pick_name(TABLE, [table.name for table in schema.tables], "Table", width=320)
    _columns(project, source, schema, name)
    _search(schema)


@st.cache_data(show_spinner="Reading the schema …", max_entries=20)
def _schema(source: str, mark: str) -> Schema:
    return read_schema(find_source(source))


def _mark(source: SavedSource) -> str:
    """Changes with the file, so that a schema is read once per version of it."""
    path = Path(source.source)
    return str(path.stat().st_mtime_ns) if path.exists() else source.source


def _columns(project: Project, source: SavedSource, schema: Schema, name: str) -> None:
    table = next(one for one in schema.tables if one.name == name)
    keys = {column: key.target for key in table.foreign_keys for column in key.columns}
    rows = pd.DataFrame(
        {
            _COLUMN: [column.name for column in table.columns],
            _TYPE: [column.type for column in table.columns],
            _KEY: ["primary" if c.is_key else f"to {keys[c.name]}" if c.name in keys else "" for c in table.columns],
            _VALUES: [", ".join(column.values[:3]) for column in table.columns],
            _DESCRIPTION: [column.description for column in table.columns],
        }
    )
    with st.form(f"data_schema_{source.name}_{source.number}_{name}", border=False):
        about = st.text_input("What the table holds", table.description, max_chars=500)
        edited = table_editor(
            rows, disabled=[_COLUMN, _TYPE, _KEY, _VALUES], key=f"data_columns_{source.name}_{source.number}_{name}",
            column_config={_DESCRIPTION: st.column_config.TextColumn(width="large", max_chars=500)},
        )  # fmt: skip
        pressed = st.form_submit_button("Save descriptions", key=SAVE, icon=":material/save:")
    if pressed:
        with show_errors():
            written = dict(source.descriptions) | {name: about}
            written |= {
                f"{name}.{column}": (text or "").strip()
                for column, text in zip(edited[_COLUMN], edited[_DESCRIPTION], strict=True)
            }
            saved = save_source(store(), project, source.name, source.source, written)
            notify(f"{source.name} is saved as version {saved.number}.")
            st.rerun()


def _search(schema: Schema) -> None:
    section("Which tables a question gets", "A model is shown at most twelve; those of a large schema are searched.")
    question = st.text_input("Question", key=QUESTION, placeholder="Which customers ordered most?", max_chars=2000)
    if not question:
        st.caption("Type a question to see the tables that its words lead to, and those that join them.")
        return
    # By words alone: nothing is loaded for a look. Asking searches by meaning, too.
    hits = SchemaSearch(schema).search(question, 12)
    if len(schema.tables) <= len(hits):
        st.caption(f"All {len(hits)} tables are shown to the model.")
        return
    reasons = [f"joins {hit.joins}" if hit.joins else "by its words" for hit in hits]
    data_table(
        pd.DataFrame({"Table": [hit.table for hit in hits], "Why": reasons, "Score": [hit.score for hit in hits]}),
        column_config={"Score": st.column_config.NumberColumn(format="%.2f")},
        key="data_schema_hits",
    )
