"""Our own comparison, the headline: the same bag of rows, and the same order where the gold orders.

Rows hold together and columns keep their places; names of columns do not count. Whole numbers are equal or not, floats
are equal within 1e-6 relative, NULL equals NULL alone, and a text is never a number. Where both results are empty,
nothing is proved: any query that is empty by mistake would look right.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any, Literal

Row = tuple[Any, ...]
Verdict = Literal["same", "different", "unprovable"]

TOLERANCE = 1e-6
# Rows of a group that may be paired in any way; above it they are paired in sorted order alone.
_MOST_PAIRED = 2_000


@dataclass(frozen=True, slots=True)
class Order:
    """What the outermost ORDER BY of a gold says about its result.

    Attributes:
        keys: Places of the columns that are sorted by; rows that are equal there may stand in any order.
        is_total: Whether rows must stand exactly as the gold's: some key is not among the columns.
    """

    keys: tuple[int, ...] = ()
    is_total: bool = False


def order_of(gold: str, columns: Sequence[str], dialect: str) -> Order | None:
    """How the outermost query of a gold orders its rows; None where it does not.

    Args:
        gold: The gold's text.
        columns: The names of its result.
        dialect: Whose SQL it is.
    """
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        statement = sqlglot.parse_one(gold, dialect=dialect)
    except (SqlglotError, RecursionError):
        # A gold that runs and cannot be read: its words decide.
        return Order(is_total=True) if "order by" in " ".join(gold.lower().split()) else None
    order = statement.args.get("order")
    if order is None:
        return None
    places = [_place(key.this, statement, columns) for key in order.expressions]
    if any(place is None for place in places):
        return Order(is_total=True)
    return Order(tuple(place for place in places if place is not None))


def _place(key: Any, statement: Any, columns: Sequence[str]) -> int | None:
    from sqlglot import exp

    if isinstance(key, exp.Literal) and not key.is_string:
        number = int(key.this) if str(key.this).isdigit() else 0
        return number - 1 if 1 <= number <= len(columns) else None
    lower = [name.lower() for name in columns]
    if isinstance(key, exp.Column) and not key.table and lower.count(key.name.lower()) == 1:
        return lower.index(key.name.lower())
    selected = statement.selects if isinstance(statement, exp.Select) else []
    if len(selected) != len(columns):
        return None
    for place, item in enumerate(selected):
        if item.unalias() == key:
            return place
    return None


def compare(gold: Sequence[Row], prediction: Sequence[Row], order: Order | None = None) -> Verdict:
    """Whether a prediction answers as a gold does.

    Args:
        gold: Rows of the gold.
        prediction: Rows of the prediction.
        order: How the gold orders its rows; None: their order does not count.
    """
    if not gold and not prediction:
        return "unprovable"
    if len(gold) != len(prediction) or len(gold[0]) != len(prediction[0]):
        return "different"
    if order is None:
        return "same" if same_bag(gold, prediction) else "different"
    if order.is_total:
        return "same" if all(map(same_row, gold, prediction)) else "different"
    return "same" if _same_in_groups(gold, prediction, order.keys) else "different"


def compare_any(golds: Sequence[tuple[Sequence[Row], Order | None]], prediction: Sequence[Row]) -> Verdict:
    """The best verdict over several golds, any of which is right."""
    verdicts = {compare(rows, prediction, order) for rows, order in golds}
    for verdict in ("same", "unprovable"):
        if verdict in verdicts:
            return verdict
    return "different"


def _same_in_groups(gold: Sequence[Row], prediction: Sequence[Row], keys: tuple[int, ...]) -> bool:
    """Whether both stand in the same order, where rows that the gold's keys do not tell apart may be swapped."""
    start = 0
    for _, group in groupby(gold, key=lambda row: tuple(_hashable(row[key]) for key in keys)):
        rows = list(group)
        if not same_bag(rows, prediction[start : start + len(rows)]):
            return False
        start += len(rows)
    return True


