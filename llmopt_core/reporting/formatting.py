"""Numbers, times and money as short plain text: at most three significant digits, never an exponent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

from llmopt_core.execution.money import dollars, money

# Money is re-exported, so that pages find all formatting in one place. One name a line would take a page.
__all__ = [
    "DASH", "change", "day", "dollars", "duration", "interval", "money", "number", "p_value", "plural", "questions",
    "score", "short_time", "with_sign",
]  # fmt: skip

DASH = "–"


def number(value: float | None) -> str:
    """`0.823`, `12.3`, `1,230`; a dash where there is no value."""
    if value is None or not math.isfinite(value):
        return DASH
    if value == 0:
        return "0"
    # Digits behind the point that make three significant ones: 0.0123 has 4, 12.3 has 1, 1,230 none.
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{round(value, digits):,.{digits}f}"
    # Whole numbers are rounded to three digits, too: 1,234 becomes 1,230, since the rest is noise in a mean.
    return text.rstrip("0").rstrip(".") if "." in text else f"{float(f'{value:.3g}'):,.0f}"


def day(when: date) -> str:
    """`4 March 2026`."""
    # A day without its zero is `%-d` on Linux and another word on Windows.
    return f"{when.day} {when:%B %Y}"


def plural(amount: int, one: str, many: str = "") -> str:
    """`1 question`, `48 questions`."""
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"


def score(value: float | None) -> str:
    """A score between 0 and 1 with two decimals, so that columns line up."""
    if value is None or not math.isfinite(value):
        return DASH
    # Some metrics are no share (tokens, seconds): two decimals behind hundreds would look like precision.
    return f"{value:.2f}" if abs(value) < 10 else number(value)


def with_sign(value: float | None) -> str:
    """A difference with its sign: `+0.12`."""
    if value is None or not math.isfinite(value):
        return DASH
    # The minus of typography is as wide as the plus, so that signs stand under each other.
    return f"{value:+.2f}".replace("-", "−")


def change(difference: float | None, low: float | None, high: float | None) -> str:
    """`+0.12 (+0.03 to +0.21)`; the difference alone where it has no interval."""
    between = "" if low is None or high is None else f" ({with_sign(low)} to {with_sign(high)})"
    return f"{with_sign(difference)}{between}"


def interval(low: float | None, high: float | None) -> str:
    """`0.75 to 0.88`."""
    if low is None or high is None:
        return DASH
    return f"{score(low)} to {score(high)}".replace("-", "−")


def duration(seconds: float | None) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `1 h 5 min`."""
    if seconds is None or not math.isfinite(seconds):
        return DASH
    if seconds < 10:
        return f"{seconds:.1f} s"
    # Rounded before it is compared, or 59.7 s would become "60 s".
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(whole, 3600)
    return f"{hours} h {rest // 60} min" if rest >= 60 else f"{hours} h"


def short_time(seconds: float | None) -> str:
    """`under 0.1 ms` for a trifle, `0.4 ms`, `66 ms`, `9.3 s`."""
    if seconds is None or not math.isfinite(seconds) or seconds >= 1:
        return duration(seconds)
    if 0 < seconds < 0.0001:
        return "under 0.1 ms"
    return f"{number(seconds * 1000)} ms"


def questions(counts: Sequence[int], size: int | None = None) -> str:
    """How many questions runs were asked, out of how many: `48 questions`, `12 of 48 questions`, `12 to 40 of 48 …`."""
    least, most = min(counts, default=0), max(counts, default=0)
    some = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    if size is None or most == size:
        return f"{some} question{'' if some == '1' else 's'}"
    return f"{some} of {size:,} questions"


def p_value(value: float | None) -> str:
    """`0.031`, `below 0.001`; a dash where nothing was tested."""
    # Draws give no p-value below .0001, and many digits of a small one mean nothing.
    return DASH if value is None else "below 0.001" if value < 0.001 else number(value)
