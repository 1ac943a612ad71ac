"""Numbers, times and money as short plain text. At most three significant digits."""

from __future__ import annotations

import math
import re

DASH = "–"


def number(value: float | None) -> str:
    """`0.823`, `12.3`, `1,230`; a dash where there is no value."""
    if value is None or not math.isfinite(value):
        return DASH
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{round(value, digits):,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else f"{float(f'{value:.3g}'):,.0f}"


def score(value: float | None) -> str:
    """A score between 0 and 1 with two decimals, so that columns line up."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{value:.2f}" if abs(value) < 10 else number(value)


def signed(value: float | None) -> str:
    """A difference with its sign: `+0.12`."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{value:+.2f}".replace("-", "−")


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
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(whole, 3600)
    return f"{hours} h {rest // 60} min" if rest >= 60 else f"{hours} h"


def short_time(seconds: float) -> str:
    """`0.4 ms`, `66 ms`, `9.3 s`."""
    return f"{number(seconds * 1000)} ms" if seconds < 1 else duration(seconds)


def money(usd: float | None) -> str:
    """`$0.012`; `no price list` where the endpoint has none, `free` for nothing."""
    if usd is None:
        return "no price list"
    if usd == 0:
        return "free"
    return f"${usd:.2g}" if usd < 0.01 else f"${usd:,.2f}"


def count(value: int | None) -> str:
    """`48`, `12.3 k`, `1.2 M`."""
    if value is None:
        return DASH
    if value < 10_000:
        return f"{value:,}"
    return f"{number(value / 1000)} k" if value < 1_000_000 else f"{number(value / 1_000_000)} M"


def plural(amount: int, one: str, many: str = "") -> str:
    """`1 question`, `48 questions`."""
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"


def shorten(text: str, limit: int = 80) -> str:
    """One line of at most `limit` characters, cut with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def markdown(text: str) -> str:
    """User text made safe inside Markdown: every character that Markdown could read is escaped."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|<>~:$&])", r"\\\1", " ".join(text.split()))


def file_stem(text: str) -> str:
    """A name that is safe in a file name."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-.") or "results"
