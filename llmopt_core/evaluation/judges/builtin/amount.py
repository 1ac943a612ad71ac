"""An amount: a number with what it counts."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from llmopt_core.evaluation.judges.builtin.units import CLOCK, EITHER_HALF, PLAIN, YEN_OR_YUAN


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with what it counts, in base units: two weeks and 14 days are the same.

    Attributes:
        kind: The dimension, such as `time`, `%` or a currency; empty for a bare number.
        start: Place in the text after NFKC; `end` is past the unit.
        text: As it stands in the text.
        is_implied: `A week`: it supports `seven days` and never lacks support itself.
        tolerance: How far it may be off by the way it is written.
        is_rounded: Whether it is said to be about right.
        beyond: Whether it is said to be exceeded.
    """

    value: float
    kind: str
    start: int
    end: int
    text: str
    ordinal: bool = False
    is_implied: bool = False
    tolerance: float = 0.0
    is_rounded: bool = False
    beyond: bool = False

    @property
    def is_year(self) -> bool:
        """Whether it looks like a year."""
        # 1000 to 2100 in bare digits: outside of that it is rather a number of things.
        return not self.kind and 1000 <= self.value <= 2100 and self.text.isdigit()

    def equals(self, other: Amount) -> bool:
        """Whether the other supports this one: the same, or what rounds to it, or what it is said to be below."""
        kinds = {self.kind, other.kind}
        if kinds & {CLOCK, EITHER_HALF}:
            return _same_time(self, other, kinds)
        if len(kinds) > 1 and not _compatible(kinds):
            return False
        # "Over 3,000" is said of 3,200, hardly of 5,000; a quarter more is where people would name another number.
        if self.beyond and self.value <= other.value <= 1.25 * self.value:
            return True
        # A number that is said to be about right may be off by 5 %; others only by the rounding of floats and units.
        tolerance = max(self.tolerance, (0.05 if self.is_rounded else 1e-6) * abs(self.value))
        return abs(self.value - other.value) <= tolerance


def _same_time(one: Amount, other: Amount, kinds: set[str]) -> bool:
    """`At 8` is a time, too; without a half of the day a time may be in either."""
    if not kinds <= {CLOCK, EITHER_HALF, PLAIN}:
        return False
    # No hour is later than 24.
    if any(amount.kind == PLAIN and amount.value > 24 for amount in (one, other)):
        return False
    # `At 8` is 8 hours; times are in minutes.
    times = [60 * amount.value if amount.kind == PLAIN else amount.value for amount in (one, other)]
    # 1,440 minutes are a day; without a half of the day 8:00 and 20:00 are the same, so 720.
    return (times[0] - times[1]) % (1440 if kinds == {CLOCK} else 720) == 0


def _compatible(kinds: set[str]) -> bool:
    """A bare degree may be of any scale, a bare number may be a multiple."""
    return kinds in (
        {"degree", "celsius"},
        {"degree", "fahrenheit"},
        {PLAIN, "times"},
        {PLAIN, "part"},
        {PLAIN, "ad"},
        {PLAIN, "bc"},
        {"%", "part"},
        {YEN_OR_YUAN, "yen"},
        {YEN_OR_YUAN, "yuan"},
    )


def plain_text(text: str) -> str:
    """The text that places of amounts count in: NFKC in lower case, with powers of ten written out."""
    return unicodedata.normalize("NFKC", write_out_powers(text)).lower()


def write_out_powers(text: str) -> str:
    """The text with 3 \u00d7 10\u2076 as 3000000: NFKC would make 106 of the power."""
    return _POWER.sub(_power, text)


def _power(match: re.Match[str]) -> str:
    digits = unicodedata.normalize("NFKC", match["raised"]).replace("\u2212", "-")
    if match["base"] != "10":
        return f"{match[0][: match.end('base') - match.start()]}^{digits}"
    return f"{float(match['factor'] or 1) * 10.0 ** int(digits):.15f}".rstrip("0").rstrip(".")


_RAISED = "\u2070\u00b9\u00b2\u00b3\u2074-\u2079"
# 3 \u00d7 10\u2076, 10^-3; at most two digits above, as no float holds more. A raised number of another base is a
# footnote or a power, and none of its digits.
_POWER = re.compile(
    rf"(?:(?<![\d.,])(?P<factor>\d{{1,9}}(?:\.\d{{1,9}})?)\s?[\u00d7x*\u00b7]\s?)?"
    rf"(?<![\d.,])(?P<base>\d{{1,12}})(?P<mark>\^)?(?P<raised>(?(mark)-?\d{{1,2}}(?!\d)|\u207b?[{_RAISED}]{{1,2}}(?![{_RAISED}])))"
)


def looseness(text: str, start: int) -> dict[str, bool]:
    """Whether the number at `start` is said to be about right, or to be exceeded."""
    # Sixteen characters hold the longest of these phrases with a blank.
    prefix = text[max(0, start - 16) : start]
    return {"is_rounded": _ABOUT.search(prefix) is not None, "beyond": _BEYOND.search(prefix) is not None}


_ABOUT = re.compile(
    r"(?:about|around|roughly|approximately|nearly|almost|some|just over|just under|circa|约|大约|近|将近|左右)\s*$"
)
_BEYOND = re.compile(r"(?:over|more than|above|at least|upwards of|超过|多于|逾)\s*$")
