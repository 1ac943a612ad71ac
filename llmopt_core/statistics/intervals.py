"""Means and rates with their uncertainty, and how many values they rest on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from llmopt_core.statistics.resampling import Floats, IntervalMethod, bootstrap_interval, is_constant


@dataclass(frozen=True, slots=True)
class Summary:
    """A mean with its 95 % interval.

    Attributes:
        mean: None where nothing was scored.
        low: Lower end; None (with `high`) where none can be computed: of a single graded value, and of equal values
            that are not known to lie between 0 and 1.
        scored: Values the mean rests on.
        total: Values asked for, those without a value included.
    """

    mean: float | None
    low: float | None
    high: float | None
    scored: int
    total: int

    @property
    def missing(self) -> int:
        """Values that could not be scored."""
        return self.total - self.scored


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of passes with its interval; `share` and the interval are None where nothing was scored."""

    passed: int
    scored: int
    total: int
    share: float | None
    low: float | None
    high: float | None


def is_value(value: float | None) -> bool:
    """Whether something was scored: not None, NaN or infinite."""
    return value is not None and math.isfinite(value)


def summarize(
    values: Sequence[float | None], seed: int = 0, confidence: float = 0.95, method: IntervalMethod = "BCa"
) -> Summary:
    """Mean of what was scored, with an interval that is the same for the same values and seed.

    Passes and failures (all values 0 or 1) get Wilson's interval, graded values a bootstrap of the mean. Equal values
    between 0 and 1 have nothing to resample: their mean is only as certain as it is that no other value would come,
    see `constant_score_interval`.
    """
    # The condition of `is_value`, written out because mypy narrows the type only where it sees `is not None`.
    scores = np.array([float(value) for value in values if value is not None and math.isfinite(value)])
    if not len(scores):
        return Summary(None, None, None, 0, len(values))
    mean = float(scores.mean())
    low, high = _interval(scores, mean, seed, confidence, method) or (None, None)
    return Summary(mean, low, high, len(scores), len(values))


def _interval(
    scored: Floats, mean: float, seed: int, confidence: float, method: IntervalMethod
) -> tuple[float, float] | None:
    if is_pass_or_fail(scored):
        # A bootstrap of all ones would give an interval of no width, and of few passes one that is too narrow.
        return wilson_interval(int(scored.sum()), len(scored), confidence)
    if len(scored) > 1 and is_constant(scored):
        # A single grade is no evidence that grades are equal, so one value gets no interval. Tokens and seconds have no
        # upper bound by which to reckon what else could come.
        return constant_score_interval(mean, len(scored), confidence) if 0.0 <= mean <= 1.0 else None
    return bootstrap_interval(scored, seed, confidence, method)


def is_pass_or_fail(values: Floats) -> bool:
    """Whether every value is 0 or 1."""
    return bool(np.isin(values, (0.0, 1.0)).all())


def constant_score_interval(value: float, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of the mean of scores between 0 and 1 of which `total` were seen, all equal to `value`.

    At most the share u of scores would be another, where u is the upper end of Wilson's interval of 0 of `total`; they
    lie between 0 and 1, so the mean does between `value` (1 - u) and `value` (1 - u) + u. At 0 and 1 this is Wilson's
    interval.
    """
    share = wilson_interval(0, total, confidence)[1]
    return value * (1 - share), value * (1 - share) + share


def rate(passes: Sequence[bool | None], confidence: float = 0.95, *, exact: bool = False) -> Rate:
    """Share of passes among those decided, with a Wilson score interval, or the exact one (see `exact_interval`)."""
    outcomes = [bool(outcome) for outcome in passes if outcome is not None]
    share, low, high = None, None, None
    if outcomes:
        share = sum(outcomes) / len(outcomes)
        interval = exact_interval if exact else wilson_interval
        low, high = interval(sum(outcomes), len(outcomes), confidence)
    return Rate(sum(outcomes), len(outcomes), len(passes), share, low, high)


def wilson_interval(passed: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson (1927) score interval of a share; `total` must be positive."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)  # 1.96 for 95 %
    # The ends solve |share - p| = z sqrt(p (1 - p) / total) for p: the spread is that of the true share, not of the
    # seen one, so that 8 of 8 do not look certain.
    share, width = passed / total, 1 + z * z / total
    centre = (share + z * z / (2 * total)) / width
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / width
    # Rounding must not keep the ends from 0 and 1.
    return (centre - half if passed else 0.0), (centre + half if passed < total else 1.0)


def exact_interval(passed: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Clopper and Pearson's (1934) interval of a share, which goes with the exact binomial test."""
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    # Each end is the share at which so many passes or more (or fewer) would come in `tail` of all samples; the quantile
    # of a beta distribution says the same as that sum of binomials. Its parameters must not be 0.
    low = float(betaincinv(passed, total - passed + 1, tail)) if passed else 0.0
    high = float(betaincinv(passed + 1, total - passed, 1 - tail)) if passed < total else 1.0
    return low, high
