"""A data source -> its schema, read in the child process that runs queries."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from llmopt_core.databases.engines.base import EngineError
from llmopt_core.databases.engines.postgresql import PostgreSQLEngine
from llmopt_core.databases.engines.sqlite import open_to_read
from llmopt_core.databases.outcome import json_value
from llmopt_core.databases.schema import Column, ForeignKey, Schema, Table, quote_name_always
from llmopt_core.databases.source import DataSource
from llmopt_core.databases.tables import load_tables
from llmopt_core.errors import BadInput
from llmopt_core.execution.isolation import IsolationError, Limits, run_in_child
from llmopt_core.settings import Settings

VALUES_READ = 5
"""Sample values of each column; a prompt may show fewer."""

# Rows that the sample values come from: enough for columns with few values, quick in tables of millions.
_ROWS_LOOKED_AT = 1_000
_SECONDS_PER_TABLE = 2.0
_LIMITS = Limits(memory=1_000_000_000, cpu=60.0, wall=120.0)

Rows = Callable[[str], list[tuple[Any, ...]]]
"""Runs one query of ours."""


def read_schema(source: DataSource, heartbeat: Callable[[], None] | None = None) -> Schema:
    """All tables and views of a source, with keys and some values.

    Raises:
        BadInput: It cannot be opened, or has no table.
    """
    database = source
    if source.kind == "tables":
        path = load_tables(source, Settings.from_environment().home)
        database = DataSource("duckdb", str(path), source.name)
    try:
        schema: Schema = run_in_child(
            _read, (database,), _LIMITS, on_part=lambda *_: None, heartbeat=heartbeat or (lambda: None)
        )
    except IsolationError as stop:
        raise BadInput(f"The schema of {source.name} could not be read ({stop.reason}).") from stop
    if not schema.tables:
        raise BadInput(f"{source.name} has no table; name a database that has one.")
    return schema


def _read(source: DataSource, _tell: object) -> Schema:
    readers = {"sqlite": _read_sqlite, "duckdb": _read_duckdb, "postgresql": _read_postgresql}
    return readers[source.kind](source)


def _read_sqlite(source: DataSource) -> Schema:
    try:
        connection = open_to_read(Path(source.where))

        def rows(sql: str) -> list[tuple[Any, ...]]:
            end = time.monotonic() + _SECONDS_PER_TABLE
            # A view may be anything, such as a recursion without an end.
            connection.set_progress_handler(lambda: time.monotonic() > end, 10_000)
            return connection.execute(sql).fetchall()

        # `sqlite_%` are SQLite's own.
        names = rows(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
            "ORDER BY rowid"
        )
        return Schema(tuple(_sqlite_table(str(name), rows) for (name,) in names))
    except sqlite3.Error as error:
        raise BadInput(f"{source.name} cannot be read as an SQLite database: {error}.") from error


def _sqlite_table(name: str, rows: Rows) -> Table:
    quoted = quote_name_always(name)
    try:
        infos = rows(f"PRAGMA table_info({quoted})")
    except sqlite3.Error:
        # A view over a table that is gone; no query could read it either.
        infos = []
    values = _values(quoted, [str(info[1]) for info in infos], rows)
    columns = tuple(
        Column(str(info[1]), str(info[2] or ""), bool(info[5]), values.get(str(info[1]), ())) for info in infos
    )
    keys: dict[int, list[tuple[Any, ...]]] = {}
    for row in rows(f"PRAGMA foreign_key_list({quoted})"):
        keys.setdefault(row[0], []).append(row)
    return Table(name, columns, tuple(_sqlite_key(parts) for _, parts in sorted(keys.items())))


def _sqlite_key(parts: list[tuple[Any, ...]]) -> ForeignKey:
    ordered = sorted(parts, key=lambda part: part[1])
    # None where the key names the table alone, and its primary key is meant.
    targets = tuple(str(part[4]) for part in ordered if part[4] is not None)
    return ForeignKey(tuple(str(part[3]) for part in ordered), str(ordered[0][2]), targets)


def _read_duckdb(source: DataSource) -> Schema:
    import duckdb

    try:
        connection = duckdb.connect(source.where, read_only=True, config={"enable_external_access": False})
    except duckdb.Error as error:
        raise BadInput(f"{source.name} cannot be read as a DuckDB database: {str(error).splitlines()[0]}") from error

    def rows(sql: str) -> list[tuple[Any, ...]]:
        timer = threading.Timer(_SECONDS_PER_TABLE, connection.interrupt)
        timer.start()
        try:
            found: list[tuple[Any, ...]] = connection.execute(sql).fetchall()
        finally:
            timer.cancel()
        return found

    with connection:
        names = rows(
            "SELECT schema_name, table_name, comment, table_oid FROM duckdb_tables() WHERE NOT internal UNION ALL "
            "SELECT schema_name, view_name, comment, view_oid FROM duckdb_views() WHERE NOT internal ORDER BY 4"
        )
        return Schema(tuple(_duckdb_table(str(s), str(name), str(note or ""), rows) for s, name, note, _ in names))


def _duckdb_table(space: str, name: str, description: str, rows: Rows) -> Table:
    where = f"schema_name = {_text(space)} AND table_name = {_text(name)}"
    infos = rows(f"SELECT column_name, data_type, comment FROM duckdb_columns() WHERE {where} ORDER BY column_index")  # noqa: S608
    constraints = rows(
        "SELECT constraint_type, constraint_column_names, referenced_table, referenced_column_names FROM "  # noqa: S608
        f"duckdb_constraints() WHERE {where} ORDER BY constraint_index"
    )
    keys = {str(c) for kind, columns, _, _ in constraints if kind == "PRIMARY KEY" for c in columns}
    foreign_keys = tuple(
        ForeignKey(tuple(columns), str(target), tuple(target_columns))
        for kind, columns, target, target_columns in constraints
        if kind == "FOREIGN KEY"
    )
    table = quote_name_always(name) if space == "main" else f"{quote_name_always(space)}.{quote_name_always(name)}"
    values = _values(table, [str(info[0]) for info in infos], rows)
    columns = tuple(
        Column(str(c), str(kind), str(c) in keys, values.get(str(c), ()), str(note or "")) for c, kind, note in infos
    )
    return Table(name if space == "main" else f"{space}.{name}", columns, foreign_keys, description)


def _read_postgresql(source: DataSource) -> Schema:
    import psycopg

    try:
        engine = PostgreSQLEngine(source.where)
    except EngineError as error:
        raise BadInput(f"{source.name}: {error}") from None

    def rows(sql: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = engine.connection.execute(sql).fetchall()
        return found

    with closing(engine):
        try:
            rows(f"SELECT set_config('statement_timeout', '{int(_SECONDS_PER_TABLE * 1000)}', false)")
            tables = rows(_POSTGRES_TABLES)
            columns = _by_table(rows(_POSTGRES_COLUMNS))
            keys = _by_table(rows(_POSTGRES_KEYS))
        except psycopg.Error as error:
            raise BadInput(f"The tables of {source.name} cannot be read: {str(error).splitlines()[0]}") from None
        return Schema(
            tuple(
                _postgres_table(str(space), str(name), str(note or ""), columns[oid], keys[oid], rows)
                for oid, space, name, note in tables
            )
        )


def _by_table(rows: list[tuple[Any, ...]]) -> dict[int, list[tuple[Any, ...]]]:
    found: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for oid, *rest in rows:
        found[oid].append(tuple(rest))
    return found


def _postgres_table(  # noqa: PLR0917
    space: str, name: str, description: str, infos: list[tuple[Any, ...]], keys: list[tuple[Any, ...]], rows: Rows
) -> Table:
    primary = {column for kind, columns, _, _ in keys if kind == "p" for column in columns}
    foreign_keys = tuple(
        ForeignKey(tuple(columns), target, tuple(target_columns))
        for kind, columns, target, target_columns in keys
        if kind == "f"
    )
    table = f"{quote_name_always(space)}.{quote_name_always(name)}"
    values = _values(table, [str(info[0]) for info in infos], rows)
    columns = tuple(
        Column(str(c), str(kind), c in primary, values.get(str(c), ()), str(note or "")) for c, kind, note in infos
    )
    return Table(name if space == "public" else f"{space}.{name}", columns, foreign_keys, description)


_POSTGRES_TABLES = """
SELECT c.oid, n.nspname, c.relname, pg_catalog.obj_description(c.oid, 'pg_class')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^(pg_|information_schema$)' AND c.relkind IN ('r', 'v', 'm', 'f', 'p') ORDER BY c.oid
"""
_POSTGRES_COLUMNS = """
SELECT a.attrelid, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
    pg_catalog.col_description(a.attrelid, a.attnum)
