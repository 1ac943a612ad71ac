"""The equal-tailed bootstrap-t test, with the interval of all means that it does not reject."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from llmopt_core.statistics.resampling import RESAMPLES, Floats, cluster_draws, multiply
from llmopt_core.statistics.sign_flips import ceil_rank
from llmopt_core.statistics.verdict import Ends

_NORMAL = NormalDist()
_TAIL = 10
"""Draws in a tail below which it is continued as a normal one: ten draws say little about what lies beyond them."""


class BootstrapT:
    """Equal-tailed bootstrap-t: how far resampled means lie from the mean, in their own standard errors.

    Args:
        mean: Of the differences.
        spread: Their standard error, but for a factor that `spreads` share.
        shifts: What each resampled mean differs from the mean by.
        spreads: Of each resample.
    """

    def __init__(self, mean: float, spread: float, shifts: Floats, spreads: Floats) -> None:
        self._mean, self._spread = mean, spread
        # Resamples of one value only: their spread is rounding, and dividing by it gives huge values.
        flat = spreads <= 1e-6 * spread
        with np.errstate(divide="ignore", invalid="ignore"):
            t_values = shifts / spreads
        # A resample without spread says nothing, and counts as beyond on either side.
        self._above = np.sort(np.where(flat, np.inf, t_values))[::-1]
        self._below = np.sort(np.where(flat, np.inf, -t_values))[::-1]

    @classmethod
    def of_pairs(cls, differences: Floats, seed: int) -> BootstrapT:
        """Of one difference per pair, not all of them equal."""
        return make_bootstraps(differences[:, None], seed)[0]

    @classmethod
    def of_clusters(cls, sums: Floats, sizes: Floats, seed: int) -> BootstrapT:
        """Of the sums of clusters, drawn whole.

        The mean is a ratio of what is drawn, and its standard error that of the linearized ratio (Cochran 1977,
        chapter 6).
        """
        mean = float(sums.sum() / sizes.sum())
        # About the mean, so that little is lost when squares are subtracted.
        residuals = sums - sizes * mean
        draws = cluster_draws(len(sums), seed)
        parts = np.stack([residuals, sizes, residuals**2, residuals * sizes, sizes**2])
        total, size, squares, products, size_squares = multiply(parts, draws.T)
        shifts = total / size
        # The subtraction may come out a trifle below 0, of which the root would be NaN.
        variances = np.maximum(squares - 2 * shifts * products + shifts**2 * size_squares, 0.0)
        spread = float(np.sqrt((residuals**2).sum()) / sizes.sum())
        return cls(mean, spread, shifts, np.sqrt(variances) / size)

    def p_value(self) -> float:
        """Two-sided, of a mean of 0."""
        draws = self._above if self._mean >= 0 else self._below
        # Twice one tail: the two tails of a skewed distribution are unlike, so each gets half of alpha.
        return min(1.0, 2 * _tail_share(draws, abs(self._mean) / self._spread))

    def ends(self, alpha: float) -> Ends:
        """Of all means that are not rejected at `alpha`."""
        # The upper tail of the draws bounds the mean below: a mean that is drawn far too high says that the true one
        # may lie that far under it.
        low, high = (_tail_limit(draws, alpha / 2) * self._spread for draws in (self._above, self._below))
        return _snap(self._mean - low, self._mean), _snap(self._mean + high, self._mean)


def make_bootstraps(columns: Floats, seed: int) -> list[BootstrapT]:
    """Of many comparisons at once: one column of differences each, not all of a column equal."""
    size = len(columns)
    centres = columns.mean(axis=0)
    # About the mean, so that little is lost when squares are subtracted.
    deviations = (columns - centres).T
    draws = cluster_draws(size, seed).T
    if columns.shape[1] > 1 and draws.dtype == np.uint8:
        # Bytes would be turned into floats once per row.
        draws = draws.astype(np.float32)
    shifts = multiply(deviations, draws) / size
    squares = multiply(deviations**2, draws) / size
    # The subtraction may come out a trifle below 0, of which the root would be NaN.
    spreads = np.sqrt(np.maximum(squares - shifts**2, 0.0))
    stds = columns.std(axis=0)
    return [BootstrapT(float(centres[i]), float(stds[i]), shifts[i], spreads[i]) for i in range(columns.shape[1])]


def _tail_share(draws: Floats, value: float) -> float:
    """Share of the draws (largest first) at or above a value."""
    last = float(draws[_TAIL - 1])
    # A value that equals a draw but for rounding counts as reached, so that test and interval never disagree about 0.
    if value * (1 - 1e-9) <= last:
        beyond = int(np.searchsorted(-draws, -value * (1 - 1e-9), side="right"))
        return (beyond + 1) / (RESAMPLES + 1)  # the data count as one more draw
    # Beyond the tenth draw the tail goes on as that of a normal one through it. Where even that draw is not above 0,
    # all draws lie on the other side, and no tail can be fitted.
    return _NORMAL.cdf(-_last_z() * value / last) if last > 0 else _TAIL / (RESAMPLES + 1)


def _tail_limit(draws: Floats, share: float) -> float:
    """The largest value that at least this share of the draws (largest first) reaches."""
    last = float(draws[_TAIL - 1])
    rank = ceil_rank(share * (RESAMPLES + 1)) - 1
    if rank >= _TAIL:
        return float(draws[rank - 1])
    if last <= 0 or not math.isfinite(last):
        # So few pairs differ that the resamples without spread fill the tail: the bound of the caller decides.
        return math.inf
    return last * max(1.0, -_NORMAL.inv_cdf(share) / _last_z())


def _last_z() -> float:
    return -_NORMAL.inv_cdf(_TAIL / (RESAMPLES + 1))


def _snap(end: float, mean: float) -> float:
    """The end of an interval, 0 where it differs from that by rounding only."""
    # Larger than the 1e-9 by which `_tail_share` rounds, so that an end which the test calls 0 is 0 here too.
    return 0.0 if abs(end) <= 2e-9 * abs(mean) else end
