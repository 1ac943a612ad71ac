"""Means and rates with their uncertainty, and how many values they rest on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from llmopt_core.statistics.resampling import IntervalMethod, bootstrap_interval


@dataclass(frozen=True, slots=True)
class Summary:
    """A mean with its 95 % interval.

    Attributes:
        mean: None where nothing was scored.
        low: Lower end; None (with `high`) where there is no spread to resample: fewer than two values, or all equal.
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
    """A share of passes with its 95 % Wilson interval; `share` and the interval are None where nothing was scored."""

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
    """Mean of what was scored, with a bootstrap interval that is the same for the same values and seed."""
    scored = np.array([float(value) for value in values if value is not None and math.isfinite(value)])
    if not len(scored):
        return Summary(None, None, None, 0, len(values))
    low, high = bootstrap_interval(scored, seed, confidence, method) or (None, None)
    return Summary(float(scored.mean()), low, high, len(scored), len(values))


def rate(passes: Sequence[bool | None], confidence: float = 0.95) -> Rate:
    """Share of passes among those decided, with a Wilson score interval."""
    decided = [bool(passed) for passed in passes if passed is not None]
    share, low, high = None, None, None
    if decided:
        share = sum(decided) / len(decided)
        low, high = wilson_interval(sum(decided), len(decided), confidence)
    return Rate(sum(decided), len(decided), len(passes), share, low, high)


def wilson_interval(passed: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson (1927) score interval of a share; `total` must be positive."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, width = passed / total, 1 + z * z / total
    centre = (share + z * z / (2 * total)) / width
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / width
    return max(0.0, centre - half), min(1.0, centre + half)
