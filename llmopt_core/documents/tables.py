"""Rows -> text, one block of `column: value` lines per row, so that each row can stand alone in a chunk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from llmopt_core.documents import limits
from llmopt_core.documents.side_by_side import split_tables
from llmopt_core.documents.table_rows import Row, RowQueue, is_header, is_number
from llmopt_core.documents.text import plain_lines
from llmopt_core.errors import BadInput

# Whether a column holds anything shows in its first rows, without reading the table twice.
_AHEAD = 20
# About as many rows as fit into one chunk together with what stands around them.
_LONG_TABLE = 12
# What people write into a cell that has no value: it is no name of a column.
_NO_VALUE = ("n/a", "na", "none", "-", "–", "—", "tbd", "unknown", "?", "x")
# Also with spaces on the empty line.
_EMPTY_LINES = re.compile(r"\n\s*\n")
# A bar between cells: `a | b`, or `a |` where the last cell is empty.
_BAR = re.compile(r" \|(?= |$)")


def cells_line(cells: Iterable[str]) -> str:
    """Cells of a row on one line, divided by bars; empty where all are."""
    # White space of any kind to one space: a line break would end the row.
    flat = [" ".join(cell.split()) for cell in cells]
    return " | ".join(flat) if any(flat) else ""


def rows_with_names(lines: list[str]) -> str:
    """Rows made by `cells_line`, the header first; those of a long table as `column: value` lines, each with its names.

    So no chunk of it is without them. Names of columns without values stand below it. A short table, or one whose first
    row names no columns, stays as it is.
    """
    rows = [[cell.strip() for cell in _BAR.split(line)] for line in lines]
    header = rows[0] if rows else []
    # Names that are all there, all different, and no numbers: else the first row is data.
    names = len(header) > 1 and all(header) and len(set(header)) == len(header) and not any(map(is_number, header))
    # A row that is longer than the header has a cell without a name.
    if len(lines) < _LONG_TABLE or not names or any(len(row) > len(header) for row in rows):
        return "\n".join(lines)
    blocks = ["\n".join(f"{name}: {cell}" for name, cell in zip(header, row, strict=False) if cell) for row in rows[1:]]
    # Names without values stand for themselves, as they may be what is asked for.
    empty_names = [name for i, name in enumerate(header) if not any(i < len(row) and row[i] for row in rows[1:])]
    return "\n\n".join([*blocks, *filter(None, [cells_line(empty_names)])])


def table_blocks(rows: Iterable[Row], name: str) -> Iterator[str]:
    """One block per row below a header, then the names of columns without values; titles stand for themselves.

    A table begins at the first row that is about as wide as those after it. After an empty row, another begins where a
    row of words stands above a row of numbers, or a title above a header. Of tables beside each other the left one
    comes first.

    Raises:
        BadInput: More cells than are read.
    """
    size = 0
    # One after the other, so that nothing is held but what has to be compared.
    for block in (block for part in split_tables(map(_fill, rows)) for block in _Tables(part).blocks()):
        size += len(block)
        if size > limits.TABLE_CHARACTERS:
            raise BadInput(f"{name} holds more than {limits.TABLE_CHARACTERS:,} characters of cells: split it.")
        yield block


def _fill(row: Row) -> Row:
    # Cells of white space are empty.
    new_row = Row({column: cell for column, cell in row.items() if cell.strip()})
    new_row.spans = row.spans
    return new_row


class _Tables:
    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = RowQueue(rows)
        self._columns: dict[int, str] = {}
        self._numeric: set[int] = set()
        self._in_use: set[int] = set()

    def blocks(self) -> Iterator[str]:
        gap = True
        # A gap at the beginning: the first row may be a title.
        while self._rows.ahead(1):
            row = self._rows.take()
            if not row:
                gap = True
                continue
            # Inside a table only a title ends it; after an empty row another may begin at once.
            if not self._columns or (self._begins_anew(row) if gap else self._is_title_of_another(row)):
                yield from self._empty_columns()
                if self._is_title(row):
                    yield plain_lines(cells_line(row.values()))
                else:
                    self._begin(row)
            else:
                yield self._block(row)
            gap = False
        yield from self._empty_columns()

    def _begin(self, row: Row) -> None:
        columns = {column: " ".join(cell.split()) for column, cell in row.items()}
        below = next(iter(self._rows.ahead(1)), None)
        groups = {first: last for first, last in row.spans.items() if first in row and last > first}
        # A row of groups above a row of names: the lower one is wider, and holds no numbers.
        if groups and below and len(below) > len(row) - (len(below) < 2) and not any(map(is_number, below.values())):
            # A header in two rows: what stands over several columns goes before the name of each.
            self._rows.take()
            # Names of their own stand where no group is above them.
            group_names = {i: columns[first] for first, last in groups.items() for i in below if first <= i <= last}
            for column, cell in below.items():
                # `Price` above `Price` is one name: a merged cell reaches down over both rows.
                above, below_it = group_names.get(column, columns.get(column, "")), " ".join(cell.split())
                columns[column] = above if above == below_it else f"{above} {below_it}".strip()
        self._columns, self._numeric, self._in_use = columns, set(), set()

    def _empty_columns(self) -> Iterator[str]:
        """Names of columns that no row had a value for: all of them where there are no rows."""
        # All names where no row came: then the header is all that the table says.
        if empty_names := cells_line(name for column, name in self._columns.items() if column not in self._in_use):
            yield empty_names
        self._columns = {}

    def _is_title(self, row: Row) -> bool:
        """Whether a row is too narrow to name the columns of the rows after it."""
        after = self._rows.ahead(_AHEAD)
        width = max((len(other) for other in after), default=0)
        if len(row) == 1:
            # Left of what is below it: a single cell at the right is a sum or a note.
            return width > 1 and min(row) <= min(min(other) for other in after if other)
        # Notes such as `Printed on` and a date, before an empty row.
        return bool(after) and not after[0] and len(row) < 0.6 * width

    def _begins_anew(self, row: Row) -> bool:
        after = self._rows.ahead(2)
        if len(row) == 1:
            wide = bool(after) and len(after[0]) > 1
            return wide and len(self._columns) > 1 and is_header(after[0])
        # Numbers in a row, or an empty row below it, make no header.
        if not is_header(row) or not after or not after[0]:
            return False
        # The same columns, which held nothing but numbers until now: words in all of them name columns.
        if set(row) == set(self._columns) <= self._numeric:
            return True
        numbers = {column for column, cell in after[0].items() if is_number(cell)}
        # Words above numbers, in columns that had numbers before, or in another arrangement of columns.
        return bool(numbers & set(row) & self._numeric) or (set(row) != set(self._columns) and bool(numbers & set(row)))

    def _is_title_of_another(self, row: Row) -> bool:
        """Whether a row right below a table is the title of the next one, whose names stand above its numbers."""
        after = self._rows.ahead(2)
        if len(row) > 1 or len(self._columns) < 2 or len(after) < 2:
            return False
        names, first = after
        numbers = self._numeric.intersection(column for column, cell in first.items() if is_number(cell))
        # Columns that held numbers and hold them again below the names.
        has_names = is_header(names) and set(first) <= set(names)
        return has_names and bool(numbers) and not any(names[column].strip().lower() in _NO_VALUE for column in numbers)

    def _block(self, row: Row) -> str:
        self._in_use.update(row)
        self._numeric.update(column for column, cell in row.items() if is_number(cell))
        # An empty line would end the block of the row.
        pairs = ((self._columns.get(column, ""), _EMPTY_LINES.sub("\n", cell.strip())) for column, cell in row.items())
        # A value without a name may begin like a heading.
        return "\n".join(f"{column}: {value}" if column else plain_lines(value) for column, value in pairs)
