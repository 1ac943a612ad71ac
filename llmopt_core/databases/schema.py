"""What a database holds: tables, columns, keys and a few values, as people and models read them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from llmopt_core.types import fingerprint

# Words that no engine takes as a bare name of a column or table; more quotes would only make texts longer.
_RESERVED = frozenset(
    [
        "ALL",
        "AND",
        "AS",
        "ASC",
        "BETWEEN",
        "BY",
        "CASE",
        "CHECK",
        "COLUMN",
        "CONSTRAINT",
        "CREATE",
        "CROSS",
        "DEFAULT",
        "DELETE",
        "DESC",
        "DISTINCT",
        "DROP",
        "ELSE",
        "END",
        "EXCEPT",
        "EXISTS",
        "FOREIGN",
        "FROM",
        "FULL",
        "GROUP",
        "HAVING",
        "IN",
        "INDEX",
        "INNER",
        "INSERT",
        "INTERSECT",
        "INTO",
        "IS",
        "JOIN",
        "KEY",
        "LEFT",
        "LIKE",
        "LIMIT",
        "NOT",
        "NULL",
        "OFFSET",
        "ON",
        "OR",
        "ORDER",
        "OUTER",
        "PRIMARY",
        "REFERENCES",
        "RIGHT",
        "SELECT",
        "SET",
        "TABLE",
        "THEN",
        "TO",
        "UNION",
        "UNIQUE",
        "UPDATE",
        "USER",
        "USING",
        "VALUES",
        "VIEW",
        "WHEN",
        "WHERE",
        "WITH",
    ]
)
# A value in the text of a schema; longer ones show no more of what the column is about.
_LONGEST_VALUE = 60


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        type: As the engine names it; may be empty in SQLite.
        values: Some distinct values as text, the most frequent of a first look.
        description: In words; empty where nobody wrote one.
    """

    name: str
    type: str = ""
    is_key: bool = False
    values: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Columns that hold keys of another table; `target_columns` is empty where the engine names its primary key."""

    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view; `name` carries its schema where that is not the usual one."""

    name: str
    columns: tuple[Column, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class Schema:
    """All tables of a source, in the order of their making."""

    tables: tuple[Table, ...]

    @property
    def version(self) -> str:
        """Content hash: names, types, keys, values and descriptions."""
        return fingerprint("schema-1", [_parts(table) for table in self.tables])

    def only(self, names: Collection[str]) -> Schema:
        """These tables alone, in their order."""
        return Schema(tuple(table for table in self.tables if table.name in names))

    def described(self, descriptions: Mapping[str, str]) -> Schema:
        """With descriptions of tables (`singer`) and columns (`singer.age`) over its own; unknown names are left."""
        return Schema(tuple(_described(table, descriptions) for table in self.tables))

    def with_values(self, most: int) -> Schema:
        """With at most so many values a column."""
        return Schema(
            tuple(replace(t, columns=tuple(replace(c, values=c.values[:most]) for c in t.columns)) for t in self.tables)
        )

    @property
    def words(self) -> tuple[str, ...]:
        """Names of tables and columns, and values; each once."""
        words = [
            word
            for table in self.tables
            for word in (table.name, *(part for c in table.columns for part in (c.name, *c.values)))
        ]
        return tuple(dict.fromkeys(words))


def schema_text(schema: Schema) -> str:
    """The schema as CREATE TABLE statements with comments, which models read best (DAIL-SQL's code representation)."""
    return "\n\n".join(_table_text(table) for table in schema.tables)


def quote_name(name: str) -> str:
    """The name as SQL takes it: in quotes where it is not a plain word, or a word of the language."""
    plain = name.isidentifier() and name.isascii() and name.upper() not in _RESERVED
    return name if plain else '"' + name.replace('"', '""') + '"'


def quote_name_always(name: str) -> str:
    """The name in quotes, as every engine takes it."""
    return '"' + name.replace('"', '""') + '"'


def _table_text(table: Table) -> str:
    lines = [_column_line(column) for column in table.columns]
    keys = [quote_name(column.name) for column in table.columns if column.is_key]
    constraints = [f"PRIMARY KEY ({', '.join(keys)})"] if keys else []
    constraints += [_foreign_key_text(key) for key in table.foreign_keys]
    # The comma stands before a comment, else it would be a part of it.
    rows = [(text, note) for text, note in lines] + [(text, "") for text in constraints]
    last = len(rows) - 1
    body = [
        f"  {text}{'' if i == last else ','}{f'  -- {note}' if note else ''}" for i, (text, note) in enumerate(rows)
    ]
    head = f"-- {_one_line(table.description)}\n" if table.description else ""
    return "\n".join([f"{head}CREATE TABLE {quote_name(table.name)} (", *body, ")"])


def _column_line(column: Column) -> tuple[str, str]:
    values = ", ".join(_shorten(value) for value in column.values)
    notes = [_one_line(column.description), f"such as {values}" if values else ""]
    return f"{quote_name(column.name)} {column.type}".strip(), "; ".join(note for note in notes if note)


def _foreign_key_text(key: ForeignKey) -> str:
    columns = ", ".join(map(quote_name, key.columns))
    target_columns = f" ({', '.join(map(quote_name, key.target_columns))})" if key.target_columns else ""
    return f"FOREIGN KEY ({columns}) REFERENCES {quote_name(key.target)}{target_columns}"


def _shorten(value: str) -> str:
    line = _one_line(value)
    return line if len(line) <= _LONGEST_VALUE else f"{line[:_LONGEST_VALUE]}…"


def _one_line(text: str) -> str:
    # A line break would end the comment, and what follows would be read as a part of the schema.
    return " ".join(text.split())


def _parts(table: Table) -> Sequence[object]:
    columns = [[c.name, c.type, c.is_key, list(c.values), c.description] for c in table.columns]
    keys = [[list(key.columns), key.target, list(key.target_columns)] for key in table.foreign_keys]
    return [table.name, columns, keys, table.description]


def _described(table: Table, descriptions: Mapping[str, str]) -> Table:
    columns = tuple(
        replace(column, description=descriptions.get(f"{table.name}.{column.name}", column.description))
        for column in table.columns
    )
    return replace(table, columns=columns, description=descriptions.get(table.name, table.description))
