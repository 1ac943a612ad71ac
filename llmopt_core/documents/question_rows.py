"""JSONL, JSON or CSV text -> rows with their line numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from llmopt_core.documents.csv_files import delimiter_of, without_sep_line
from llmopt_core.documents.jsonl import parse_object
from llmopt_core.documents.question_columns import NoQuestionColumn, has_question, is_query_row
from llmopt_core.documents.question_json import entries_of
from llmopt_core.documents.references import Problem
from llmopt_core.errors import BadInput

# Python's own limit of 131,072 characters refuses contexts kept in one cell.
_FIELD_CHARACTERS = 10_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the line it begins on (in one JSON value: which entry it is) and its values by column."""

    line: int
    values: dict[str, Any]
    unit: str = "line"


def read_rows(text: str, file: str, *, meanings: Collection[str] = ()) -> tuple[list[Row], list[Problem]]:
    """Rows and the lines that are broken. What begins with a brace or bracket is JSON, all else CSV.

    Args:
        text: The file.
        file: Its name.
        meanings: Meanings that the user gives to columns; with `question` among them no column has to be known as that.

    Raises:
        NoQuestionColumn: No column is known as the question.
        BadInput: No rows can be told apart.
    """
    start = text.lstrip()[:1]
    # By content too, because exports of JSON are often called .txt or nothing.
    if start not in ("{", "[") and not file.lower().endswith((".jsonl", ".ndjson", ".json")):
        return _csv_rows(text, file, needs_question="question" not in meanings)
    entries = entries_of(text, file)
    rows, problems = _json_rows(text, file) if entries is None else ([], [])
    for number, entry in enumerate(entries or (), 1):
        if isinstance(entry, dict):
            rows.append(Row(number, entry, "entry"))
        else:
            problems.append(Problem(number, f"expected an object in braces, found {type(entry).__name__}", "entry"))
    # In the order of their first appearance.
    columns = list(dict.fromkeys(column for row in rows for column in row.values))
    # Told for the file, not for each row of it.
    if "question" not in meanings and columns and not any(_asks(row) for row in rows):
        raise NoQuestionColumn(f"{file} {rows[0].unit} {rows[0].line}", columns)
    return rows, problems


def _asks(row: Row) -> bool:
    return has_question(row.values) or is_query_row(row.values)


def _json_rows(text: str, file: str) -> tuple[list[Row], list[Problem]]:
    rows, problems = [], []
    # Not `splitlines`: it parts at U+2028, which may stand inside a JSON text.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            rows.append(Row(number, parse_object(file, number, line)))
        except BadInput as error:
            problems.append(Problem(number, str(error).removeprefix(f"{file} line {number}: ").rstrip(".")))
    return rows, problems


def _csv_rows(text: str, file: str, *, needs_question: bool) -> tuple[list[Row], list[Problem]]:
    table = number_rows(text)
    # An empty file has no header.
    first, header = next(table, (1, []))
    if isinstance(header, str):
        raise BadInput(f"{file} line {first}: {header}.")
    columns = [column.strip() for column in header]
    if needs_question and not has_question(columns):
        raise NoQuestionColumn(f"{file} line {first}", [column for column in columns if column])
    # Of two columns of a name one would be lost without a word.
    duplicate = next((c for c in columns if c and columns.count(c) > 1), None)
    if duplicate:
        raise BadInput(f"{file} line {first}: the column `{duplicate}` stands there twice.")
    rows, problems = [], []
    for line, cells in table:
        if isinstance(cells, str):
            problems.append(Problem(line, cells))
        elif not any(cell.strip() for cell in cells):
            continue
        elif len(cells) > len(columns):
            # Too many cells: a comma in a text without quotation marks moves all behind it.
            problems.append(Problem(line, f"{len(cells)} cells for {len(columns)} columns; put quotes around commas"))
        elif len(cells) < len(columns):
            problems.append(Problem(line, f"only {len(cells)} cells for {len(columns)} columns"))
        else:
            # Cells below a column without a name are left out.
            rows.append(Row(line, {c: cell for c, cell in zip(columns, cells, strict=True) if c}))
    return rows, problems


def number_rows(text: str) -> Iterator[tuple[int, list[str] | str]]:
    """Each row with the line it begins on, or what is wrong with that line; a quoted cell may go over several lines.

    A quote that is never closed costs its own line, not all that follow.
    """
    # Set for the process, and set back: see `csv_files`.
    limit = csv.field_size_limit(_FIELD_CHARACTERS)
    table, delimiter = without_sep_line(text)
    delimiter = delimiter or delimiter_of(table)
    # With their ends, as a quoted cell keeps its line breaks.
    lines = list(io.StringIO(text, newline=""))
    line = 1 if table == text else 2
    try:
        while line <= len(lines):
            before = line - 1
            # From this line on: after a broken one the reader begins anew behind it.
            reader = csv.reader((lines[at] for at in range(before, len(lines))), delimiter=delimiter, strict=True)
            try:
                for cells in reader:
                    yield line, cells
                    # Lines of the file, not rows: a cell may have several.
                    line = before + reader.line_num + 1
            except csv.Error as error:
                yield line, f"not readable as CSV ({error}); look for an unclosed quote"
                line += 1
    finally:
        csv.field_size_limit(limit)