def same_bag(ours: Sequence[Row], theirs: Sequence[Row]) -> bool:
    """Whether both hold the same rows, each as often."""
    if len(ours) != len(theirs):
        return False
    groups: dict[Any, tuple[list[Row], list[Row]]] = defaultdict(lambda: ([], []))
    for side, rows in enumerate((ours, theirs)):
        for row in rows:
            groups[tuple(_exact_part(cell) for cell in row)][side].append(row)
    return all(_same_numbers(*group) for group in groups.values())


def _same_numbers(ours: list[Row], theirs: list[Row]) -> bool:
    if len(ours) != len(theirs):
        return False
    ours, theirs = sorted(ours, key=_sort_key), sorted(theirs, key=_sort_key)
    if all(map(same_row, ours, theirs)):
        return True
    # One number a row: no other pairing can be better than the sorted one.
    return len(_sort_key(ours[0])) > 1 and len(ours) <= _MOST_PAIRED and _can_be_paired(ours, theirs)


def _partners(row: Row, others: list[Row], firsts: list[float]) -> list[int]:
    """Places of rows that are equal to a row, looked for where their first numbers are near."""
    first = _sort_key(row)[0]
    slack = 0.0 if math.isinf(first) else 2 * TOLERANCE * abs(first)
    places = range(bisect_left(firsts, first - slack), bisect_right(firsts, first + slack))
    return [place for place in places if same_row(row, others[place])]


def _can_be_paired(ours: list[Row], theirs: list[Row]) -> bool:
    """Whether each row has a partner of its own; sorting alone may pair rows wrongly that are nearly equal."""
    firsts = [_sort_key(row)[0] for row in theirs]
    partners: list[list[int]] = []
    for row in ours:
        partners.append(_partners(row, theirs, firsts))
        if not partners[-1]:
            return False
    owner: dict[int, int] = {}

    def place_row(first: int) -> bool:
        # Augmenting paths, by hand: a recursion could be as deep as there are rows.
        stack = [(first, iter(partners[first]))]
        path: list[tuple[int, int]] = []
        seen: set[int] = set()
        while stack:
            row, options = stack[-1]
            place = next((option for option in options if option not in seen), None)
            if place is None:
                stack.pop()
                if path:
                    path.pop()
                continue
            seen.add(place)
            path.append((row, place))
            if place not in owner:
                for placed, at in path:
                    owner[at] = placed
                return True
            stack.append((owner[place], iter(partners[owner[place]])))
        return False

    return all(place_row(row) for row in range(len(ours)))


def same_row(ours: Row, theirs: Row) -> bool:
    """Whether all cells of two rows are equal."""
    return len(ours) == len(theirs) and all(map(same_cell, ours, theirs))


def same_cell(ours: Any, theirs: Any) -> bool:
    """Whether two cells are equal: whole numbers exactly, floats within 1e-6 relative, NULL only with NULL."""
    if ours is None or theirs is None:
        return ours is theirs
    if not (_is_number(ours) and _is_number(theirs)):
        return type(ours) is type(theirs) and bool(ours == theirs)
    if isinstance(ours, int) and isinstance(theirs, int):
        return ours == theirs
    one, other = _as_float(ours), _as_float(theirs)
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return math.isclose(one, other, rel_tol=TOLERANCE)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal)


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _exact_part(cell: Any) -> Any:
    """What must be equal exactly; the numbers of a group are compared one by one."""
    return "number" if _is_number(cell) else (type(cell).__name__, _hashable(cell))


def _hashable(cell: Any) -> Any:
    if isinstance(cell, dict):
        return tuple(sorted((str(key), repr(value)) for key, value in cell.items()))
    return repr(cell) if isinstance(cell, list | set) else cell


def _sort_key(row: Row) -> tuple[float, ...]:
    numbers = [_as_float(cell) for cell in row if _is_number(cell)]
    return tuple(-math.inf if math.isnan(number) else number for number in numbers)
