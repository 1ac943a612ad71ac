"""CSV and XLSX -> text, one block of `column: value` lines per row, so that each row can stand alone in a chunk."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from llmopt_core.documents import limits
from llmopt_core.documents.container import open_office
from llmopt_core.documents.encoding import decode
from llmopt_core.documents.text import Extracted, normalise, normalise_file
from llmopt_core.errors import BadInput

_FIELD_CHARACTERS = 10_000_000


def read_csv(name: str, data: bytes) -> Extracted:
    """A table with comma, semicolon, tab or bar between cells; the first row names the columns.

    Raises:
        BadInput: Not text, or no readable table.
    """
    text, warnings = decode(data, name)
    text, more = normalise_file(text, name)
    rows = map(_by_column, _csv_rows(name, text))
    return Extracted("\n\n".join(_blocks(rows, name)), (), warnings + more)


def read_xlsx(name: str, data: bytes) -> Extracted:
    """All sheets, each under its name as a heading; the first filled row of a sheet names the columns.

    Raises:
        BadInput: Encrypted, damaged, or too large unpacked.
    """
    open_office(name, data, "xl/workbook.xml")
    try:
        from openpyxl import load_workbook

        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        blocks = [block for sheet in book.worksheets for block in _sheet(sheet, name)]
    except BadInput:
        raise
    except Exception as error:  # a damaged file can break the parser in any way
        raise BadInput(f"{name} is damaged and cannot be read as XLSX: open and save it again.") from error
    return Extracted(normalise("\n\n".join(blocks)))


def cells_line(cells: Iterable[str]) -> str:
    """Cells of a row on one line, divided by bars; empty where all are."""
    flat = [" ".join(cell.split()) for cell in cells]
    return " | ".join(flat) if any(flat) else ""


def delimiter_of(text: str) -> str:
    """The character that divides the cells of the first line."""
    line = text.lstrip("\n").split("\n", 1)[0]
    return max(",;\t|", key=line.count)


def _csv_rows(name: str, text: str) -> Iterator[list[str]]:
    limit = csv.field_size_limit(_FIELD_CHARACTERS)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text))
    try:
        yield from reader
    except csv.Error as error:
        raise BadInput(f"{name} line {reader.line_num}: not readable as CSV ({error}).") from error
    finally:
        csv.field_size_limit(limit)


def _by_column(cells: Sequence[str]) -> dict[int, str]:
    """The cells that hold something, and the ends of the row."""
    row = {i: cell for i, cell in enumerate(cells) if cell or i == 0}
    row.setdefault(len(cells) - 1, "")
    return row


def _sheet(sheet: Any, name: str) -> Iterator[str]:
    blocks = list(_blocks(_filled_cells(sheet), name))
    if blocks:
        yield f"# {sheet.title}"
        yield from blocks


def _filled_cells(sheet: Any) -> Iterator[dict[int, str]]:
    """Rows as the file has them. openpyxl's own rows go from 1 to the number of the last, all as wide as the widest."""
    from openpyxl.worksheet._reader import WorkSheetParser

    book = sheet.parent
    with sheet._get_source() as source:
        parser = WorkSheetParser(
            source,
            sheet._shared_strings,
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        for _, cells in parser.parse():
            row = {1: "", **{cell["column"]: _cell(cell["value"]) for cell in cells}}
            yield dict(sorted(row.items()))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _blocks(rows: Iterable[Mapping[int, str]], name: str) -> Iterator[str]:
    """One block per row below the header; a table of a header alone gives the header. Rows are cells by column."""
    filled = (row for row in rows if any(cell.strip() for cell in row.values()))
    header = next(filled, None)
    if header is None:
        return
    columns = {i: " ".join(cell.split()) for i, cell in header.items()}
    size, empty = 0, True
    for row in filled:
        empty = False
        block = _block(columns, row)
        size += len(block)
        if size > limits.TABLE_CHARACTERS:
            raise BadInput(f"{name} holds more than {limits.TABLE_CHARACTERS:,} characters of cells: split it.")
        yield block
    if empty:
        yield cells_line(columns.get(i, "") for i in range(min(columns), max(columns) + 1))


def _block(columns: Mapping[int, str], row: Mapping[int, str]) -> str:
    lines = []
    for i, cell in row.items():
        value, column = cell.strip(), columns.get(i, "")
        if value:
            lines.append(f"{column}: {value}" if column else value)
    return "\n".join(lines)
