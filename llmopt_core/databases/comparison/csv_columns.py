"""A result as it is after it was written to a CSV file and read again, as pandas 2.3 does both.

Spider 2's script compares such files, so a text `007` is the number 7 to it, and a text `NA` is missing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, Literal

# Texts that pandas reads as missing.
_MISSING = frozenset(
    ("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
     "NULL", "NaN", "None", "n/a", "nan", "null")
)  # fmt: skip
_TRUE = frozenset(("True", "TRUE", "true"))
_FALSE = frozenset(("False", "FALSE", "false"))
# Rows are written in pieces, each with types of its own.
_ROWS_OF_A_PIECE = 500
_INTEGER = re.compile(r"[ \t\n\v\f\r]*+[+-]?[0-9]++[ \t\n\v\f\r]*+")
_INTEGER_HEAD = re.compile(r"[ \t\n\v\f\r]*+[+-]?[0-9]++")
_NUMBER = re.compile(
    r"[ \t\n\v\f\r]*+(?P<sign>[+-]?)(?P<whole>[0-9]*+)(?:\.(?P<part>[0-9]*+))?+(?:[eE](?P<power>[+-]?[0-9]++))?+"
    r"[ \t\n\v\f\r]*+"
)
_INFINITE = {"inf": math.inf, "+inf": math.inf, "-inf": -math.inf, "infinity": math.inf, "+infinity": math.inf,
             "-infinity": -math.inf}  # fmt: skip
_DIGITS_THAT_COUNT = 17

Kind = Literal["integer", "float", "truth", "object"]


def read_again(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """The values of each column, missing ones as None, after the way through a CSV file.

    Columns whose types can be one are made one, as a table of numbers is: 1 is 1.0 where another column has parts.
    """
    texts: list[list[str]] = [[] for _ in columns]
    for start in range(0, len(rows), _ROWS_OF_A_PIECE):
        piece = rows[start : start + _ROWS_OF_A_PIECE]
        for column, cells in enumerate(texts):
            cells.extend(_written([row[column] for row in piece]))
    texts = _parsed(texts)
    read = [_read(cells) for cells in texts]
    kinds = {kind for kind, _ in read}
    if kinds <= {"integer", "float"} and "float" in kinds:
        return [[None if value is None else float(value) for value in values] for _, values in read]
    return [values for _, values in read]


def _written(cells: list[Any]) -> list[str]:
    has_missing = any(cell is None for cell in cells)
    is_numeric = all(cell is None or isinstance(cell, int | float) for cell in cells)
    as_float = is_numeric and (has_missing or any(isinstance(cell, float) for cell in cells))
    return ["" if cell is None else str(float(cell) if as_float else cell) for cell in cells]


def _parsed(texts: list[list[str]]) -> list[list[str]]:
    """What the reader sees of the texts: a line of blanks alone is no row to it."""
    if len(texts) != 1:
        return texts
    return [[text for text in texts[0] if not (text and not text.strip(" \t"))]]


def _read(texts: list[str]) -> tuple[Kind, list[Any]]:
    if not texts:
        return "object", []
    present = [text for text in texts if text not in _MISSING]
    kind = _kind(present, len(present) < len(texts))
    if kind == "object":
        return kind, [None if text in _MISSING else text for text in texts]
    given = iter(_values(kind, present))
    values = [None if text in _MISSING else next(given) for text in texts]
    return ("object" if kind == "truth" and None in values else kind), values


def _kind(present: list[str], has_missing: bool) -> Kind:
    """The type that fits all texts. A whole number that is too large is found before a text behind it is seen."""
    for limit in (2**63, 2**64):
        place = next((at for at, text in enumerate(present) if not _is_integer_below(text, limit)), None)
        if place is None:
            if limit == 2**63:
                return "float" if has_missing else "integer"
            return "object" if has_missing or any("-" in text for text in present) else "integer"
        # Digits that are too many are noticed before a point or a letter behind them.
        head = _INTEGER_HEAD.match(present[place])
        if head is None or -(2**63) <= int(head.group()) < limit:
            break
    else:
        return "object"
    if all(_number(text) is not None for text in present):
        return "float"
    return "truth" if all(text in _TRUE or text in _FALSE for text in present) else "object"


def _is_integer_below(text: str, limit: int) -> bool:
    return _INTEGER.fullmatch(text) is not None and -(2**63) <= int(text) < limit


def _values(kind: Kind, present: list[str]) -> list[Any]:
    if kind == "truth":
        return [text in _TRUE for text in present]
    return [int(text) for text in present] if kind == "integer" else [_number(text) for text in present]


def _number(text: str) -> float | None:
    """A decimal number as pandas reads it by default: fast, and wrong in the last digit at times."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return _INFINITE.get(text.lower())
    whole, part = match["whole"], match["part"] or ""
    if not whole and not part:
        return None
    value = 0.0
    for digit in whole[:_DIGITS_THAT_COUNT]:
        value = value * 10.0 + int(digit)
    for digit in part:
        value = value * 10.0 + int(digit)
    exponent = max(0, len(whole) - _DIGITS_THAT_COUNT) - len(part) + int(match["power"] or 0)
    if not -1021 <= exponent <= 1024 or math.isinf(value):
        return None
    value = _scaled(-value if match["sign"] == "-" else value, exponent)
    return None if math.isinf(value) and value > 0 else value


def _scaled(value: float, exponent: int) -> float:
    power = 10.0
    rest = abs(exponent)
    while rest:
        if rest & 1:
            value = value / power if exponent < 0 else value * power
        rest >>= 1
        power *= power
    return value