FROM pg_catalog.pg_attribute a WHERE a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum
"""
_POSTGRES_KEYS = """
SELECT k.conrelid, k.contype::text,
    ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u(number, place)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number ORDER BY u.place),
    CASE n.nspname WHEN 'public' THEN o.relname::text ELSE n.nspname || '.' || o.relname END,
    ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u(number, place)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number ORDER BY u.place)
FROM pg_catalog.pg_constraint k LEFT JOIN pg_catalog.pg_class o ON o.oid = k.confrelid
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = o.relnamespace WHERE k.contype IN ('p', 'f') ORDER BY k.oid
"""


def _values(table: str, names: list[str], rows: Rows) -> dict[str, tuple[str, ...]]:
    """The most frequent values of each column among the first rows of a table."""
    if not names:
        return {}
    quoted = ", ".join(map(quote_name_always, names))
    try:
        sample = rows(f"SELECT {quoted} FROM {table} LIMIT {_ROWS_LOOKED_AT}")  # noqa: S608
    # A view that fails, or a damaged page: the table is shown without values.
    except Exception:
        return {}
    return {name: _most_frequent([row[place] for row in sample]) for place, name in enumerate(names)}


def _most_frequent(cells: list[Any]) -> tuple[str, ...]:
    counts: dict[str, int] = {}
    for cell in cells:
        if cell is not None and not isinstance(cell, bytes | bytearray | memoryview):
            # Short enough to tell values apart; long texts show nothing more.
            text = str(json_value(cell))[:200]
            counts[text] = counts.get(text, 0) + 1
    # Stable: among equals the first to be met, so that two readings give the same.
    return tuple(sorted(counts, key=lambda text: -counts[text])[:VALUES_READ])


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
