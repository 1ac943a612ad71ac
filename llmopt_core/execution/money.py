"""Sums of money as plain text: small ones as they are, never rounded to nothing, never with an exponent."""

from __future__ import annotations

import math


def round_usd(usd: float, digits: int = 3) -> str:
    """`0.0005`, `0.00048`, `12.35`, `1,234`: cents where they say enough, else so many significant digits."""
    if usd == 0:
        return "0"
    # Decimal places for so many significant digits: 0.00048 -> 3 - 1 + 4 = 6. From ten cents on two are enough.
    places = max(2, digits - 1 - math.floor(math.log10(abs(usd))))
    text = f"{usd:,.{places}f}"
    return text.rstrip("0").rstrip(".")


def dollars(usd: float) -> str:
    """`$1.50`, `$0.00123`, `$1,234.00`; `$0` for nothing. The one form of a sum in every sentence."""
    if usd == 0:
        return "$0"
    # A sum with one decimal (`1.5`) reads like a version, so it gets its second.
    whole, _, part = round_usd(usd).partition(".")
    return f"${whole}.{part.ljust(2, '0')}"


def money(usd: float | None) -> str:
    """`$0.0012`, `$1.50`; `no price list` where the endpoint has none, `free` for nothing."""
    if usd is None:
        return "no price list"
    return "free" if usd == 0 else dollars(usd)
