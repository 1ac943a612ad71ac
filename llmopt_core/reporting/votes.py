"""What a blind vote came to, as it stands in pages and reports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VotesTable:
    """A line of words per pair of variants, with its verdict, and who voted.

    Attributes:
        pairs: `a against b`; won, lost and equal; how often the first won; p; the verdict.
        summary: Who voted on how much.
    """

    pairs: tuple[tuple[str, str, str, str, str], ...]
    summary: str
