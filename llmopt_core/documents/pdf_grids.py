"""Lines drawn on a page of a PDF -> the grids of its tables."""

from __future__ import annotations

import ctypes
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

# Points. Thinner than a line of text, and than the space between two of them.
_THIN = 3.0
# In points: shorter lines are dashes, ticks and letters, and no borders of a table.
_SHORTEST = 8.0
# More are drawings, not tables.
_MOST_OBJECTS, _MOST_LINES = 4_000, 1_000


class _Line(NamedTuple):
    """A drawn line: its place across, and where it begins and ends along."""

    at: float
    start: float
    end: float


@dataclass(slots=True)
class Grid:
    """A table's borders: of columns from the left, of rows from below, and the words in its cells."""

    xs: list[float]
    ys: list[float]
    cells: dict[tuple[int, int], list[str]] = field(default_factory=dict)

    def place(self, x: float, y: float) -> tuple[int, int] | None:
        """Row from the top and column of a point; None outside."""
        column, row = bisect_right(self.xs, x) - 1, bisect_right(self.ys, y) - 1
        # Inside the outer borders: what stands to the left of the first line is no cell.
        if 0 <= column < len(self.xs) - 1 and 0 <= row < len(self.ys) - 1:
            return len(self.ys) - 2 - row, column
        return None

    def rows(self) -> list[list[str]]:
        """The words of each cell, without rows that have none."""
        width, height = len(self.xs) - 1, len(self.ys) - 1
        table = [[" ".join(self.cells.get((i, j), ())) for j in range(width)] for i in range(height)]
        # Columns without any word are double lines, or spaces between columns.
        columns = [j for j in range(width) if any(row[j] for row in table)]
        return [[row[j] for j in columns] for row in table if any(row)]


def grids_of(page: Any) -> list[Grid]:
    """The tables of a page that have lines between their rows and columns."""
    across, down = _lines(page)
    # Lines in one direction alone underline headings, or part columns of a newspaper.
    if not across or not down or len(across) + len(down) > _MOST_LINES:
        return []
    grids = []
    for group_across, group_down in _group_lines(across, down):
        xs = _merge([line.at for line in group_down] + [end for line in group_across for end in line[1:]])
        # Ends of lines too: a table may have no border at its sides, and columns end where its rows do.
        ys = _merge([line.at for line in group_across] + [end for line in group_down for end in line[1:]])
        # At least two columns and two rows; a frame around a text has one of each.
        if len(xs) > 2 and len(ys) > 2:
            grids.append(Grid(xs, ys))
    return grids


def _lines(page: Any) -> tuple[list[_Line], list[_Line]]:
    from pypdfium2 import raw

    across: dict[_Line, None] = {}
    down: dict[_Line, None] = {}
    for number, item in enumerate(page.get_objects(filter=[raw.FPDF_PAGEOBJ_PATH])):
        if number > _MOST_OBJECTS:
            return [], []
        for (x0, y0), (x1, y1) in _edges(item):
            # Thin rectangles are how many programs draw a line: their long sides count, their short ones are too short.
            if abs(y1 - y0) < _THIN and abs(x1 - x0) >= _SHORTEST:
                # A tenth of a point: the same line drawn twice is one.
                across[_Line(round((y0 + y1) / 2, 1), round(min(x0, x1), 1), round(max(x0, x1), 1))] = None
            elif abs(x1 - x0) < _THIN and abs(y1 - y0) >= _SHORTEST:
                down[_Line(round((x0 + x1) / 2, 1), round(min(y0, y1), 1), round(max(y0, y1), 1))] = None
    return list(across), list(down)


def _edges(item: Any) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """The straight pieces of a path, where they stand on the page."""
    from pypdfium2 import raw

    count = raw.FPDFPath_CountSegments(item)
    # A path of many pieces is a curve or a map.
    if count > _MOST_LINES:
        return
    matrix = item.get_matrix()
    # Written by pdfium: C has no way to give back two numbers.
    x, y = ctypes.c_float(), ctypes.c_float()
    start = before = None
    for number in range(count):
        segment = raw.FPDFPath_GetPathSegment(item, number)
        kind = raw.FPDFPathSegment_GetType(segment)
        raw.FPDFPathSegment_GetPoint(segment, x, y)
        # Paths have coordinates of their own; the matrix leads to the page.
        point = matrix.on_point(x.value, y.value)
        if kind == raw.FPDF_SEGMENT_MOVETO:
            start = point
        elif kind == raw.FPDF_SEGMENT_LINETO and before is not None:
            yield before, point
        before = point
        # A closed path has a last side that is not written down.
        if raw.FPDFPathSegment_GetClose(segment) and start is not None:
            yield before, start
            before = start


def _group_lines(across: Sequence[_Line], down: Sequence[_Line]) -> Iterator[tuple[list[_Line], list[_Line]]]:
    """Lines that cross or meet, directly or by others."""
    group = list(range(len(across) + len(down)))

    # Union of groups with shortened ways, so that a large table is not walked again for each line.
    def root(n: int) -> int:
        while group[n] != n:
            group[n] = group[group[n]]
            n = group[n]
        return n

    for i, line in enumerate(across):
        for j, other in enumerate(down, len(across)):
            # A line may end a little before the other one begins.
            is_near = line.start - _THIN <= other.at <= line.end + _THIN
            if is_near and other.start - _THIN <= line.at <= other.end + _THIN:
                group[root(i)] = root(j)
    parts: dict[int, tuple[list[_Line], list[_Line]]] = {}
    for n in range(len(group)):
        part = parts.setdefault(root(n), ([], []))
        part[n >= len(across)].append(across[n] if n < len(across) else down[n - len(across)])
    # A group of one direction has no cells.
    yield from (part for part in parts.values() if all(part))


def _merge(places: Sequence[float]) -> list[float]:
    """Sorted, those of one border once."""
    borders: list[float] = []
    for place in sorted(places):
        if not borders or place - borders[-1] > _THIN:
            borders.append(place)
    return borders
