"""A schema as rows that people read and describe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from llmopt_core.databases.schema import Schema, Table


@dataclass(frozen=True, slots=True)
class SchemaRow:
    """A table, where `column` is empty, or one of its columns.

    Attributes:
        type: As the database names it.
        key: `primary key`, what it refers to, or both.
        values: Some of them.
        description: Of the source itself, or what people wrote over it.
    """

    table: str
    column: str
    type: str = ""
    key: str = ""
    values: str = ""
    description: str = ""

    @property
    def name(self) -> str:
        """What descriptions are kept by."""
        return f"{self.table}.{self.column}" if self.column else self.table


def schema_rows(schema: Schema, descriptions: Mapping[str, str]) -> list[SchemaRow]:
    """Every table, followed by its columns."""
    described = schema.described(descriptions)
    return [row for table in described.tables for row in _rows(table)]


def changed_descriptions(schema: Schema, written: Iterable[tuple[SchemaRow, str]]) -> dict[str, str]:
    """What people wrote, without what the source says of itself.

    An emptied description goes back to that of the source.
    """
    own = {row.name: row.description for row in schema_rows(schema, {})}
    texts = {row.name: text.strip() for row, text in written}
    return {name: text for name, text in texts.items() if text and text != own.get(name)}


def _rows(table: Table) -> list[SchemaRow]:
    targets: dict[str, list[str]] = {}
    for key in table.foreign_keys:
        ends = key.target_columns or ("",) * len(key.columns)
        for name, end in zip(key.columns, ends, strict=False):
            targets.setdefault(name, []).append(f"{key.target}.{end}" if end else key.target)
    rows = [SchemaRow(table.name, "", description=table.description)]
    for column in table.columns:
        keys = ["primary key"] if column.is_key else []
        keys += [f"→ {target}" for target in targets.get(column.name, ())]
        values = ", ".join(column.values)
        rows.append(SchemaRow(table.name, column.name, column.type, ", ".join(keys), values, column.description))
    return rows
