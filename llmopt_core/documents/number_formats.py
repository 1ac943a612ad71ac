"""Numbers of a sheet as its reader sees them: dates, percentages, currencies, leading zeros and decimals."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Any

# `"text"`, `\x` for one character, `[$€-407]` for a currency and its language. Possessive, so it cannot run long.
_LITERAL = re.compile(r'"([^"]*)"|\\(.)|\[\$([^\[\]-]*+)[^\[\]]*+\]')
# Colours and conditions in brackets, `_x` for the width of a character, `*x` for filling up.
_OTHER = re.compile(r"\[[^\[\]]*\]|_.|\*.")
# Those that formats write without quotation marks.
_CURRENCIES = "€$£¥₩₹₽₺₴฿₫₪"
# Hours or seconds; `m` alone may be months.
_TIME = re.compile(r"[hs]", re.IGNORECASE)
_DAY = re.compile(r"[dy]", re.IGNORECASE)


class NumberFormat:
    """One number format of a workbook, such as `0.0%`.

    Attributes:
        is_date: The number counts days.
        is_duration: The number is a length of time.
    """

    def __init__(self, code: str) -> None:
        from openpyxl.styles.numbers import is_date_format, is_timedelta_format

        # Up to four parts by sign; the first is for positive numbers, and shows the unit.
        first = code.split(";", 1)[0]
        self.is_date = bool(is_date_format(code))
        self.is_duration = self.is_date and bool(is_timedelta_format(code))
        words = [a or b or c for a, b, c in _LITERAL.findall(first)]
        # A mark in the place of literal text, whose place tells what stands before the number.
        bare = _OTHER.sub("", _LITERAL.sub("\x01", first))
        self._percent = bare.count("%")
        self._has_time, self._has_day = bool(_TIME.search(bare)), bool(_DAY.search(bare))
        whole, _, decimals = bare.partition(".")
        # `00000` is an article number or a postcode; in `#,##0` the zero is only the least digit.
        self._digits = whole.count("0") if "," not in whole else 1
        # -1 where the format has no place for decimals to be counted, as in `0.00E+00` and `# ?/?`.
        self._decimals = decimals.count("0") if re.search("[0#]", bare) and "E" not in bare and "/" not in bare else -1
        at = re.search("[0#?]", bare)
        before = bare[: at.start()].count("\x01") if at else 0
        symbols = "".join(c for c in bare if c in _CURRENCIES)
        self._before = "".join(words[:before]).strip()
        self._after = "".join(words[before:]).strip()
        if symbols:
            # Where the format has the currency first, it stays before the number; else it stands behind.
            self._before, self._after = (symbols, self._after) if bare.strip().startswith(symbols) else ("", symbols)
        # Only such formats say how a number looks; `#,##0` and `General` do not change what it is.
        self._has_decimals = bool(decimals.strip("#")) or self._percent > 0 or self._digits > 1

    def show(self, value: Any) -> str:
        """The value as text; in ISO form where it is a day or a time."""
        if isinstance(value, datetime):
            return self._moment(value)
        if isinstance(value, date | time):
            return value.isoformat()
        if isinstance(value, timedelta):
            return str(value)
        return self._number(value) if isinstance(value, int | float) else str(value)

    def _moment(self, value: datetime) -> str:
        if self._has_time and not self._has_day:
            # A clock time is kept as a moment of the day 0 of the calendar.
            return value.time().isoformat(timespec="auto" if value.microsecond else "seconds")
        # Whole days have no time to be shown, whatever the format has room for.
        if not self._has_time and value.time() == time():
            return value.date().isoformat()
        return value.isoformat(sep=" ", timespec="seconds")

    def _number(self, value: float) -> str:
        amount = value * 100**self._percent
        # From 1e15 on a double has no decimals left to show.
        if self._has_decimals and self._decimals >= 0 and abs(amount) < 1e15:
            # What a format rounds away is kept: the number in the cell is what was entered.
            # Fifteen digits are what a spreadsheet keeps of a number.
            exact = f"{abs(amount):.15g}"
            decimals = len(exact.partition(".")[2]) if "e" not in exact else 0
            number = f"{abs(amount):.{max(self._decimals, decimals)}f}"
            whole, dot, rest = number.partition(".")
            number = whole.zfill(self._digits) + dot + rest
            # By hand, as `zfill` would count the sign as a digit.
            number = f"-{number}" if amount < 0 else number
        else:
            number = plain_number(amount)
        # `5kg` would read as one word; signs such as `)` need no space.
        space = " " if self._after and self._after[0].isalnum() else ""
        gap = " " if self._after and self._after[0] in _CURRENCIES else space
        return f"{self._before}{number}{'%' * self._percent}{gap}{self._after}"


def plain_number(value: float) -> str:
    """A number without a format: whole ones without a decimal point, others to the 15 digits that a sheet keeps."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.15g}" if isinstance(value, float) else str(value)
