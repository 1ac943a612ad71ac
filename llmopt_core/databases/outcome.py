"""What came of one query."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

Status = Literal["ok", "refused", "ended", "error"]


@dataclass(frozen=True, slots=True)
class QueryOutcome:
    """What came of one query.

    Attributes:
        status: `ok`; `refused`: it was not run; `ended`: it was stopped at a limit; `error`: the engine's complaint.
        reason: One sentence. Empty for `ok`, unless rows were cut: then it says so.
        columns: Names as the engine gives them; they may repeat.
        rows: Python values: None, bool, int, float, Decimal, str, bytes, dates and times, lists, mappings.
        seconds: From the first look at the text to the last row, by the clock of the process that ran it.
        is_cut: Whether there were more rows than were read.
        is_source_fault: Whether the source is locked, damaged or gone, so that the query itself may be right.
    """

    status: Status
    reason: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    seconds: float = 0.0
    is_cut: bool = False
    is_source_fault: bool = False

    def values(self) -> dict[str, Any]:
        """The outcome as JSON can hold it; see `json_value`."""
        return {
            "status": self.status,
            "reason": self.reason,
            "columns": list(self.columns),
            "rows": [[json_value(cell) for cell in row] for row in self.rows],
            "seconds": round(self.seconds, 4),
        }


def json_value(value: Any) -> Any:
    """A cell as JSON can hold it.

    Numbers stay numbers where nothing is lost: a decimal of more digits than a float has, NaN and the infinities become
    texts. Dates and times are ISO 8601, bytes are hexadecimal digits after `0x`.
    """
    if isinstance(value, dict):
        return {str(json_value(key)): json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [json_value(item) for item in value]
    return _scalar_value(value)


def _scalar_value(value: Any) -> Any:
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else _NOT_FINITE.get(value, "NaN")
    if isinstance(value, Decimal):
        return _decimal_value(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"0x{bytes(value).hex()}"
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    return str(value)


def _decimal_value(value: Decimal) -> Any:
    # A float that gives the same digits again loses nothing.
    if value.is_finite() and Decimal(repr(float(value))) == value:
        return float(value)
    return str(value)


# JSON knows no such numbers; NaN is equal to nothing, and so no key.
_NOT_FINITE = {math.inf: "Infinity", -math.inf: "-Infinity"}
