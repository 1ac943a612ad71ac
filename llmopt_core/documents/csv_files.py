"""CSV and TSV -> text."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from llmopt_core.documents.encoding import decode
from llmopt_core.documents.table_rows import Row
from llmopt_core.documents.tables import table_blocks
from llmopt_core.documents.text import Extraction, normalise_file
from llmopt_core.errors import BadInput

# Python's own limit of 131,072 characters refuses articles kept in one cell.
_FIELD_CHARACTERS = 10_000_000
# The dialect shows in the first rows; more would only take time.
_SAMPLE_CHARACTERS, _SAMPLE_ROWS = 200_000, 50
# In the order of the more usual: of two that divide equally well the first is taken.
_DELIMITERS = ",;\t|"
# Between the cells of a file of one column: a character that stands in none.
_NONE = "\x1f"
# `sep=;` or `"sep=;"`, any one character, with what may be left of the line.
_SEP_LINE = re.compile(r'"?sep=(.)"?[ \t]*\n', re.IGNORECASE)


def read_csv(name: str, data: bytes, encoding: str = "") -> Extraction:
    """A table with comma, semicolon, tab or bar between cells; the first row that is wide enough names the columns.

    Raises:
        BadInput: Not text, or no readable table.
    """
    text, warnings = decode(data, name, encoding)
    text, more = normalise_file(text, name)
    text, delimiter = without_sep_line(text)
    delimiter = delimiter or delimiter_of(text)
    rows = _rows(name, text, delimiter)
    # Row by row, so that a large table is not in memory twice.
    blocks = "\n\n".join(table_blocks(map(_by_column, rows), name))
    return Extraction(blocks, (), warnings + more + _find_open_quote(text, delimiter))


def _find_open_quote(text: str, delimiter: str) -> tuple[str, ...]:
    """A warning where a quote that is never closed makes one cell of all that follows."""
    # `strict`: only then does the reader tell of an open quote instead of ending its cell with the file.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    # Python has one limit for the whole process: it is set back, since other code may count on it.
    limit = csv.field_size_limit(_FIELD_CHARACTERS)
    before = 0
    try:
        for _ in reader:
            before = reader.line_num
    except csv.Error as error:
        # A quote open in the last line alone hides nothing after it.
        if "unexpected end of data" in str(error) and before < text.rstrip("\n").count("\n"):
            return (f"The quote that opens in line {before + 1} is never closed: all after it is read as one cell.",)
    finally:
        csv.field_size_limit(limit)
    return ()


def without_sep_line(text: str) -> tuple[str, str]:
    """The table and its delimiter where a first line such as `sep=;`, as Excel writes it, names one; else as it is."""
    match = _SEP_LINE.match(text)
    return (text[match.end() :], match[1]) if match else (text, "")


def delimiter_of(text: str) -> str:
    """The character that divides most rows into the same number of cells, at least two; quoted ones divide nothing."""
    # Empty lines before the table say nothing of it.
    sample = text.lstrip("\n")[:_SAMPLE_CHARACTERS]
    best, most = _NONE, 0.0
    for delimiter in _DELIMITERS:
        widths = _widths(sample, delimiter)
        width, rows = widths.most_common(1)[0] if widths else (0, 0)
        # More than half of the rows must agree, or the character only stands in texts.
        if width > 1 and rows * 2 > widths.total():
            # How many rows agree decides. More cells win among equals, and count no more than one row in ten.
            score = rows / widths.total() + min(width, 100) / 1000
            best, most = (delimiter, score) if score > most else (best, most)
    return best if most else _delimiter_of_header(sample)


def _delimiter_of_header(sample: str) -> str:
    """Where rows differ too much, as after an unclosed quote, the first one alone decides."""
    first = sample.split("\n", 1)[0]
    try:
        widths = {d: len(next(csv.reader([first], delimiter=d), [])) for d in _DELIMITERS}
    except csv.Error:
        # A cell longer than the limit, or a NUL: commas are the best guess.
        return ","
    widest = max(widths, key=lambda d: widths[d])
    return widest if widths[widest] > 1 else _NONE


def _widths(sample: str, delimiter: str) -> Counter[int]:
    """How many rows have how many cells."""
    widths: Counter[int] = Counter()
    # What was counted until an error counts.
    with suppress(csv.Error):
        for row in islice(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter), _SAMPLE_ROWS):
            # A row of nothing but delimiters is a gap, whatever its width.
            if any(row):
                widths[len(row)] += 1
    return widths


def _rows(name: str, text: str, delimiter: str) -> Iterator[list[str]]:
    limit = csv.field_size_limit(_FIELD_CHARACTERS)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        yield from reader
    except csv.Error as error:
        raise BadInput(f"{name} line {reader.line_num}: not readable as CSV ({error}).") from error
    finally:
        csv.field_size_limit(limit)


def _by_column(cells: list[str]) -> Row:
    # Empty cells are left out, since `Row` is sparse: sheets have them by the thousand.
    return Row({column: cell for column, cell in enumerate(cells) if cell})
