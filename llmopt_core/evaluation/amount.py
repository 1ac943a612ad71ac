"""An amount: a number with what it counts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from llmopt_core.evaluation.units import PLAIN


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with what it counts, in base units: two weeks and 14 days are the same.

    Attributes:
        kind: The dimension, such as `time`, `%` or a currency; empty for a bare number.
        start: Place in the text after NFKC; `end` is past the unit.
        written: As it stands in the text.
        implied: `A week`: it supports `seven days` and never lacks support itself.
        tolerance: How far it may be off by the way it is written.
        rounded: Whether it is said to be about right.
        beyond: Whether it is said to be exceeded.
    """

    value: float
    kind: str
    start: int
    end: int
    written: str
    ordinal: bool = False
    implied: bool = False
    tolerance: float = 0.0
    rounded: bool = False
    beyond: bool = False

    def equals(self, other: Amount) -> bool:
        """Whether the other supports this one: the same, or what rounds to it, or what it is said to be below."""
        kinds = {self.kind, other.kind}
        if len(kinds) > 1 and not _compatible(kinds):
            return False
        if self.beyond and self.value <= other.value <= 1.25 * self.value:
            return True
        tolerance = max(self.tolerance, (0.05 if self.rounded else 1e-6) * abs(self.value))
        return abs(self.value - other.value) <= tolerance


def _compatible(kinds: set[str]) -> bool:
    """A bare degree may be of any scale, a bare number may be a multiple."""
    return kinds in ({"degree", "celsius"}, {"degree", "fahrenheit"}, {PLAIN, "times"}, {PLAIN, "part"}, {"%", "part"})


def looseness(text: str, start: int) -> dict[str, bool]:
    """Whether the number at `start` is said to be about right, or to be exceeded."""
    before = text[max(0, start - 16) : start]
    return {"rounded": _ABOUT.search(before) is not None, "beyond": _BEYOND.search(before) is not None}


_ABOUT = re.compile(
    r"(?:about|around|roughly|approximately|nearly|almost|some|just over|just under|circa|约|大约|近|将近|左右)\s*$"
)
_BEYOND = re.compile(r"(?:over|more than|above|at least|upwards of|超过|多于|逾)\s*$")
