"""Rows -> CSV that a spreadsheet opens safely. The only place where CSV is written."""

from __future__ import annotations

import csv
import io
import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

# The last four are the full-width forms, which Excel and LibreOffice take for the plain ones in East Asian settings.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_LINE_END = "\r\n"  # What the standard of CSV says, and Excel writes.
_EXPONENT_BELOW = 1e-4  # Where Python's `repr` begins to write exponents.


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV file whose texts are never run: what a spreadsheet takes for a formula gets an apostrophe in front."""
    # Line breaks inside cells stay as they are.
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator=_LINE_END)
    writer.writerows([guard_cell(cell) for cell in row] for row in (header, *rows))
    return table.getvalue()


def csv_of(rows: Sequence[Mapping[Any, object]]) -> str:
    """See `csv_text`; the columns are the keys of all rows, and what a row does not have is empty."""
    # In the order in which they first come; a set would give another file each time.
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return csv_text(columns, [[row.get(column) for column in columns] for row in rows])


def guard_cell(cell: object) -> object:
    """The cell as it is written: numbers as they are, nothing for what is missing, all else a text that stays one."""
    # An empty cell, which a spreadsheet leaves out of its averages; `nan` would be a text there.
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, float) and 0 < abs(cell) < _EXPONENT_BELOW:
        # Python would write 0.00005 as 5e-05, which is no sum of money that anybody reads.
        return format(Decimal(repr(cell)), "f")
    # A number with its sign is no formula.
    if isinstance(cell, int | float):
        return cell
    text = str(cell)
    return f"'{text}" if _needs_guard(text) else text


def unguard_cell(text: str) -> str:
    """What `guard_cell` was given, from what it wrote."""
    return text[1:] if text.startswith("'") and _needs_guard(text) else text


def _needs_guard(text: str) -> bool:
    # Nearly all texts: what begins with a letter or a digit is no formula.
    if text[:1].isalnum():
        return False
    # A text that has the apostrophe already gets a second one, so that reading gives back what was written.
    inner = text.lstrip("'")
    # Some spreadsheets drop these at the beginning of a cell, and then read what follows.
    if inner.startswith(("\t", "\r", "\n")):
        return True
    # `-5` as a text is harmless; `-5+cmd|...` is none.
    return _first_visible(inner) in _FORMULA and not _is_number(inner)


def _first_visible(text: str) -> str:
    """The first character that is neither space, control nor of no width: spreadsheets pass over those."""
    return next((c for c in text if not c.isspace() and unicodedata.category(c) not in ("Cc", "Cf")), "")


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
