"""Self-consistency: the result that most drafts agree on."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

# Floats that differ by less are the same number, added up in another order.
_DIGITS = 6

Vote = str | None
"""Hash of a result; None for a draft without result, which used up its turn and has no vote."""


def vote_for(rows: Iterable[Sequence[Any]]) -> Vote:
    """What two results share that vote for the same answer: their rows, in any order, without names of columns."""
    # As texts with their kinds: values of unlike kinds have no order of their own, and 1 is not '1'.
    plain_rows = ([_rounded(cell) for cell in row] for row in rows)
    lines = sorted("|".join(f"{type(cell).__name__}:{cell!r}" for cell in row) for row in plain_rows)
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def leader(votes: Sequence[Vote]) -> tuple[int, int] | None:
    """Position of the first draft with the most frequent result, and how many have it; None where none has a result."""
    counts = _count(votes)
    if not counts:
        return None
    # `most_common` keeps the order of first appearance among equals, so that the outcome is the same each time.
    vote, count = counts.most_common(1)[0]
    return votes.index(vote), count


def samples_needed(votes: Sequence[Vote], most: int) -> int:
    """How many more drafts are needed at least before the leading result cannot be overtaken; 0 where it cannot be.

    Args:
        votes: Of what was drafted up to now.
        most: How many drafts there may be in all.
    """
    remaining = most - len(votes)
    counts = [count for _, count in _count(votes).most_common(2)]
    first, second = (*counts, 0, 0)[:2]
    # Equal in the end is not overtaken: of two results with as many votes the one that came first counts.
    shortest = next(n for n in range(remaining + 1) if first + n >= second + remaining - n)
    return shortest if counts or not remaining else max(1, shortest)


def _count(votes: Sequence[Vote]) -> Counter[str]:
    return Counter(vote for vote in votes if vote is not None)


def _rounded(cell: Any) -> Any:
    if not isinstance(cell, float | Decimal) or not math.isfinite(cell):
        return cell
    number = float(f"{cell:.{_DIGITS}g}")
    # 6.0 is the 6 that another draft may have counted.
    return int(number) if number.is_integer() else number
