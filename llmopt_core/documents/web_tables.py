"""Tables of a page: which only place things, and cells that stand in several rows or columns."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

_BLOCKS_IN_CELLS = frozenset(("table", "h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "main", "nav", "form"))
_SECTIONS = ("thead", "tbody", "tfoot")
# What the copies of cells that span rows may hold together.
# Characters: a page may say that one cell spans 65,534 rows.
_COPIED_CHARACTERS = 1_000_000
# `colspan` may say a million; no table that people read is as wide.
_MOST_COLUMNS = 200
# What HTML allows.
_MOST_ROWS = 65_534


def is_layout(table: Any) -> bool:
    """Whether a table only places things: it says so, holds headings or tables, or has one cell in each row."""
    if table.get("role", "").lower() in ("presentation", "none"):
        return True
    if any(element.tag in _BLOCKS_IN_CELLS for element in table.iterdescendants()):
        return True
    # One cell in each row: a frame, or a list.
    return all(len(_cells(row)) <= 1 for row in _rows(table))


def spread_cells(root: Any) -> None:
    """Put a cell that spans rows into each of them, and empty cells where one spans columns, so that columns hold."""
    budget = _COPIED_CHARACTERS
    # A list, as rows are changed on the way.
    for table in list(root.iter("table")):
        if not is_layout(table):
            budget = _spread(table, budget)


def _rows(table: Any) -> Iterator[Any]:
    for item in table:
        if item.tag == "tr":
            yield item
        elif item.tag in _SECTIONS:
            yield from (row for row in item if row.tag == "tr")


def _cells(row: Any) -> list[Any]:
    return [cell for cell in row if cell.tag in ("td", "th")]


def _number(cell: Any, name: str) -> int:
    value = cell.get(name, "1").strip()
    # Anything but a plain number of five digits is 1, as browsers have it.
    return min(int(value), _MOST_ROWS) if value.isdecimal() and value.isascii() and len(value) < 6 and int(value) else 1


def _spread(table: Any, budget: int) -> int:
    """Returns how many characters may still be copied."""
    above: dict[int, tuple[Any, int]] = {}
    section = None
    for row in list(_rows(table)):
        # A cell does not reach out of its section; and nothing more is copied once the limit is reached.
        if row.getparent() is not section or budget <= 0:
            section, above = row.getparent(), {}
        cells, copy_size = _grid_row(_cells(row), above)
        budget -= copy_size
        # Taken out and put back in order, the copies among them.
        for cell in _cells(row):
            row.remove(cell)
        row.extend(cells)
    return budget


def _grid_row(cells: list[Any], above: dict[int, tuple[Any, int]]) -> tuple[list[Any], int]:
    """The cells of a row, a copy of what reaches into it from `above` among them, and how much was copied."""
    # A single cell over all columns is a title: empty cells behind it would be bars.
    wide = len(cells) > 1 or bool(above)
    row: list[Any] = []
    copy_size = 0
    while (cells or len(row) in above) and len(row) < _MOST_COLUMNS:
        column = len(row)
        if column in above:
            cell, more = above.pop(column)
            row.append(deepcopy(cell))
            # The text behind the original must not be copied with it.
            row[-1].tail = None
            # One more for the cell itself: empty copies cost memory too.
            copy_size += 1 + sum(map(len, cell.itertext()))
        else:
            # Cells of the row fill the places that nothing from above takes.
            cell = cells.pop(0)
            # Zero is down to the last row.
            more = _MOST_ROWS if cell.get("rowspan", "").strip() == "0" else _number(cell, "rowspan")
            row.append(cell)
            empty = _number(cell, "colspan") - 1 if wide else 0
            row += [cell.makeelement("td") for _ in range(min(empty, _MOST_COLUMNS - len(row)))]
        if more > 1:
            above[column] = (cell, more - 1)
    # Beyond the limit cells stay as they are.
    return row + cells, copy_size
