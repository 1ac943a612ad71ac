"""Tables that stand beside each other in one sheet -> the rows of each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from llmopt_core.documents.table_rows import Row, RowQueue, is_header, is_number

# So many rows decide where one table ends and its neighbour begins.
_AHEAD = 200  # larger reads further ahead, smaller misjudges a table with long gaps
# Of this and the last century, and no part of a longer number.
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
Bands = tuple[tuple[int, int], ...]
"""First and last column of each table."""


def split_tables(rows: Iterable[Row]) -> Iterator[Iterable[Row]]:
    """The rows of tables one after the other; where some stand beside each other, those of the left one first.

    An empty column parts two tables where each has a header of words and at least two columns, and either they have
    other rows, the same column names, or the right one begins with a column of words. Each part must be read to its
    end before the next.
    """
    source = _Source(rows)
    while source.ahead(1):
        bands = source.bands()
        # One table: given row by row, so that a long one is never in memory whole.
        if len(bands) < 2:
            yield _until_parts(source)
            continue
        sides: list[list[Row]] = [[] for _ in bands]
        # Beside each other: the right one has to wait for the left one's end.
        for row in _within(source, bands):
            for side, (first, last) in zip(sides, bands, strict=True):
                side.append(row.between(first, last))
        yield from sides


class _Source(RowQueue):
    def bands(self) -> Bands:
        """The tables of the block that comes next, which an empty row ends."""
        block: list[Row] = []
        # Empty rows before the block are passed over, one after it ends it.
        for row in self.ahead(_AHEAD):
            if not row and block:
                break
            block += [row] if row else []
        return _bands(block)


def _until_parts(source: _Source) -> Iterator[Row]:
    """Rows up to a block of tables beside each other."""
    gap = False
    while rows := source.ahead(1):
        # Only behind an empty row may another arrangement begin.
        if gap and rows[0] and len(source.bands()) > 1:
            return
        gap = not rows[0]
        yield source.take()


def _within(source: _Source, bands: Bands) -> Iterator[Row]:
    """Rows up to the first that stands between the tables or begins others."""
    gap = False
    while rows := source.ahead(1):
        row = rows[0]
        # A cell in the gap between the tables: they no longer stand beside each other.
        if any(not any(first <= column <= last for first, last in bands) for column in row):
            return
        if gap and row:
            others = source.bands()
            # Other borders; one table alone may be the longer of two that began together.
            if len(others) > 1 and others != bands:
                return
        gap = not row
        yield source.take()


def _bands(block: Sequence[Row]) -> Bands:
    # A title may reach over what is empty below it.
    # Rows with a single cell are titles, notes and sums, and say nothing of columns.
    columns = sorted({column for row in block if len(row) > 1 for column in row})
    if not columns:
        return ()
    runs = [[columns[0], columns[0]]]
    for before, column in pairwise(columns):
        if column == before + 1:
            runs[-1][1] = column
        else:
            runs.append([column, column])
    bands: list[tuple[int, int]] = []
    for first, last in runs:
        # What the gap does not part is one table with an empty column.
        if bands and not _are_two(block, bands[-1], (first, last)):
            bands[-1] = (bands[-1][0], last)
        else:
            bands.append((first, last))
    if len(bands) == 1:
        bands = _repeats(block, *bands[0])
    # From the first column on for the left one: a title may begin before its table.
    return tuple((0 if n == 0 else first, last) for n, (first, last) in enumerate(bands))


def _are_two(block: Sequence[Row], left: tuple[int, int], right: tuple[int, int]) -> bool:
    """Whether an empty column parts two tables, and not the columns of one."""
    # A single column is a note or a sum beside a table.
    if left[0] == left[1] or right[0] == right[1]:
        return False
    sides = [[row.between(*band) for row in block] for band in (left, right)]
    heads = [next((row for row in side if len(row) > 1), Row()) for side in sides]
    if not all(map(_names_columns, heads)):
        return False
    names = [list(head.values()) for head in heads]
    # Any of three signs; an empty column alone stands in the middle of many tables.
    return names[0] == names[1] or _other_rows(*sides) or _begins_with_words(sides[1], heads[1])


def _names_columns(row: Row) -> bool:
    """As `is_header`, with years behind a first column of words."""
    # Years name columns, though they look like numbers.
    return is_header(Row({column: _YEAR.sub("year", cell) for column, cell in row.items()}))


def _other_rows(left: Sequence[Row], right: Sequence[Row]) -> bool:
    """Whether one begins or ends elsewhere; a row that lacks something in between says nothing."""
    places = [[n for n, row in enumerate(side) if len(row) > 1] for side in (left, right)]
    if not all(places):
        return False
    ends = [(place[0], place[-1]) for place in places]
    return ends[0] != ends[1] and all(len(place) == place[-1] - place[0] + 1 for place in places)


def _begins_with_words(right: Sequence[Row], head: Row) -> bool:
    """Whether each row of the right one begins with words of its own, as what a row is about does."""
    rows = right[next(n for n, row in enumerate(right) if row is head) + 1 :]
    cells = [row.get(min(head), "") for row in rows]
    # At least two, all there, all different, none a number: what rows are about.
    return len(cells) > 1 and not any(map(is_number, cells)) and "" not in cells and len(set(cells)) == len(cells)


def _repeats(block: Sequence[Row], first: int, last: int) -> list[tuple[int, int]]:
    """One list in several columns: the same names again, such as `Name, Price, Name, Price`."""
    head = next((row for row in block if len(row) == last - first + 1), Row())
    names = list(head.values())
    # From two columns on, as a name that stands twice may be a mistake.
    for width in range(2, len(names) // 2 + 1):
        if len(names) % width == 0 and names == names[:width] * (len(names) // width) and is_header(head):
            return [(first + n, first + n + width - 1) for n in range(0, len(names), width)]
    return [(first, last)]
