"""The obvious chart of a result, or why there is none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from llmopt_core.types import Cell

# More bars, or lines through more texts, cannot be told apart.
_MOST_BARS = 40
_MOST_SERIES = 6


@dataclass(frozen=True, slots=True)
class ResultChart:
    """How a result is drawn.

    Attributes:
        kind: `number` for a single value, `bar` by names, `line` over time or an ordered number, `none`.
        x: Position of the column along the axis; None for a number.
        y: Positions of the columns that are drawn.
        reason: Why nothing is drawn.
    """

    kind: Literal["number", "bar", "line", "none"]
    x: int | None = None
    y: tuple[int, ...] = ()
    reason: str = ""


def chart_of(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> ResultChart:
    """The chart of a result: what is named goes along the axis, what is counted goes up."""
    if not rows or not columns:
        return ResultChart("none", reason="The result has no rows.")
    if len(rows) == 1 and len(columns) == 1:
        is_number = _is_number(rows[0][0])
        return ResultChart("number", y=(0,)) if is_number else ResultChart("none", reason="The result is one text.")
    numbers = [i for i in range(len(columns)) if _all(rows, i, _is_number)]
    times = [i for i in range(len(columns)) if _all(rows, i, _is_time)]
    names = [i for i in range(len(columns)) if i not in numbers and i not in times]
    if times and numbers:
        return ResultChart("line", times[0], tuple(numbers[:_MOST_SERIES]))
    if names and numbers:
        return _bars(columns, rows, names, numbers)
    years = [i for i in numbers if _is_ordered(rows, i) and len(numbers) > 1]
    if years and len(rows) > 1:
        return ResultChart("line", years[0], tuple(i for i in numbers if i != years[0])[:_MOST_SERIES])
    reason = "The result has no column of numbers." if not numbers else "The result has no column to name its numbers."
    return ResultChart("none", reason=reason)


def _bars(
    columns: Sequence[str], rows: Sequence[Sequence[Cell]], names: Sequence[int], numbers: Sequence[int]
) -> ResultChart:
    if len(rows) > _MOST_BARS:
        return ResultChart("none", reason=f"{len(rows)} rows are too many for bars; ask for the largest of them.")
    # Keys are numbers that count nothing.
    counts = [i for i in numbers if not _names_a_key(columns[i])]
    if not counts:
        return ResultChart("none", reason="The numbers of the result are keys.")
    # The first column that tells the rows apart, else bars would stand on each other.
    distinct = [i for i in names if len({row[i] for row in rows}) == len(rows)]
    if not distinct:
        return ResultChart("none", reason="No column of the result tells its rows apart.")
    return ResultChart("bar", distinct[0], tuple(counts[:_MOST_SERIES]))


def _names_a_key(name: str) -> bool:
    lower = name.lower()
    return lower == "id" or lower.endswith(("_id", " id", "_key", "_no")) or name.endswith("Id")


def _all(rows: Sequence[Sequence[Cell]], column: int, test: Callable[[Cell], bool]) -> bool:
    cells = [row[column] for row in rows if row[column] is not None]
    return bool(cells) and all(map(test, cells))


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def _is_time(cell: Cell) -> bool:
    """ISO dates and moments, as cells hold them; `2026` alone is a number or a name."""
    if not isinstance(cell, str) or not 7 <= len(cell) <= 35 or cell[4:5] != "-":
        return False
    try:
        dt.datetime.fromisoformat(f"{cell}-01" if len(cell) == 7 else cell)
    except ValueError:
        return False
    return True


def _is_ordered(rows: Sequence[Sequence[Cell]], column: int) -> bool:
    """Whole numbers that rise without repetition, such as years."""
    cells = [row[column] for row in rows]
    numbers = [cell for cell in cells if isinstance(cell, int) and not isinstance(cell, bool)]
    return len(numbers) == len(cells) and all(a < b for a, b in pairwise(numbers))
