"""Passes and failures of two runs: exact McNemar test, with the interval that goes with it."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

from llmopt_core.statistics.intervals import exact_interval
from llmopt_core.statistics.power import passes_needed, smallest_difference
from llmopt_core.statistics.verdict import Ends

_NORMAL = NormalDist()


class PassTest:
    """The exact McNemar test, a `PairedTest`, with the wider of Tango's (1998) score interval and the exact one.

    The exact interval is Clopper and Pearson's of the share of gains among the pairs that differ. Tango's adds what is
    not known about how many differ.
    """

    method = "exact McNemar test"

    def __init__(self, gained: int, lost: int, pairs: int) -> None:
        self._gained, self._lost, self._pairs = gained, lost, pairs
        differing_count = gained + lost
        # McNemar's score (gained - lost) / sqrt(gained + lost) is standard normal without a difference; erfc(z /
        # sqrt(2)) is the chance of both tails.
        score = math.erfc(abs(gained - lost) / math.sqrt(2 * differing_count)) if differing_count else 1.0
        # Both intervals must leave out 0, so both tests must reject; the score test is larger only far below 0.001.
        self.p_value = max(binomial_p_value(gained, lost), score)

    def units_needed(self, alpha: float) -> float:
        """See `PairedTest`."""
        return passes_needed(
            (self._gained + self._lost) / self._pairs, (self._gained - self._lost) / self._pairs, alpha
        )

    def visible_difference(self, alpha: float) -> float | None:
        """See `PairedTest`."""
        return smallest_difference(self._pairs, (self._gained + self._lost) / self._pairs, alpha=alpha)

    def interval(self, alpha: float) -> Ends | None:
        """See `PairedTest`."""
        low, high = _tango_interval(self._gained, self._lost, self._pairs, alpha)
        differing_count = self._gained + self._lost
        if differing_count:
            ends = exact_interval(self._gained, differing_count, 1 - alpha)
            scale = differing_count / self._pairs
            # Clopper and Pearson's ends are shares of gains among the pairs that differ; 2 p - 1 is gains less losses
            # among those, times `scale` among all pairs.
            low, high = min(low, (2 * ends[0] - 1) * scale), max(high, (2 * ends[1] - 1) * scale)
        return low, high


def binomial_p_value(wins: int, losses: int) -> float:
    """Two-sided exact binomial p-value of `wins` against `losses` at even odds; 1.0 where there are none."""
    total = wins + losses
    # Each binomial coefficient from the one before: exact, and fast for thousands.
    # Python's integers do not overflow; as floats the ways of 2,000 pairs would.
    tail = ways = 1
    for k in range(1, min(wins, losses) + 1):
        ways = ways * (total - k + 1) // k
        tail += ways
    return min(1.0, 2 * tail / (1 << total))  # the sum of all ways is 2 ** total


def _tango_interval(gained: int, lost: int, pairs: int, alpha: float) -> Ends:
    """Tango's (1998, Statistics in Medicine 17:891) score interval of a difference of paired shares."""
    z = _NORMAL.inv_cdf(1 - alpha / 2)

    def statistic(difference: float) -> float:
        # The share of losses that fits best where the true difference is held at `difference`: the positive root of 2 n
        # q² + b q + c = 0 (Tango's formula for q21).
        b = (2 * pairs - gained + lost) * difference - gained - lost
        c = -lost * difference * (1 - difference)
        # Rounding can bring the root's inside below 0.
        share = (math.sqrt(max(0.0, b * b - 8 * pairs * c)) - b) / (4 * pairs)
        variance = pairs * (2 * share + difference * (1 - difference))
        distance = gained - lost - pairs * difference
        # No variance and no distance: the difference fits exactly, as 0 does where no pair differs.
        return distance / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, distance) if distance else 0

    estimate = (gained - lost) / pairs
    return _crossing(statistic, -1.0, estimate, z), _crossing(statistic, estimate, 1.0, -z)


def _crossing(falling: Callable[[float], float], left: float, right: float, level: float) -> float:
    """Where a falling function passes a level, by halving; an end where it does not."""
    # 60 halvings of a width of 2 reach 2e-18, which is finer than a float can tell.
    for _ in range(60):
        middle = (left + right) / 2
        if falling(middle) > level:
            left = middle
        else:
            right = middle
    return (left + right) / 2
