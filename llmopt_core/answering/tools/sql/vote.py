"""Self-consistency: the result that most drafts agree on."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

# Floats that differ by less are the same number, added up in another order.
_DIGITS = 6
# Closer than that to a whole number is that number: sums of floats are rarely whole to the last digit.
_WHOLE_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Vote:
    """What a result votes with.

    Attributes:
        rows: Hash of the rows in any order, by which results agree.
        sequence: Hash of the rows as they stand, which decides among those that agree.
    """

    rows: str
    sequence: str


def vote_for(rows: Iterable[Sequence[Any]], *, cut_query: str = "") -> Vote:
    """What two results share that vote for the same answer: their rows, in any order, without names of columns.

    Args:
        rows: As the executor read them.
        cut_query: The query of a result that was not read to its end: nobody knows the rest, so that only the same
            query agrees with it.
    """
    # As texts with their kinds: values of unlike kinds have no order of their own, and 1 is not '1'.
    plain_rows = ([_rounded(cell) for cell in row] for row in rows)
    lines = ["|".join(f"{type(cell).__name__}:{cell!r}" for cell in row) for row in plain_rows]
    return Vote(_hash([cut_query, *sorted(lines)]), _hash([cut_query, *lines]))


def leader(votes: Sequence[Vote | None]) -> tuple[int, int] | None:
    """Position of the first draft with the most frequent result, and how many have it; None where none has a result.

    Of drafts with the same rows in another order the most frequent order counts.
    """
    counts = _count(votes)
    if not counts:
        return None
    # `most_common` keeps the order of first appearance among equals, so that the outcome is the same each time.
    rows, count = counts.most_common(1)[0]
    agreeing = Counter(vote for vote in votes if vote is not None and vote.rows == rows)
    return votes.index(agreeing.most_common(1)[0][0]), count


def samples_needed(votes: Sequence[Vote | None], most: int) -> int:
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


def _count(votes: Sequence[Vote | None]) -> Counter[str]:
    return Counter(vote.rows for vote in votes if vote is not None)


def _hash(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def _rounded(cell: Any) -> Any:
    if not isinstance(cell, float | Decimal):
        return cell
    number = float(cell)
    if not math.isfinite(number):
        return number
    # 6.0 is the 6 that another draft may have counted.
    whole = float(f"{number:.{_WHOLE_DIGITS}g}")
    return int(whole) if whole.is_integer() else float(f"{number:.{_DIGITS}g}")
