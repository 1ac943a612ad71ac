"""Rows of a table."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping


class Row(dict[int, str]):
    """The filled cells of a row, by column.

    Attributes:
        spans: For each merged cell, its first and last column.
    """

    def __init__(self, cells: Mapping[int, str] | None = None) -> None:
        super().__init__(cells or {})
        # Beside the cells: a merged cell has its value once, and its width tells of headers in two rows.
        self.spans: dict[int, int] = {}

    def between(self, first: int, last: int) -> Row:
        """The cells of some columns."""
        row = Row({column: cell for column, cell in self.items() if first <= column <= last})
        row.spans = {column: min(end, last) for column, end in self.spans.items() if first <= column <= last}
        return row

    def in_order(self) -> Row:
        """The same cells, from the left to the right."""
        row = Row(dict(sorted(self.items())))
        row.spans = self.spans
        return row


class RowQueue:
    """Rows that can be looked at before they are taken."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = iter(rows)
        self._waiting: deque[Row] = deque()

    def ahead(self, count: int) -> list[Row]:
        """The next rows; fewer at the end."""
        while len(self._waiting) < count and (row := next(self._rows, None)) is not None:
            self._waiting.append(row)
        return [self._waiting[i] for i in range(min(count, len(self._waiting)))]

    def take(self) -> Row:
        """The next row, which was looked at."""
        return self._waiting.popleft()


def is_number(cell: str) -> bool:
    """Whether a cell holds a number, whatever its signs and separators."""
    # `1,200.50 €`, `12 %`, `2023-05-01` are numbers; `A4` and `3 days` are not.
    return any(map(str.isdigit, cell)) and not any(map(str.isalpha, cell))


def is_header(row: Row) -> bool:
    """Whether a row may name columns: several cells, none of them a number."""
    return len(row) > 1 and not any(map(is_number, row.values()))
