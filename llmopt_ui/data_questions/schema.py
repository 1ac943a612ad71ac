"""The schema of a data source: what it holds, what people wrote about it, and what of it a question gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from llmopt_core.answering.tools.sql.open_database import OpenDatabase, find_source
from llmopt_core.index.embedding_cache import encode_with_cache
from llmopt_core.labs.data_questions.schema_rows import SchemaRow, changed_descriptions, schema_rows
from llmopt_core.labs.data_questions.sources import KIND, SavedSource, save_source
from llmopt_core.models.base import EmbeddingSpec, Vectors
from llmopt_core.retrieval.schema.search import SchemaSearch
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.components import facts, section
from llmopt_ui.resources import models, store
from llmopt_ui.session import notify
from llmopt_ui.tables import data_table, table_editor

TABLE, SAVE, QUESTION, SHOWN = "schema_table", "schema_save", "schema_question", "schema_shown"
_ALL = "All tables"
_MOST_ROWS = 300
"""Rows that are edited at once; of a larger schema a table is chosen."""
_LONGEST = 300
"""Characters of the sample values of a column."""


def schema_view(project: Project, source: SavedSource) -> None:
    """Read it, describe it, see what a question gets."""
    database = _database(source.source, _mark(source.source))
    with st.spinner("Reading the schema …"):
        schema = database.schema
    columns = sum(len(table.columns) for table in schema.tables)
    facts(
        ("Tables", fmt.count(len(schema.tables))), ("Columns", fmt.count(columns)),
        ("Described", fmt.count(len(source.descriptions)), "Tables and columns that people wrote about."),
        ("SQL", database.dialect),
    )  # fmt: skip
    _tables(project, source, database)
    _choice(source, database)
    _versions(project, source)


@st.cache_resource(max_entries=8, show_spinner=False)
def _database(text: str, _key: str) -> OpenDatabase:
    return OpenDatabase(find_source(text))


def _mark(text: str) -> str:
    """Changes with the files; the schema of a server is read once, until the app is started again."""
    path = Path(find_source(text).where)
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return "|".join(f"{file.name} {file.stat().st_mtime_ns}" for file in files if file.exists())


def _tables(project: Project, source: SavedSource, database: OpenDatabase) -> None:
    section("Tables and columns", "What is written here stands in the prompt beside each table and column.")
    rows = schema_rows(database.schema, source.descriptions)
    names = [table.name for table in database.schema.tables]
    shown = rows
    if len(rows) > _MOST_ROWS or len(names) > 1:
        options = ([_ALL] if len(rows) <= _MOST_ROWS else []) + names
        # Names of other sources are not among them any more.
        if st.session_state.get(TABLE) not in (None, *options):
            del st.session_state[TABLE]
        name = st.selectbox("Table", options, key=TABLE, width=340)
        shown = rows if name == _ALL else [row for row in rows if row.table == name]
    after = _editor(shown, f"schema_rows_{source.name}_{source.number}_{len(shown)}_{shown[0].name}")
    written = {row.name: text for row, text in zip(shown, after, strict=True)}
    changed = any(written[row.name] != row.description for row in shown)
    if st.button("Save as a new version", key=SAVE, type="primary", icon=":material/save:", disabled=not changed):
        pairs = [(row, written.get(row.name, row.description)) for row in rows]
        saved = save_source(store(), project, source.name, source.source, changed_descriptions(database.schema, pairs))
        notify(f"{saved.name} saved as version {saved.number}.")
        st.rerun()


def _editor(rows: Sequence[SchemaRow], key: str) -> list[str]:
    table = pd.DataFrame(
        [
            (row.table, row.column, row.type, row.key, fmt.shorten(row.values, _LONGEST), row.description)
            for row in rows
        ],
        columns=["Table", "Column", "Type", "Key", "Values", "Description"],
    )
    after = table_editor(
        table, key=key, disabled=["Table", "Column", "Type", "Key", "Values"], lines=2,
        column_config={"Description": st.column_config.TextColumn("Description", max_chars=1000)},
    )  # fmt: skip
    return [str(text or "") for text in after["Description"]]


def _choice(source: SavedSource, database: OpenDatabase) -> None:
    section(
        "Which tables a question gets",
        "Of a large schema the model sees a part: by words and meaning of names, descriptions and values, and by the "
        "keys that join tables.",
    )
    left, right = st.columns([3, 1], gap="medium")
    question = (left.text_input("A question", key=QUESTION, persist_state="session", max_chars=2000) or "").strip()
    shown = int(right.number_input("Tables shown at most", 1, 1000, 12, key=SHOWN, persist_state="session"))
    total = len(database.schema.tables)
    if total <= shown:
        st.caption(f"All {fmt.plural(total, 'table')} are shown to every question.")
        return
    if not question:
        st.caption("Type a question to see its tables.")
        return
    with st.spinner("Looking for the tables …"):
        hits = SchemaSearch(database.schema.described(source.descriptions), _encode).search(question, shown)
    table = pd.DataFrame(
        [(hit.table, hit.score, f"joins {hit.joins}" if hit.joins else "found by the question") for hit in hits],
        columns=["Table", "Score", "Why"],
    )
    data_table(table, alt="The tables that the question gets", key="schema_hits",
               column_config={"Score": st.column_config.NumberColumn(format="%.2f")})  # fmt: skip


def _encode(texts: Sequence[str]) -> Vectors:
    registry = models()
    return encode_with_cache(texts, registry.embedder(EmbeddingSpec()), registry.cache)


def _versions(project: Project, source: SavedSource) -> None:
    section("Versions")
    versions = [one for one in reversed(store().versions(project, KIND, source.name)) if one.body.get("source")]
    table = pd.DataFrame(
        [(one.number, fmt.moment(one.saved_at), _descriptions(one.body), one.body["source"]) for one in versions],
        columns=["Version", "Saved", "Descriptions", "Source"],
    )
    data_table(table, alt="Versions of the data source", key="schema_versions")


def _descriptions(body: Mapping[str, Mapping[str, str]]) -> int:
    return len(body.get("descriptions", {}))
