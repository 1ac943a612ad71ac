"""Copies of a database with the same rows in another order, or with small changes of its data.

Our own statements make them, in a temporary folder; the database itself is only read, and no query of a user is run
here. Keys, indexes and constraints are left out, so that rows can be stored in any order and ids can be changed.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from llmopt_core.errors import StorageError

# A larger database is not copied: each gold may need dozens of copies.
MOST_BYTES = 20_000_000

How = Literal[
    "set_half", "lower_half", "repeat_next", "make_one", "blank_half", "raise_half", "drop_half", "repeat_rows"
]
# In the order in which they tell most queries apart.
_OF_COLUMNS: tuple[How, ...] = ("lower_half", "repeat_next", "make_one", "raise_half", "blank_half")
_OF_TABLES: tuple[How, ...] = ("repeat_rows", "drop_half")


@dataclass(frozen=True, slots=True)
class Change:
    """One small change of the data."""

    table: str
    column: str
    how: How
    value: str | float | None = None

    def statements(self) -> list[str]:
        """The change as SQL, in which names are quoted."""
        table, column = _quoted(self.table), _quoted(self.column)
        even = "WHERE rowid % 2 = 0"
        lowered = f"CASE WHEN typeof({column}) IN ('integer', 'real') THEN {column} - 1000 ELSE 'x' || {column} END"
        raised = f"CASE WHEN typeof({column}) IN ('integer', 'real') THEN {column} + 1 ELSE {column} || ' x' END"
        following = f"(SELECT {column} FROM {table} AS z WHERE z.rowid > {table}.rowid ORDER BY z.rowid LIMIT 1)"  # noqa: S608
        statements = {
            "set_half": f"UPDATE {table} SET {column} = {_literal(self.value)} {even}",  # noqa: S608
            "lower_half": f"UPDATE {table} SET {column} = {lowered} {even}",  # noqa: S608
            "raise_half": f"UPDATE {table} SET {column} = {raised} {even}",  # noqa: S608
            "repeat_next": f"UPDATE {table} SET {column} = coalesce({following}, {column}) {even}",  # noqa: S608
            "make_one": f"UPDATE {table} SET {column} = (SELECT {column} FROM {table} ORDER BY rowid LIMIT 1)",  # noqa: S608
            "blank_half": f"UPDATE {table} SET {column} = NULL {even}",  # noqa: S608
            "drop_half": f"DELETE FROM {table} {even}",  # noqa: S608
            "repeat_rows": f"INSERT INTO {table} SELECT * FROM {table}",  # noqa: S608
        }
        return [statements[self.how]]


class DataCopies:
    """Copies of one database, made when they are asked for and kept until `close`.

    Args:
        path: The database.
    """

    def __init__(self, path: Path) -> None:
        self._source = path
        self._folder = Path(tempfile.mkdtemp(prefix="llmopt-golds-"))
        self._made: dict[object, Path] = {}
        self.columns: dict[str, list[str]] = {}

    def close(self) -> None:
        """Delete all copies."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def can_be_made(self) -> bool:
        """Whether the database is small enough to be copied, and of tables that can be."""
        if self._source.stat().st_size > MOST_BYTES:
            return False
        try:
            self.shuffled(0)
        except StorageError:
            return False
        return True

    def shuffled(self, seed: int) -> Path:
        """The same rows, stored in another order: for 0 as they are, for 1 reversed, else drawn at random."""
        if seed not in self._made:
            path = self._folder / f"order_{seed}.sqlite"
            try:
                self._write(path, seed)
            except sqlite3.Error as error:
                raise StorageError(f"{self._source.name} cannot be copied: {error}.") from error
            self._made[seed] = path
        return self._made[seed]

    def changed(self, change: Change) -> Path:
        """A copy with one change; where the table's own rules forbid it, a copy without."""
        if change not in self._made:
            base = self.shuffled(0)
            path = self._folder / f"change_{len(self._made)}.sqlite"
            shutil.copyfile(base, path)
            connection = sqlite3.connect(path)
            try:
                with suppress(sqlite3.IntegrityError), connection:
                    for statement in change.statements():
                        connection.execute(statement)
            finally:
                connection.close()
            self._made[change] = path
        return self._made[change]

    def changes(
        self, tables: set[str], columns: set[str], values: Sequence[tuple[str, str | float]] = ()
    ) -> Iterator[Change]:
        """Changes of what a query names.

        Args:
            tables: Names of tables, in lower case.
            columns: Names of columns, in lower case.
            values: A column, in lower case, and a value that the query compares it with.
        """
        self.shuffled(0)
        named = [(table, column) for table, all_columns in self.columns.items() if table.lower() in tables
                 for column in all_columns if column.lower() in columns]  # fmt: skip
        for name, value in values:
            yield from (Change(table, column, "set_half", value) for table, column in named if column.lower() == name)
        for how in _OF_COLUMNS:
            yield from (Change(table, column, how) for table, column in named)
        for how in _OF_TABLES:
            yield from (Change(table, "", how) for table in self.columns if table.lower() in tables)

    def _write(self, path: Path, seed: int) -> None:
        source = sqlite3.connect(f"{self._source.absolute().as_uri()}?mode=ro", uri=True)
        source.text_factory = _text
        target = sqlite3.connect(path)
        try:
            with target:
                for name, kind, sql in _schema(source):
                    if kind == "table":
                        self._copy_table(source, target, name, sql, seed)
                for _, kind, sql in _schema(source):
                    if kind == "view":
                        target.execute(sql)
        finally:
            source.close()
            target.close()

    def _copy_table(
        self, source: sqlite3.Connection, target: sqlite3.Connection, name: str, sql: str, seed: int
    ) -> None:
        table = _quoted(name)
        columns = [(_text(row[1]), _text(row[2])) for row in source.execute(f"PRAGMA table_info({table})")]
        self.columns[name] = [column for column, _ in columns]
        # A collation decides what is equal: such a table keeps its own definition.
        if "collate" in sql.lower():
            target.execute(sql)
        else:
            target.execute(f"CREATE TABLE {table} ({', '.join(f'{_quoted(one)} {kind}' for one, kind in columns)})")
        names = ", ".join(_quoted(column) for column, _ in columns)
        rows = source.execute(f"SELECT {names} FROM {table}").fetchall()  # noqa: S608 - our own names, quoted
        if seed == 1:
            rows.reverse()
        elif seed:
            random.Random(seed).shuffle(rows)
        marks = ", ".join("?" for _ in columns)
        target.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)  # noqa: S608


def _schema(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    rows = connection.execute(
        "SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    ).fetchall()
    return [(_text(name), _text(kind), _text(sql)) for name, kind, sql in rows]


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: str | float | None) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)
