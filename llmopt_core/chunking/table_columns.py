"""Which columns the rows of a long table have, for chunks that begin below its header."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

# A table of one or two rows is as readable without its header repeated.
_LEAST_ROWS = 3
# A longer header would fill the chunk that it should explain.
_HEADER_CHARACTERS = 500


class TableColumns:
    """Tables of a text whose cells are divided by bars, as in Markdown: lines one below the other, the header first."""

    def __init__(self, text: str) -> None:
        # Second character, end, and the names of the columns.
        self._tables = list(_tables(text))
        self._starts = [start for start, _, _ in self._tables]

    def names_at(self, offset: int) -> str:
        """The column names, divided by bars, where the character at `offset` is below a header; else empty."""
        index = bisect_right(self._starts, offset) - 1
        if index < 0 or offset >= self._tables[index][1]:
            return ""
        return self._tables[index][2]


def _tables(text: str) -> Iterator[tuple[int, int, str]]:
    rows: list[tuple[int, int]] = []
    for start, end in _row_lines(text):
        if rows and start != rows[-1][1] + 1:
            yield from _table(text, rows)
            rows = []
        rows.append((start, end))
    yield from _table(text, rows)


def _table(text: str, rows: list[tuple[int, int]]) -> Iterator[tuple[int, int, str]]:
    if len(rows) < _LEAST_ROWS:
        return
    start, end = rows[0]
    names = " | ".join(" ".join(cell.split()) for cell in text[start:end].strip().strip("|").split("|"))
    below = 1
    # Markdown's line of dashes under the header.
    if not text[rows[1][0] : rows[1][1]].strip(" \t|:-"):
        below = 2
    if names.strip(" |") and len(names) <= _HEADER_CHARACTERS and below < len(rows):
        # Where a chunk begins inside the header, it has not all of it.
        yield start + 1, rows[-1][1], names


def _row_lines(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of the lines that hold cells."""
    at = text.find("|")
    while at >= 0:
        start = text.rfind("\n", 0, at) + 1
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        if text.startswith("|", start) or text[start:at].isspace() or text.find(" | ", start, end) >= 0:
            yield start, end
        at = text.find("|", end)
