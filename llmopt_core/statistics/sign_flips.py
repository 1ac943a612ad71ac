"""The sign-flip (paired permutation) test, with the interval of all means that it does not reject."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from llmopt_core.statistics.resampling import Flips, Floats
from llmopt_core.statistics.verdict import Ends

# Ten of 10,000 random flips say little of what lies beyond them, as in the families of hundreds of pairs; there the
# flipped sum is taken for normal.
_LEAST_SHARE = 0.001


class SignFlips:
    """Sign flips of `d - x` reject a mean of x where few of them give as large a sum.

    A flip does so where x lies between the mean of the pairs it turns and the mean of the others (Hartigan 1969), so
    those means give p-value and interval at once. Where whole clusters are flipped the same holds of their pairs.

    Args:
        sums: The differences, or the sum of those of each cluster.
        sizes: How many pairs stand behind each.
        flips: Their draws.
    """

    def __init__(self, sums: Floats, sizes: Floats, flips: Flips) -> None:
        self.exact = flips.exact
        self._sums, self._sizes, pairs = sums, sizes, float(sizes.sum())
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
        share = float(extreme + self._extra) / (len(self._low) + self._extra)
        return share if self.exact or share >= _LEAST_SHARE else min(self._normal_p_value(), _LEAST_SHARE)

    def ends(self, alpha: float) -> Ends:
        """Of all means that are not rejected at `alpha`."""
        is_rare = not self.exact and alpha < _LEAST_SHARE
        rank = ceil_rank((_LEAST_SHARE if is_rare else alpha) * (len(self._low) + self._extra)) - self._extra
        # So few patterns of signs reject nothing at this level.
        if rank < 1:
            return -math.inf, math.inf
        low, high = float(self._low[rank - 1]), float(self._high[-rank])
        if is_rare:
            rare_low, rare_high = self._normal_ends(alpha)
            low, high = min(low, rare_low), max(high, rare_high)
        return low, high

    def _normal_p_value(self) -> float:
        """As if the flipped sum were normal: its variance is the sum of squares."""
        return math.erfc(abs(float(self._sums.sum())) / math.sqrt(2 * float((self._sums**2).sum())))

    def _normal_ends(self, alpha: float) -> Ends:
        """All x at which the sum of `sums - sizes x` is nearer to 0 than the quantile times its root of squares."""
        square = NormalDist().inv_cdf(alpha / 2) ** 2
        residuals, pairs = self._sums - self._sizes * self._mean, float(self._sizes.sum())
        # With u the mean less x: u² (pairs² - square G) - 2 u square F - square E, which is 0 at the ends.
        e, f, g = (float((a * b).sum()) for a, b in
                   ((residuals, residuals), (residuals, self._sizes), (self._sizes, self._sizes)))  # fmt: skip
        leading = pairs * pairs - square * g
        if leading <= 0:
            return -math.inf, math.inf
        root = math.sqrt((square * f) ** 2 + leading * square * e)
        return self._mean - (square * f + root) / leading, self._mean - (square * f - root) / leading


def ceil_rank(value: float) -> int:
    """The whole number at or above a value, but for rounding."""
    # A product such as alpha / 3 * 10,000 may come out a trifle above a whole number, and would be one rank too many.
    return math.ceil(value - 1e-9)
