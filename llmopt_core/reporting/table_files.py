"""Tables -> the files that spreadsheets, scripts and data frames read: CSV, JSON and Parquet."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args
from zipfile import ZIP_DEFLATED, ZipFile

from llmopt_core.text.csv_text import csv_text
from llmopt_core.workspace import write_output

TableFormat = Literal["csv", "json", "parquet"]
TABLE_FORMATS: tuple[TableFormat, ...] = get_args(TableFormat)

Cell = str | int | float | None
Kind = Literal["text", "number", "count"]
_TYPES: Mapping[Kind, str] = {"text": "string", "number": "Float64", "count": "Int64"}


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns, each of one kind; None is missing."""

    name: str
    columns: Mapping[str, Kind]
    rows: Sequence[Sequence[Cell]]


def write_tables(tables: Sequence[Table], folder: Path, form: TableFormat) -> dict[str, Path]:
    """Write one file for each table. Returns them by the name of the table.

    Raises:
        StorageError: A file cannot be written.
    """
    paths = {table.name: folder / f"{table.name}.{form}" for table in tables}
    for table in tables:
        write_output(paths[table.name], _FORMS[form](table))
    return paths


def tables_zip(tables: Sequence[Table]) -> bytes:
    """All tables in all formats, a folder each."""
    file = io.BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for form, write in _FORMS.items():
            for table in tables:
                content = write(table)
                # A file of half a character is better than none, as in `write_output`.
                data = content.encode("utf-8", "replace") if isinstance(content, str) else content
                archive.writestr(f"{form}/{table.name}.{form}", data)
    return file.getvalue()


def table_csv(table: Table) -> str:
    """See `csv_text`: no cell is ever run as a formula."""
    return csv_text(list(table.columns), table.rows)


def table_json(table: Table) -> str:
    """A list with one object for each row, a line each; what is missing is null."""
    # With an indent Python would write every value by itself, which takes four times as long.
    encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
    rows = ",\n".join(encoder.encode(dict(zip(table.columns, row, strict=True))) for row in table.rows)
    return f"[\n{rows}\n]" if rows else "[]"


def table_parquet(table: Table) -> bytes:
    """With a type for each column, so that the files of several runs have the same."""
    # Imported at use: it takes time to load, and most commands write no such file.
    import pandas as pd

    rows = [[_storable(cell) for cell in row] for row in table.rows]
    # As objects first: a whole number beside a missing one would become a float.
    frame = pd.DataFrame(rows, columns=list(table.columns), dtype=object)
    columns = frame.astype({name: _TYPES[kind] for name, kind in table.columns.items()})
    file = io.BytesIO()
    columns.to_parquet(file, index=False)
    return file.getvalue()


def _storable(cell: Cell) -> Cell:
    # Half a character, which JSON may hold, is no text that Parquet takes.
    return cell.encode("utf-8", "replace").decode() if isinstance(cell, str) and not cell.isascii() else cell


_FORMS: Mapping[TableFormat, Callable[[Table], str | bytes]] = {
    "csv": table_csv,
    "json": table_json,
    "parquet": table_parquet,
}
