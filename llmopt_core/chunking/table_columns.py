"""Which columns the rows of a long table have, for chunks that begin below its header."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator

# A table of one or two rows is as readable without its header repeated.
_LEAST_ROWS = 3
# A longer header would fill the chunk that it should explain.
_HEADER_CHARACTERS = 500
# `Name: value` at the beginning of a line. Eighty characters at most, no second colon or bar: longer ones are
# sentences.
_NAME = re.compile(r"^([^\n:|#]{1,80}): ", re.MULTILINE)


class TableColumns:
    """Tables of a text, whose names a chunk has not that begins in them.

    They are lines of cells divided by bars, as in Markdown, the header first; or blocks of `column: value` lines, which
    have their names each, but not below its first character.
    """

    def __init__(self, text: str) -> None:
        # Second character, end, and the names of the columns.
        # By start, for the search by halves.
        self._tables = sorted([*_tables(text), *_named_rows(text)])
        self._starts = [start for start, _, _ in self._tables]

    def names_at(self, offset: int) -> str:
        """The column names, divided by bars, where the character at `offset` is below a header; else empty."""
        index = bisect_right(self._starts, offset) - 1
        if index < 0 or offset >= self._tables[index][1]:
            return ""
        return self._tables[index][2]


def _tables(text: str) -> Iterator[tuple[int, int, str]]:
    lines: list[tuple[int, int]] = []
    for start, end in _lines_with_bars(text):
        # Not the next line: another table may begin there, or text stands between.
        if lines and start != lines[-1][1] + 1:
            yield from _tables_among(text, lines)
            lines = []
        lines.append((start, end))
    yield from _tables_among(text, lines)


def _tables_among(text: str, lines: list[tuple[int, int]]) -> Iterator[tuple[int, int, str]]:
    """The tables among neighbouring lines: all below a header with dashes under it, else those that look like rows."""
    rows: list[tuple[int, int]] = []
    for number, (start, end) in enumerate(lines):
        # A Markdown table may have paragraphs with a bar right before it, which are not its rows.
        if number + 1 < len(lines) and _is_dashes(text[slice(*lines[number + 1])]):
            yield from _table(text, rows)
            yield from _table(text, lines[number:])
            return
        if _looks_like_row(text, start, end):
            rows.append((start, end))
        else:
            yield from _table(text, rows)
            rows = []
    yield from _table(text, rows)


def _is_dashes(line: str) -> bool:
    # `|---|:--:|` and `--- | ---`; a bar alone is none.
    return "-" in line and not line.strip(" \t|:-")


def _looks_like_row(text: str, start: int, end: int) -> bool:
    at = text.find("|", start, end)
    # A bar at the start, or with spaces around it: `a|b` in running text is a formula or a command.
    return text.startswith("|", start) or text[start:at].isspace() or text.find(" | ", start, end) >= 0


def _named_rows(text: str) -> Iterator[tuple[int, int, str]]:
    """Blocks of at least two `column: value` lines that begin with the same column, one after the other."""
    rows: list[tuple[int, int]] = []
    names: Counter[str] = Counter()
    first, at = "", 0
    for block in text.split("\n\n"):
        start, at = at, at + len(block) + 2
        # A block counts from its first line: a sentence with a colon further down makes no row of it.
        block_names = _NAME.findall(block) if _NAME.match(block) else []
        # The same first column begins each row; another one begins another table.
        if len(block_names) > 1 and block_names[0] == first:
            # What a cell with empty lines holds more belongs to the row before.
            rows[-1] = (rows[-1][0], start - 2)
        elif block_names:
            yield from _named_table(rows, names)
            rows, names, first = [], Counter(), block_names[0]
        if block_names and block_names[0] == first:
            rows.append((start, start + len(block)))
            # A name that a cell holds once more counts once.
            names.update(list(dict.fromkeys(block_names)))
    yield from _named_table(rows, names)


def _named_table(rows: list[tuple[int, int]], names: Counter[str]) -> Iterator[tuple[int, int, str]]:
    # Names that half of the rows have: text with a colon inside a cell is no column.
    header = " | ".join(name for name, count in names.items() if 2 * count >= len(rows))
    # A bar in it: a list of one column needs no names.
    if len(rows) >= _LEAST_ROWS and "|" in header and len(header) <= _HEADER_CHARACTERS:
        # One character later: a chunk that begins with the row's first character has the names itself.
        yield from ((start + 1, end, header) for start, end in rows)


def _table(text: str, rows: list[tuple[int, int]]) -> Iterator[tuple[int, int, str]]:
    if len(rows) < _LEAST_ROWS:
        return
    start, end = rows[0]
    # White space in a cell is of the layout, and would fill the heading.
    names = " | ".join(" ".join(cell.split()) for cell in text[start:end].strip().strip("|").split("|"))
    below = 1
    # Markdown's line of dashes under the header.
    if _is_dashes(text[slice(*rows[1])]):
        below = 2
    if names.strip(" |") and len(names) <= _HEADER_CHARACTERS and below < len(rows):
        # Where a chunk begins inside the header, it has not all of it.
        yield start + 1, rows[-1][1], names


def _lines_with_bars(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of the lines that may hold cells."""
    at = text.find("|")
    while at >= 0:
        start = text.rfind("\n", 0, at) + 1
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        yield start, end
        # From the end of the line: further bars of the same line say nothing new.
        at = text.find("|", end)
