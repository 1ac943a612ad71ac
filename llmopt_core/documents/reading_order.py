"""In which order boxes on a page are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

Item = TypeVar("Item")


class Box(NamedTuple):
    """Where something stands, from the upper left corner."""

    left: float
    top: float
    right: float
    bottom: float


def reading_order(items: Sequence[Item], box: Callable[[Item], Box]) -> list[Item]:
    """Items cut apart at the widest gap between them, columns from the left, rows from the top (an XY-cut)."""
    if len(items) < 2:
        return list(items)
    columns, wide = _cut(items, lambda item: (box(item).left, box(item).right))
    rows, high = _cut(items, lambda item: (box(item).top, box(item).bottom))
    # Columns before rows where their gap is at least as wide: two columns of text have many rows.
    parts = columns if len(columns) > 1 and (wide >= high or len(rows) < 2) else rows
    if len(parts) < 2:
        # All overlap: from the top, and from the left at one height.
        return sorted(items, key=lambda item: (box(item).top, box(item).left))
    return [item for part in parts for item in reading_order(part, box)]


def _cut(items: Sequence[Item], interval: Callable[[Item], tuple[float, float]]) -> tuple[list[list[Item]], float]:
    """The two sides of the widest gap along one axis, and its width; one part where everything overlaps."""
    sorted_items = sorted(items, key=lambda item: interval(item)[0])
    # -1: a gap of nothing is wider than none.
    place, widest, reach = 0, -1.0, interval(sorted_items[0])[1]
    for i, item in enumerate(sorted_items[1:], 1):
        start, end = interval(item)
        # Frames are larger than their words, and overlap a little.
        gap = start - reach + 0.05 * (end - start)
        if gap >= 0 and gap > widest:
            place, widest = i, gap
        # The furthest so far: a box may reach over those that begin after it.
        reach = max(reach, end)
    return ([sorted_items[:place], sorted_items[place:]], widest) if place else ([sorted_items], -1.0)
