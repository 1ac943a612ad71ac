"""Cells of table files: which type a column of texts has.

A type is taken only where every cell that is not empty fits and nothing of it is lost: numbers with leading zeros,
thousands separators or units stay texts, and so do columns that mix types.
"""

from __future__ import annotations

from dataclasses import dataclass

# Python's `re` and DuckDB's RE2 read them alike.
_INTEGER = r"-?(0|[1-9][0-9]*)"
_DECIMAL = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?"
_FLOAT = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?"
_DAY, _CLOCK = r"[0-9]{4}-[0-9]{2}-[0-9]{2}", r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
PATTERNS = {
    "integer": _INTEGER,
    "decimal": _DECIMAL,
    "float": _FLOAT,
    "boolean": r"(?i)true|false",
    "date": _DAY,
    "german_date": r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}",
    "slash_date": r"[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}",
    # A day without a time among them is its midnight.
    "timestamp": rf"{_DAY}([ T]{_CLOCK})?",
    "zoned": rf"{_DAY}[ T]{_CLOCK}(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)",
}
# 18 digits fit into BIGINT whatever they are, 38 into HUGEINT and DECIMAL.
_BIGINT_DIGITS, _HUGEINT_DIGITS = 18, 38
# Digits after the point that prices, rates and coordinates have. More are measurements, which are floats.
_MOST_SCALE = 10


@dataclass(frozen=True, slots=True)
class ColumnCounts:
    """What was counted over a column of texts.

    Attributes:
        filled: Cells that are not empty.
        fits: Cells by the patterns that they match.
        digits: Most digits before the point.
        scale: Most digits behind it.
    """

    filled: int
    fits: dict[str, int]
    digits: int
    scale: int


def column_type(counts: ColumnCounts) -> tuple[str, str]:
    """The type in DuckDB and an expression that makes it of a text in place of `{}`."""
    if not counts.filled:
        return "VARCHAR", "{}"
    kinds = [kind for kind, count in counts.fits.items() if count == counts.filled]
    if "integer" in kinds:
        return _integer_type(counts.digits)
    if "decimal" in kinds and counts.scale <= _MOST_SCALE and counts.digits + counts.scale <= _HUGEINT_DIGITS:
        name = f"DECIMAL({max(_BIGINT_DIGITS, counts.digits + counts.scale)}, {counts.scale})"
        return name, f"CAST({{}} AS {name})"
    for kind, (name, expression) in _OTHERS.items():
        if kind in kinds:
            return name, expression
    return "VARCHAR", "{}"


def _integer_type(digits: int) -> tuple[str, str]:
    if digits <= _BIGINT_DIGITS:
        return "BIGINT", "CAST({} AS BIGINT)"
    if digits <= _HUGEINT_DIGITS:
        return "HUGEINT", "CAST({} AS HUGEINT)"
    return "VARCHAR", "{}"


_OTHERS = {
    "float": ("DOUBLE", "CAST({} AS DOUBLE)"),
    "boolean": ("BOOLEAN", "CAST(lower({}) AS BOOLEAN)"),
    "date": ("DATE", "CAST({} AS DATE)"),
    "german_date": ("DATE", "CAST(strptime({}, '%d.%m.%Y') AS DATE)"),
    "slash_date": ("DATE", "CAST(strptime({}, '%Y/%m/%d') AS DATE)"),
    "timestamp": ("TIMESTAMP", "CAST({} AS TIMESTAMP)"),
    "zoned": ("TIMESTAMPTZ", "CAST({} AS TIMESTAMPTZ)"),
}
