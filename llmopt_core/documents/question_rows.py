"""JSONL or CSV text -> rows with their line numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from llmopt_core.documents.csv_files import delimiter_of
from llmopt_core.documents.jsonl import parse_object
from llmopt_core.documents.references import Problem
from llmopt_core.errors import BadInput

_QUESTION_COLUMNS = ("question", "user_input", "query")
_FIELD_CHARACTERS = 10_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the line it begins on and its values by column."""

    line: int
    values: dict[str, Any]


def read_rows(text: str, file: str) -> tuple[list[Row], list[Problem]]:
    """Rows and the lines that are broken. A file whose first character is a brace is JSONL, every other CSV.

    Raises:
        BadInput: A CSV without a `question` column, or a JSON list where lines were expected.
    """
    start = text.lstrip()[:1]
    if start == "[":
        raise BadInput(f"{file} line 1: a JSON list; expected JSONL: one object in braces per line.")
    if start == "{" or file.lower().endswith((".jsonl", ".ndjson")):
        return _json_rows(text, file)
    return _csv_rows(text, file)


def _json_rows(text: str, file: str) -> tuple[list[Row], list[Problem]]:
    rows, problems = [], []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            rows.append(Row(number, parse_object(file, number, line)))
        except BadInput as error:
            problems.append(Problem(number, str(error).removeprefix(f"{file} line {number}: ").rstrip(".")))
    return rows, problems


def _csv_rows(text: str, file: str) -> tuple[list[Row], list[Problem]]:
    table = _numbered(text, file)
    _, header = next(table, (1, []))
    columns = [column.strip() for column in header]
    if not any(column in _QUESTION_COLUMNS for column in columns):
        raise BadInput(f"{file} line 1: the column `question` is missing; found {', '.join(columns[:8])}.")
    repeated = next((c for c in columns if c and columns.count(c) > 1), None)
    if repeated:
        raise BadInput(f"{file} line 1: the column `{repeated}` stands there twice.")
    rows, problems = [], []
    for line, cells in table:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(columns):
            problems.append(Problem(line, f"{len(cells)} cells for {len(columns)} columns; put quotes around commas"))
        elif len(cells) < len(columns):
            problems.append(Problem(line, f"only {len(cells)} cells for {len(columns)} columns"))
        else:
            rows.append(Row(line, {c: cell for c, cell in zip(columns, cells, strict=True) if c}))
    return rows, problems


def _numbered(text: str, file: str) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line it begins on; a quoted cell may go over several lines."""
    limit = csv.field_size_limit(_FIELD_CHARACTERS)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text), strict=True)
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise BadInput(f"{file} line {line}: not readable as CSV ({error}); look for an unclosed quote.") from error
    finally:
        csv.field_size_limit(limit)
