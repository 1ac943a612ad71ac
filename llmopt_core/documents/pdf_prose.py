"""Wide gaps of prose in a PDF, those of justified lines and behind sentences, told from gaps between cells."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

from llmopt_core.documents.pdf_cells import Cell

# Gaps of a justified line: the widest by the narrowest, and by the height of the line.
# The last: how far the edges of two lines may differ. Smaller values take justified lines for rows of a table, larger
# ones run the cells of a table together.
_EVEN, _WIDEST, _WIDEST_ALONE, _SAME_EDGE = 1.3, 6.0, 2.5, 0.35
# Of the height of a line: how far the next line of a paragraph or a table may be, and what columns have in common.
_NEAR, _COMMON = 3.0, 0.5


class Line(NamedTuple):
    """A line of a page's text with its cells; `even` where all its gaps are alike."""

    start: int
    end: int
    cells: list[Cell]
    even: bool = False


def is_even(words: Any, text: str, spans: list[tuple[int, int]]) -> bool:
    """Whether all gaps between the words of a line are alike, as those of justified text are."""
    gaps: list[list[float]] = [[]]
    for (start, stop), (following, _) in pairwise(spans):
        # A word that a line end divides stands on two lines, each with gaps of its own.
        if "\ufffe" in text[start:stop]:
            gaps.append([])
        box = words.get_charbox(stop - 1, loose=True)
        gap = words.get_charbox(following, loose=True)[0] - box[2]
        # By the height, so that it holds for any size of letters.
        gaps[-1].append(gap / max(1.0, box[3] - box[1]))
    return all(
        max(line) <= _EVEN * min(line) and max(line) < (_WIDEST if len(line) > 1 else _WIDEST_ALONE)
        for line in gaps
        if line
    )


def join_prose(lines: list[Line]) -> list[Line]:
    """Lines of prose in one piece.

    A justified line ends where one beside it ends, however wide its gaps. Other gaps are no columns where the lines
    around have words.
    """
    lines = list(lines)
    line_numbers = [number for number, line in enumerate(lines) if line.cells]
    # Down and up: a paragraph's lines may stand below or above the one that is known to be prose.
    for order in (line_numbers, line_numbers[::-1]):
        for before, number in pairwise(order):
            line, neighbour = lines[number], lines[before]
            if (
                line.even
                and len(line.cells) > 1
                and len(neighbour.cells) == 1
                and _ends_alike(line.cells, neighbour.cells[0])
            ):
                # From one side to the other: what is joined now is prose for the next line.
                lines[number] = line._replace(cells=[_join(line.cells)])
    for place, number in enumerate(line_numbers):
        around = [lines[other].cells for other in line_numbers[max(0, place - 1) : place + 2] if other != number]
        lines[number] = lines[number]._replace(cells=_without_gaps_of_prose(lines[number].cells, around))
    return lines


def _ends_alike(cells: list[Cell], beside: Cell) -> bool:
    near = _SAME_EDGE * beside.height
    return abs(cells[-1].right - beside.right) < near and abs(cells[0].left - beside.left) < near


def _without_gaps_of_prose(cells: list[Cell], around: list[list[Cell]]) -> list[Cell]:
    if len(cells) < 2:
        return cells
    # Lines further away belong to another paragraph, or another table.
    near = [line for line in around if abs(line[0].bottom - cells[0].bottom) < _NEAR * cells[0].height]
    merged_cells = [cells[0]]
    for cell in cells[1:]:
        if _is_of_prose(merged_cells[-1].right, cell.left, near, cell.height):
            merged_cells[-1] = _join([merged_cells[-1], cell])
        else:
            merged_cells.append(cell)
    return merged_cells


def _is_of_prose(left: float, right: float, near: list[list[Cell]], height: float) -> bool:
    """Whether words of a line near a gap stand over all of it, and no line has a gap there too."""
    coverage = [any(cell.left < left and cell.right > right for cell in line) for line in near]
    has_gap = any(
        # A gap at the same place in a line nearby is a border of columns.
        min(right, after.left) - max(left, before.right) > _COMMON * height
        for line in near
        for before, after in pairwise(line)
    )
    return any(coverage) and not has_gap


def _join(cells: list[Cell]) -> Cell:
    return cells[0]._replace(text=" ".join(cell.text for cell in cells), right=cells[-1].right)
