"""Bootstrap and sign-flip distributions of a mean, equal to scipy's draw for draw and fast enough for a leaderboard.

The draws depend only on the number of values and the seed, so they are kept and reused: one matrix product per metric.
"""

from __future__ import annotations

from functools import lru_cache
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
IntervalMethod = Literal["BCa", "percentile"]

RESAMPLES = 2_000
FLIPS = 9_999
# 2 ** 13 = 8,192 sign patterns are fewer than FLIPS, so all of them are counted and the p-value is exact.
EXACT_PAIRS = 13
_NORMAL = NormalDist()


@lru_cache(maxsize=16)
def _counts(size: int, seed: int) -> npt.NDArray[Any]:
    """How often each of `size` values is drawn, one row per resample; large tables are kept in one byte each."""
    drawn = np.random.default_rng(seed).integers(0, size, (RESAMPLES, size))
    flat = drawn + np.arange(RESAMPLES)[:, None] * size
    counts = np.bincount(flat.ravel(), minlength=RESAMPLES * size).reshape(RESAMPLES, size)
    return counts.astype(np.float64 if size <= 400 else np.uint8)


def bootstrap_interval(
    values: Floats, seed: int = 0, confidence: float = 0.95, method: IntervalMethod = "BCa"
) -> tuple[float, float] | None:
    """Bootstrap interval of the mean of at least two values that differ, else None.

    BCa follows Efron & Tibshirani (1993), eq. 14.9-14.15, with ties counted half as scipy does. Draws are those of
    `scipy.stats.bootstrap((values,), np.mean, n_resamples=RESAMPLES, rng=np.random.default_rng(seed))`.
    """
    if len(values) < 2 or np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())):
        return None
    # Not `@`: BLAS threads stall each other on a busy machine, which costs more than they gain here.
    means = np.einsum("ij,j->i", _counts(len(values), seed), values) / len(values)
    tail = (1.0 - confidence) / 2
    tails = (tail, 1.0 - tail)
    if method == "BCa":
        tails = _bca_tails(values, means, tail) or tails
    low, high = np.quantile(means, tails)
    return float(low), float(high)


def _bca_tails(values: Floats, means: Floats, tail: float) -> tuple[float, float] | None:
    """The two quantiles that BCa reads instead of `tail` and `1 - tail`; None where they are undefined."""
    centre = float(values.mean())
    near = np.isclose(means, centre, rtol=1e-12, atol=1e-15)
    share = float(((means < centre) & ~near).mean() + near.mean() / 2)
    if not 0.0 < share < 1.0:
        return None
    bias = _NORMAL.inv_cdf(share)
    # Leaving value i out moves the mean by (mean - value_i) / (n - 1), so no jackknife loop is needed.
    influence = values - centre
    acceleration = float((influence**3).sum() / (6 * (influence**2).sum() ** 1.5))

    def shifted(z: float) -> float:
        return _NORMAL.cdf(bias + (bias + z) / (1 - acceleration * (bias + z)))

    z = _NORMAL.inv_cdf(tail)
    return shifted(z), shifted(-z)


@lru_cache(maxsize=16)
def _all_signs(size: int) -> npt.NDArray[np.float32]:
    """Every pattern of +1 and -1, one per column."""
    patterns = np.arange(2**size) >> np.arange(size)[:, None]
    return (1 - 2 * (patterns & 1)).astype(np.float32)


@lru_cache(maxsize=6)
def _random_signs(width: int, seed: int) -> npt.NDArray[np.float32]:
    return (1 - 2 * np.random.default_rng(seed).integers(0, 2, (width, FLIPS), dtype=np.int8)).astype(np.float32)


def _signs(size: int, seed: int) -> npt.NDArray[np.float32]:
    """Columns of +1 and -1: all patterns for few pairs, random ones for many (cut from a shared table)."""
    if size <= EXACT_PAIRS:
        return _all_signs(size)
    return _random_signs(1 << (size - 1).bit_length(), seed)[:size]


def sign_flip_p_value(differences: Floats, seed: int = 0) -> float:
    """Two-sided permutation p-value of a mean paired difference of zero.

    Pairs without a difference cannot move the statistic and are left out, which keeps the test exact for longer:
    up to `EXACT_PAIRS` differing pairs every sign pattern is counted, beyond that `FLIPS` random ones, with one added
    to numerator and denominator (Phipson & Smyth 2010), as in `scipy.stats.permutation_test` with
    `permutation_type="samples"`.
    """
    moving = differences[differences != 0.0]
    if not len(moving):
        return 1.0
    totals = np.einsum("i,ij->j", moving.astype(np.float32), _signs(len(moving), seed))
    # Sums that differ only by rounding are ties, and ties count as extreme.
    bound = abs(float(moving.sum())) - 2e-6 * float(np.abs(moving).sum())
    extreme = int((np.abs(totals) >= bound).sum())
    if len(moving) <= EXACT_PAIRS:
        return extreme / len(totals)
    return (extreme + 1) / (len(totals) + 1)
