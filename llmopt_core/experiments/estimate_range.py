"""Between what a sum will lie of which a pilot has seen a few parts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

Range = tuple[float, float]
# Equal parts in a pilot do not show that all others are equal, too.
_LEAST_SPREAD = 0.1


def remaining_range(tried: Sequence[float | None], remainder: int) -> Range | None:
    """90 % prediction interval of the sum of as many further values, from those that were tried.

    By Student's t: the mean of the pilot may be off, and the others scatter around it. A spread below a tenth of the
    mean is taken for a tenth.

    Returns:
        Least (0 or more) and most; None where one of them has no value, or one or none was tried and some are left.
    """
    if not remainder:
        return 0.0, 0.0
    values = [value for value in tried if value is not None]
    if len(values) < len(tried) or len(values) < 2:
        return None
    from scipy.special import stdtrit

    count = len(values)
    mean = sum(values) / count
    spread = math.sqrt(sum((value - mean) ** 2 for value in values) / (count - 1))
    spread = max(spread, _LEAST_SPREAD * mean)
    half = float(stdtrit(count - 1, 0.95)) * spread * math.sqrt(remainder + remainder**2 / count)
    return max(0.0, remainder * mean - half), remainder * mean + half


def sum_ranges(ranges: Iterable[Range | None]) -> Range | None:
    """Of parts that may all be low, or all be high, together; None where one is not known."""
    low = high = 0.0
    for one in ranges:
        if one is None:
            return None
        low, high = low + one[0], high + one[1]
    return low, high


def shift_range(ends: Range | None, more: float | None) -> Range | None:
    """With what comes to it in any case; None where either is not known."""
    return None if ends is None or more is None else (ends[0] + more, ends[1] + more)
