"""Tests of a mean paired difference, each with the interval that goes with it.

An interval holds exactly the values that its test does not reject, so 0 lies outside it where, and only where, the
p-value is below `alpha`. `benchmarks/verdicts.py` measures false alarms and coverage.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Protocol

import numpy as np

from llmopt_core.statistics.intervals import exact_interval, wilson_interval
from llmopt_core.statistics.resampling import (
    EXACT_PAIRS,
    RESAMPLES,
    Floats,
    bootstrap_moments,
    is_constant,
    sign_flip_totals,
)

Ends = tuple[float, float]
_NORMAL = NormalDist()
_TAIL = 10
"""Draws in a tail below which it is continued as a normal one: ten draws say little about what lies beyond them."""


class PairedTest(Protocol):
    """A two-sided test of a mean difference of 0."""

    method: str
    p_value: float

    def interval(self, alpha: float) -> Ends | None:
        """All mean differences that are not rejected at `alpha`; None where no interval can be computed."""
        ...


class GradedTest:
    """Graded values: a sign-flip test and a bootstrap-t test; a difference counts where both reject it.

    The sign-flip test is exact where gains and losses are equally distributed, and calls "worse" too often where a few
    large gains face many small losses. The bootstrap-t (Efron & Tibshirani 1993, chapter 12) corrects for such skew,
    and is too bold with many ties or long tails. The larger p-value and the wider ends are used. Neither knows of
    changes that are so rare that the sample holds none: where every tenth of 20 questions gains a lot and all others
    lose a little, one sample in eight shows losses alone, and no test can tell. Where all differences are equal, see
    `_ConstantDifference`.

    Args:
        differences: One per pair, at least one.
        bounded: Whether both values of each pair lie between 0 and 1, so that no difference exceeds 1.
    """

    def __init__(self, differences: Floats, seed: int = 0, *, bounded: bool = False) -> None:
        self._mean = float(differences.mean())
        self._bounds = None
        if bounded:
            # Losses, gains, pairs.
            self._bounds = int((differences < 0).sum()), int((differences > 0).sum()), len(differences)
        flips = _SignFlips(differences, seed)
        self._tests: list[_SignFlips | _BootstrapT | _ConstantDifference] = [flips]
        if not is_constant(differences):
            self._tests.append(_BootstrapT(differences, seed))
        # A single equal difference tells nothing of the next one, and without bounds nothing limits what that may be.
        elif bounded and len(differences) > 1:
            self._tests.append(_ConstantDifference(self._mean, len(differences)))
        # Differences such as .1 + .2 - .3 leave a mean of a few 1e-17, which is no direction.
        self.p_value = 1.0 if abs(self._mean) < 1e-15 else max(test.p_value() for test in self._tests)
        self.method = f"bootstrap-t and paired permutation test, {'exact' if flips.exact else 'random sign flips'}"

    def interval(self, alpha: float) -> Ends | None:
        """See `PairedTest`; None of a single difference, and of equal ones or wide ends that have no bound."""
        # Sign flips alone have no second test to correct them for skew.
        if len(self._tests) < 2:
            return None
        ends = [test.ends(alpha) for test in self._tests]
        low, high = min(low for low, _ in ends), max(high for _, high in ends)
        if self._bounds is not None:
            # No pair loses more than 1, and no more pairs lose than Wilson's interval allows; gains likewise. Where few
            # pairs differ, the bootstrap-t knows no end at all.
            losses, gains, pairs = self._bounds
            low = max(low, -wilson_interval(losses, pairs, 1 - alpha)[1])
            high = min(high, wilson_interval(gains, pairs, 1 - alpha)[1])
        return (low, high) if math.isfinite(low) and math.isfinite(high) else None


class PassTest:
    """Passes and failures: exact McNemar test, with the wider of Tango's (1998) score interval and the exact one.

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


