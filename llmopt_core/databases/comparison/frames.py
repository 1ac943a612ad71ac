"""Tables with the types, the sorting and the sameness that pandas 2.3 gives them; Defog's script rests on these."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["integer", "float", "object"]


class ScriptFailure(Exception):
    """The script would raise here, and whoever called it counts the prediction as wrong."""


@dataclass(frozen=True, slots=True)
class Column:
    """Values of one type: whole numbers; floats, where NaN is missing; or anything, where None is missing."""

    kind: Kind
    values: tuple[Any, ...]

    def take(self, places: Iterable[int]) -> Column:
        """The values at these places."""
        return Column(self.kind, tuple(self.values[place] for place in places))


@dataclass(frozen=True, slots=True)
class Frame:
    """Named columns of one length."""

    names: tuple[str, ...]
    columns: tuple[Column, ...]
    height: int

    @classmethod
    def of(cls, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> Frame:
        """A frame of rows, each column with the type that all its values have."""
        columns = tuple(_column([row[place] for row in rows]) for place in range(len(names)))
        return cls(tuple(names), columns, len(rows))

    def pick(self, places: Sequence[int], names: Sequence[str] | None = None) -> Frame:
        """The columns at these places, under new names where they are given."""
        kept = tuple(names) if names is not None else tuple(self.names[place] for place in places)
        return Frame(kept, tuple(self.columns[place] for place in places), self.height)

    def take(self, rows: Sequence[int]) -> Frame:
        """The rows at these places."""
        return Frame(self.names, tuple(column.take(rows) for column in self.columns), len(rows))


def _column(values: list[Any]) -> Column:
    present = [value for value in values if value is not None]
    if not present or not all(isinstance(value, int | float) for value in present):
        return Column("object", tuple(values))
    if len(present) == len(values) and all(isinstance(value, int) for value in values):
        return Column("integer", tuple(values))
    return Column("float", tuple(math.nan if value is None else float(value) for value in values))


def is_missing(value: Any) -> bool:
    """Whether pandas takes a value for missing."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def distinct(frame: Frame) -> Frame:
    """The frame without rows that stood before."""
    seen = set()
    kept = []
    for row in range(frame.height):
        key = tuple(_key(column.values[row]) for column in frame.columns)
        if key not in seen:
            seen.add(key)
            kept.append(row)
    return frame.take(kept)


def _key(value: Any) -> Any:
    return ("missing",) if is_missing(value) else value


def sort_rows(frame: Frame, by: Sequence[int], ascending: bool) -> Frame:
    """The frame with its rows sorted by the columns at some places, missing values last.

    Raises:
        ScriptFailure: Values of a single column cannot be compared, or a name stands for two columns.
    """
    for place in by:
        if frame.names.count(frame.names[place]) > 1:
            raise ScriptFailure(f"The column label {frame.names[place]!r} is not unique.")
    if len(by) == 1:
        return frame.take(_sorted_places(frame.columns[by[0]].values, ascending))
    rows = list(range(frame.height))
    for place in reversed(by):
        ranks = _ranks(frame.columns[place].values, ascending)
        rows.sort(key=lambda row, ranks=ranks: ranks[row])  # type: ignore[misc]
    return frame.take(rows)


def sorted_values(column: Column) -> Column:
    """A column, sorted, missing values last.

    Raises:
        ScriptFailure: Numbers cannot be compared with texts here.
    """
    return column.take(_sorted_places(column.values, ascending=True))


def _sorted_places(values: Sequence[Any], ascending: bool) -> list[int]:
    places = [place for place, value in enumerate(values) if not is_missing(value)]
    missing = [place for place, value in enumerate(values) if is_missing(value)]
    try:
        places.sort(key=lambda place: values[place], reverse=not ascending)
    except TypeError as error:
        raise ScriptFailure(str(error)) from error
    return places + missing


def _ranks(values: Sequence[Any], ascending: bool) -> list[int]:
    """A rank for each value; by several columns, unlike by one, numbers are sorted before texts."""
    different = {value for value in values if not is_missing(value)}
    try:
        ordered = sorted(different)
    except TypeError:
        texts = [value for value in different if isinstance(value, str)]
        try:
            ordered = sorted(value for value in different if not isinstance(value, str)) + sorted(texts)
        except TypeError as error:
            raise ScriptFailure("The values of a column have no order.") from error
    if not ascending:
        ordered.reverse()
    rank = {value: place for place, value in enumerate(ordered)}
    return [len(rank) if is_missing(value) else rank[value] for value in values]


def same_cells(ours: Frame, theirs: Frame) -> bool | None:
    """Whether all cells are equal, where a single row or column is repeated to fit the other frame (broadcast).

    Returns:
        None where their shapes cannot be fitted.
    """
    heights, widths = (ours.height, theirs.height), (len(ours.columns), len(theirs.columns))
    for one, other in (heights, widths):
        if one != other and 1 not in (one, other):
            return None
    height, width = (0 if 0 in sides else max(sides) for sides in (heights, widths))
    left, right = _cells(ours, theirs), _cells(theirs, ours)
    return all(
        bool(
            left[column if widths[0] > 1 else 0][row if heights[0] > 1 else 0]
            == right[column if widths[1] > 1 else 0][row if heights[1] > 1 else 0]
        )
        for column in range(width)
        for row in range(height)
    )


def _cells(frame: Frame, other: Frame) -> list[tuple[Any, ...]]:
    """The values of each column in the one type that all of the frame have, and for numbers the other frame too."""
    kinds = {column.kind for column in frame.columns}
    if "object" in kinds:
        return [column.values for column in frame.columns]
    other_kinds = {column.kind for column in other.columns}
    if "float" in kinds or ("float" in other_kinds and "object" not in other_kinds):
        return [tuple(float(value) for value in column.values) for column in frame.columns]
    return [column.values for column in frame.columns]


def fill_missing(frame: Frame, value: int) -> Frame:
    """The frame with a number where values are missing; a column that held nothing becomes one of numbers."""
    return Frame(frame.names, tuple(_filled(column, value) for column in frame.columns), frame.height)


def _filled(column: Column, value: int) -> Column:
    if column.kind == "integer":
        return column
    if column.kind == "float":
        return Column("float", tuple(float(value) if math.isnan(cell) else cell for cell in column.values))
    return _column([value if cell is None else cell for cell in column.values]) if column.values else column


def nearly_same(ours: Column, theirs: Column) -> bool:
    """Whether two columns are the same to the tests of pandas: floats within 1e-5 relative or 1e-8."""
    if len(ours.values) != len(theirs.values):
        return False
    if "integer" in (ours.kind, theirs.kind):
        return all(
            (is_missing(one) and is_missing(other) and ours.kind != "integer") or one == other
            for one, other in zip(*_one_type(ours, theirs), strict=True)
        )
    return all(map(_nearly_equal, ours.values, theirs.values))


def _one_type(ours: Column, theirs: Column) -> tuple[Sequence[Any], Sequence[Any]]:
    if "object" in (ours.kind, theirs.kind) or ours.kind == theirs.kind:
        return ours.values, theirs.values
    return [float(value) for value in ours.values], [float(value) for value in theirs.values]


def _nearly_equal(one: Any, other: Any) -> bool:
    if is_missing(one) or is_missing(other):
        return is_missing(one) and is_missing(other)
    if one == other:
        return True
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-5, abs_tol=1e-8)
    return False
