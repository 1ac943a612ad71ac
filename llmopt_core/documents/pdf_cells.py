"""Lines of a page of a PDF -> rows with whole cells, and paragraphs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

# Of the height of a line.
# A line of the same paragraph is at most 1.45 heights below, in common settings 1.2. Half a height is the same line.
_TIGHT, _SAME_LINE = 1.45, 0.5
# A cell of more lines is a column of prose.
_MOST_LINES = 8
# Heights by which a cell of several lines may rise above the words beside it.
_HIGHER = 4
# Of the usual step between lines, of the size of letters, and of the height: smaller values part a paragraph that is
# set unevenly, larger ones join two paragraphs.
_APART, _OTHER_SIZE, _INDENT = 1.3, 0.15, 0.8


class Cell(NamedTuple):
    """Words of one line up to a wide gap, and where they stand; `bottom` and `top` count from below."""

    text: str
    left: float
    right: float
    bottom: float = 0.0
    top: float = 0.0

    @property
    def height(self) -> float:
        """Of its first line."""
        # At least a point: a text of size zero, as scans have behind their picture, would divide by nothing.
        return max(1.0, self.top - self.bottom)


Line = Sequence[Cell]


def join_rows(lines: Sequence[Line]) -> Iterator[list[Cell]]:
    """Lines, those of one row of a table together: cells of several lines are whole.

    A cell goes on in the line below it. The next cell begins beside it, above where it ended.
    """
    row: list[list[Cell]] = []
    row_lines: list[Line] = []
    # An empty line at the end, so that the last row is given too.
    for line in [*lines, ()]:
        if line and row and _goes_on(row, line):
            row_lines.append(line)
            continue
        yield from _rows_of(row, row_lines)
        row, row_lines = [[cell] for cell in line], [line] if line else []
        if not line:
            yield []


def _rows_of(row: list[list[Cell]], lines: list[Line]) -> Iterator[list[Cell]]:
    # Several cells: a table. Longer cells are columns of prose side by side.
    if len(row) > 1 and max(map(len, row)) <= _MOST_LINES:
        columns = sorted(row, key=lambda cell: min(part.left for part in cell))
        yield [_whole(cell) for cell in columns]
    else:
        yield from (list(line) for line in lines)


def _goes_on(row: list[list[Cell]], line: Line) -> bool:
    """Take the line into the row; False where it begins another."""
    first, *rest = line
    cell_above = _cell_above(row, first)
    # Looked at before anything is taken, as the line would be lost for the table.
    # A heading of one line right above a table is no cell of it.
    if cell_above is not None and rest and len(row) == 1 and len(row[0]) == 1:
        return False
    # Words beside the last cell, neither below it nor above.
    if cell_above is None and first.bottom - row[-1][-1].bottom <= _SAME_LINE * -first.height:
        return False
    new = rest if cell_above is not None else line
    if any(not _is_next(row, cell) for cell in new):
        return False
    if cell_above is not None:
        cell_above.append(first)
    row += [[cell] for cell in new]
    return True


def _cell_above(row: list[list[Cell]], cell: Cell) -> list[Cell] | None:
    """The cell that words go on: the last one, or one that is not the first and begins where they begin."""
    # The last cell first: a column at the right edge is what mostly goes on.
    for other in (row[-1], *row[1:-1]):
        down = other[-1].bottom - cell.bottom
        is_below = 0 < down <= _TIGHT * max(other[-1].height, cell.height)
        # A line of prose below a table stands below its other cells too.
        # Words that reach over another column are no cell of this one.
        if any(_overlap(neighbour, cell) for neighbour in row if neighbour is not other):
            continue
        if is_below and _overlap(other, cell) and (other is row[-1] or abs(other[0].left - cell.left) < cell.height):
            return other
    return None


def _is_next(row: list[list[Cell]], cell: Cell) -> bool:
    """Whether words stand right of all cells, and about as high as they."""
    is_beside = all(cell.left >= max(part.right for part in other) for other in row)
    # Between the lowest and the highest word of the row, with a line's space to each side.
    low, high = min(part[-1].bottom for part in row), max(part[0].top for part in row)
    return is_beside and cell.bottom >= low - _TIGHT * cell.height and cell.top <= high + _HIGHER * cell.height


def _overlap(parts: Sequence[Cell], cell: Cell) -> bool:
    return cell.left < max(part.right for part in parts) and cell.right > min(part.left for part in parts)


def _whole(parts: Sequence[Cell]) -> Cell:
    first = parts[0]
    return Cell(" ".join(part.text for part in parts), min(part.left for part in parts),
                max(part.right for part in parts), parts[-1].bottom, first.top)  # fmt: skip


def paragraphs(lines: Sequence[Line]) -> Iterator[str]:
    """Lines as paragraphs: another begins below a wider space, an empty line, in another size, or with an indent."""
    # Only steps of less than three lines: gaps between blocks would raise what is usual.
    steps = [above[0].bottom - below[0].bottom for above, below in pairwise(lines)
             if above and below and 0 < above[0].bottom - below[0].bottom < 3 * below[0].height]  # fmt: skip
    # The median, because headings and lists in between would shift a mean.
    usual_step = median(steps) if steps else 0.0
    block: list[str] = []
    for number, line in enumerate(lines):
        before = lines[number - 1] if number else ()
        after = lines[number + 1] if number + 1 < len(lines) else ()
        # A paragraph ends also where the lines are as close as ever, if the size of the letters changes.
        if block and (not line or (before and _begins_anew(before[0], line[0], after, usual_step))):
            yield "\n".join(block)
            block = []
        if line:
            block.append(" ".join(cell.text for cell in line))
    if block:
        yield "\n".join(block)


def _begins_anew(before: Cell, cell: Cell, after: Line, usual: float) -> bool:
    step = before.bottom - cell.bottom
    if abs(before.height - cell.height) > _OTHER_SIZE * max(before.height, cell.height):
        return True
    # At least more than the letters are high, where all steps are as small.
    if step > max(_APART * usual, 1.05 * cell.height):
        return True
    indent = cell.left - before.left
    # An indented first line, and the next one back at the margin (two points allow for rounding): not a list.
    return bool(after) and _INDENT * cell.height < indent < 5 * cell.height and abs(after[0].left - before.left) < 2