class _SignFlips:
    """Sign flips of `d - x` reject a mean of x where few of them give as large a sum.

    A flip does so where x lies between the mean of the pairs it turns and the mean of the others (Hartigan 1969), so
    those means give p-value and interval at once.
    """

    def __init__(self, differences: Floats, seed: int) -> None:
        # A pair that does not differ cannot change a sum, so it need not be flipped; `sign_flip_totals` deals signs to
        # it by one draw.
        nonzero = differences[differences != 0.0]
        self.exact = len(nonzero) <= EXACT_PAIRS
        self._mean = float(differences.mean())
        totals, plus = sign_flip_totals(nonzero, len(differences) - len(nonzero), seed)
        total, near = float(nonzero.sum()), 1e-6 * float(np.abs(nonzero).sum())
        # The sum of the pairs that a flip turns, and of those that it leaves: each half of the whole plus or minus the
        # flipped sum.
        sums = np.stack([total + totals, total - totals]) / 2
        # Sums are kept in single precision: what is that near to 0 is 0.
        sums[np.abs(sums) <= near] = 0.0
        counts = np.stack([plus, len(differences) - plus])
        # A flip that turns none, or all, divides by 0; it is dealt with below.
        with np.errstate(divide="ignore", invalid="ignore"):
            means = np.where(counts > 0, sums / counts, np.nan)
        # A flip of all or none is never exceeded, whatever x is.
        whole = np.isnan(means).any(axis=0)
        self._low = np.sort(np.where(whole, -np.inf, np.min(means, axis=0)))
        self._high = np.sort(np.where(whole, np.inf, np.max(means, axis=0)))
        # Random flips count the data as one more (Phipson & Smyth 2010).
        # Without it a p-value of 0 could come out of draws.
        self._extra = 0 if self.exact else 1

    def p_value(self) -> float:
        if self._mean >= 0:
            # Flips whose stretch begins at or below 0 give as large a sum if the true mean is 0; an equal sum counts.
            extreme = np.searchsorted(self._low, 0.0, side="right")
        else:
            extreme = len(self._high) - np.searchsorted(self._high, 0.0, side="left")
        return float(extreme + self._extra) / (len(self._low) + self._extra)

    def ends(self, alpha: float) -> Ends:
        rank = _ceil(alpha * (len(self._low) + self._extra)) - self._extra
        # A level below 1 in 10,000, as among very many comparisons: so few random flips reject nothing there.
        if rank < 1:
            return -math.inf, math.inf
        return float(self._low[rank - 1]), float(self._high[-rank])


class _BootstrapT:
    """Equal-tailed bootstrap-t: how far resampled means lie from the mean, in their own standard errors."""

    def __init__(self, differences: Floats, seed: int) -> None:
        means, spreads = bootstrap_moments(differences, seed)
        self._mean, self._spread = float(differences.mean()), float(differences.std())
        # Resamples of one value only: their spread is rounding, and dividing by it gives huge values.
        flat = spreads <= 1e-6 * self._spread
        with np.errstate(divide="ignore", invalid="ignore"):
            t_values = (means - self._mean) / spreads
        # A resample without spread says nothing, and counts as beyond on either side.
        self._above = np.sort(np.where(flat, np.inf, t_values))[::-1]
        self._below = np.sort(np.where(flat, np.inf, -t_values))[::-1]

    def p_value(self) -> float:
        draws = self._above if self._mean >= 0 else self._below
        # Twice one tail: the two tails of a skewed distribution are unlike, so each gets half of alpha.
        return min(1.0, 2 * _tail_share(draws, abs(self._mean) / self._spread))

    def ends(self, alpha: float) -> Ends:
        # The upper tail of the draws bounds the mean below: a mean that is drawn far too high says that the true one
        # may lie that far under it.
        low, high = (_tail_limit(draws, alpha / 2) * self._spread for draws in (self._above, self._below))
        return _snap(self._mean - low, self._mean), _snap(self._mean + high, self._mean)


class _ConstantDifference:
    """Equal differences have no spread: the mean is only as certain as it is that no other difference would come.

    Others may reach from -1 to 1, and may make up the share that Wilson's interval of 0 of all pairs allows.
    """

    def __init__(self, value: float, pairs: int) -> None:
        self._value, self._pairs = value, pairs

    def p_value(self) -> float:
        # The level at which that share of the other extreme would just balance the mean.
        return math.erfc(math.sqrt(self._pairs * abs(self._value) / 2))

    def ends(self, alpha: float) -> Ends:
        share = wilson_interval(0, self._pairs, 1 - alpha)[1]
        return self._value - share * (1 + self._value), self._value + share * (1 - self._value)


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
    rank = _ceil(share * (RESAMPLES + 1)) - 1
    if rank >= _TAIL:
        return float(draws[rank - 1])
    if last <= 0 or not math.isfinite(last):
        # So few pairs differ that the resamples without spread fill the tail: the bound of the caller decides.
        return math.inf
    return last * max(1.0, -_NORMAL.inv_cdf(share) / _last_z())


def _last_z() -> float:
    return -_NORMAL.inv_cdf(_TAIL / (RESAMPLES + 1))


def _ceil(value: float) -> int:
    # A product such as alpha / 3 * 10,000 may come out a trifle above a whole number, and would be one rank too many.
    return math.ceil(value - 1e-9)


def _snap(end: float, mean: float) -> float:
    """The end of an interval, 0 where it differs from that by rounding only."""
    # Larger than the 1e-9 by which `_tail_share` rounds, so that an end which the test calls 0 is 0 here too.
    return 0.0 if abs(end) <= 2e-9 * abs(mean) else end


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
