"""The sign-flip (paired permutation) test, with the interval of all means that it does not reject."""

from __future__ import annotations

import math

import numpy as np

from llmopt_core.statistics.resampling import Flips, Floats
from llmopt_core.statistics.verdict import Ends


class SignFlips:
    """Sign flips of `d - x` reject a mean of x where few of them give as large a sum.

    A flip does so where x lies between the mean of the pairs it turns and the mean of the others (Hartigan 1969), so
    those means give p-value and interval at once. Where whole clusters are flipped the same holds of their pairs.

    Args:
        sums: The differences, or the sum of those of each cluster.
        pairs: How many pairs there are.
        flips: Their draws.
    """

    def __init__(self, sums: Floats, pairs: int, flips: Flips) -> None:
        self.exact = flips.exact
        total, near = float(sums.sum()), 1e-6 * float(np.abs(sums).sum())
        self._mean = total / pairs
        # The sum of the pairs that a flip turns, and of those that it leaves: each half of the whole plus or minus the
        # flipped sum.
        halves = np.stack([total + flips.totals, total - flips.totals]) / 2
        # Sums are kept in single precision: what is that near to 0 is 0.
        halves[np.abs(halves) <= near] = 0.0
        counts = np.stack([flips.kept, pairs - flips.kept])
        # A flip that turns none, or all, divides by 0; it is dealt with below.
        with np.errstate(divide="ignore", invalid="ignore"):
            means = np.where(counts > 0, halves / counts, np.nan)
        # A flip of all or none is never exceeded, whatever x is.
        whole = (counts <= 0).any(axis=0)
        self._low = np.sort(np.where(whole, -np.inf, np.minimum(means[0], means[1])))
        self._high = np.sort(np.where(whole, np.inf, np.maximum(means[0], means[1])))
        # Random flips count the data as one more (Phipson & Smyth 2010).
        # Without it a p-value of 0 could come out of draws.
        self._extra = 0 if self.exact else 1

    def p_value(self) -> float:
        """Two-sided, of a mean of 0."""
        if self._mean >= 0:
            # Flips whose stretch begins at or below 0 give as large a sum if the true mean is 0; an equal sum counts.
            extreme = np.searchsorted(self._low, 0.0, side="right")
        else:
            extreme = len(self._high) - np.searchsorted(self._high, 0.0, side="left")
        return float(extreme + self._extra) / (len(self._low) + self._extra)

    def ends(self, alpha: float) -> Ends:
        """Of all means that are not rejected at `alpha`."""
        rank = ceil_rank(alpha * (len(self._low) + self._extra)) - self._extra
        # A level below 1 in 10,000, as among very many comparisons: so few random flips reject nothing there.
        if rank < 1:
            return -math.inf, math.inf
        return float(self._low[rank - 1]), float(self._high[-rank])


def ceil_rank(value: float) -> int:
    """The whole number at or above a value, but for rounding."""
    # A product such as alpha / 3 * 10,000 may come out a trifle above a whole number, and would be one rank too many.
    return math.ceil(value - 1e-9)
