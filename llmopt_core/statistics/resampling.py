"""Bootstrap and sign-flip distributions of a mean, fast enough for a leaderboard; BCa equals scipy's draw for draw.

The draws depend only on the number of values and the seed, so they are kept and reused: one matrix product per metric.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
IntervalMethod = Literal["BCa", "percentile"]

# The ends of a 95 % interval rest on the 50 outermost draws each; more would steady their third digit, and double the
# time and memory of every table below.
RESAMPLES = 2_000
# With the data 10,000 in all, so that p-values are whole steps of .0001.
FLIPS = 9_999
# 2 ** 13 = 8,192 sign patterns are fewer than FLIPS, so all of them are counted and the p-value is exact.
EXACT_PAIRS = 13
# Rows of signs at once: 1,024 x 9,999 in four bytes are 41 MB.
_BLOCK = 1024
# Indices of eight bytes, so 8 MB at a time.
_DRAWN_AT_ONCE = 1_000_000
_NORMAL = NormalDist()


# A page asks for a few sizes, over and over: one per set and number of missing scores. The largest table of a set of
# 10,000 takes 20 MB.
@lru_cache(maxsize=16)
def _counts(size: int, seed: int) -> npt.NDArray[Any]:
    """How often each of `size` values is drawn, one row per resample; large tables are kept in fewer bytes."""
    rng = np.random.default_rng(seed)
    # A value is rarely drawn more than eight times, so a byte holds its count; floats of small tables spare the
    # conversion in each product.
    counts = np.empty((RESAMPLES, size), np.float64 if size <= 400 else np.float32 if size <= 1000 else np.uint8)
    # A block of resamples after the other: indices take eight times as much memory as what is kept of them.
    block = max(1, _DRAWN_AT_ONCE // size)
    for start in range(0, RESAMPLES, block):
        rows = min(block, RESAMPLES - start)
        # Each row gets numbers of its own, so that one `bincount` counts all rows at once.
        flat = rng.integers(0, size, (rows, size)) + np.arange(rows)[:, None] * size
        counts[start : start + rows] = np.bincount(flat.ravel(), minlength=rows * size).reshape(rows, size)
    return counts


def bootstrap_interval(
    values: Floats, seed: int = 0, confidence: float = 0.95, method: IntervalMethod = "BCa"
) -> tuple[float, float] | None:
    """Bootstrap interval of the mean of at least two values that differ, else None.

    BCa follows Efron & Tibshirani (1993), eq. 14.9-14.15, with ties counted half as scipy does. Draws are those of
    `scipy.stats.bootstrap((values,), np.mean, n_resamples=RESAMPLES, rng=np.random.default_rng(seed))`.
    """
    if len(values) < 2 or is_constant(values):
        return None
    means = _resample(values, seed)
    tail = (1.0 - confidence) / 2
    tails = (tail, 1.0 - tail)
    if method == "BCa":
        # Where BCa is not defined (no resample on one side of the mean) the percentile interval is still right in
        # order.
        tails = _bca_tails(values, means, tail) or tails
    low, high = np.quantile(means, tails)
    return float(low), float(high)


def bootstrap_moments(values: Floats, seed: int = 0) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each resample."""
    # About the mean, so that little is lost when squares are subtracted.
    deviations = values - values.mean()
    means = _resample(deviations, seed)
    squares = _resample(deviations**2, seed)
    # The subtraction may come out a trifle below 0, of which the root would be NaN.
    return means + float(values.mean()), np.sqrt(np.maximum(squares - means**2, 0.0))


def is_constant(values: Floats) -> bool:
    """Whether values are equal up to rounding."""
    # Means of floats such as .1 differ in the last bits; a spread of that size must not be studentised.
    return float(np.ptp(values)) <= 1e-12 * max(1.0, float(np.abs(values).max()))


def _resample(values: Floats, seed: int) -> Floats:
    # Not `@`: BLAS threads stall each other on a busy machine, which costs more than they gain here.
    means: Floats = np.einsum("ij,j->i", _counts(len(values), seed), values) / len(values)
    return means


def _bca_tails(values: Floats, means: Floats, tail: float) -> tuple[float, float] | None:
    """The two quantiles that BCa reads instead of `tail` and `1 - tail`; None where they are undefined."""
    centre = float(values.mean())
    # Resampled means that equal the mean but for the order of their sums are ties.
    near = np.isclose(means, centre, rtol=1e-12, atol=1e-15)
    share = float(((means < centre) & ~near).mean() + near.mean() / 2)
    if not 0.0 < share < 1.0:
        return None
    bias = _NORMAL.inv_cdf(share)
    # Leaving value i out moves the mean by (mean - value_i) / (n - 1), so no jackknife loop is needed.
    influence = values - centre
    # A sixth of the skewness of the influences: 0 where they are symmetric.
    acceleration = float((influence**3).sum() / (6 * (influence**2).sum() ** 1.5))

    def shift(z: float) -> float:
        # The bias and the acceleration move the quantile; with both 0 it is `z` itself, and BCa the percentile
        # interval.
        return _NORMAL.cdf(bias + (bias + z) / (1 - acceleration * (bias + z)))

    z = _NORMAL.inv_cdf(tail)
    return shift(z), shift(-z)


@lru_cache(maxsize=16)
def _all_signs(size: int) -> npt.NDArray[np.float32]:
    """Every pattern of +1 and -1, one per column."""
    # Bit i of the pattern's number is the sign of value i.
    patterns = np.arange(2**size) >> np.arange(size)[:, None]
    return (1 - 2 * (patterns & 1)).astype(np.float32)


@lru_cache(maxsize=8)
def _random_signs(width: int, seed: int) -> npt.NDArray[np.float32]:
    # One byte each while drawn, four when multiplied.
    return (1 - 2 * np.random.default_rng(seed).integers(0, 2, (width, FLIPS), dtype=np.int8)).astype(np.float32)


def _signs(size: int, seed: int) -> Iterator[npt.NDArray[np.float32]]:
    """Columns of +1 and -1, a block of rows after the other: all patterns for few pairs, random ones for many."""
    if size <= EXACT_PAIRS:
        yield _all_signs(size)
        return
    for start in range(0, size, _BLOCK):
        rows = min(_BLOCK, size - start)
        # Shared tables of a few sizes; what lies beyond the first block is too large to be kept.
        # `__wrapped__` is the function without its cache.
        make = _random_signs if not start else _random_signs.__wrapped__
        # Rounded up to a power of two: sets of 40 and of 60 questions share one table of 64 rows.
        yield make(1 << (rows - 1).bit_length(), seed + start)[:rows]


def sign_flip_totals(moving: Floats, still: int, seed: int = 0) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Sums of differences under flips of their signs, and how many pairs keep theirs.

    Pairs without a difference cannot move a sum, which keeps the test of 0 exact for longer: up to `EXACT_PAIRS`
    differing pairs every pattern of signs is counted (several times, with other signs of the rest), beyond that `FLIPS`
    random ones.

    Args:
        moving: The differences that are not 0.
        still: How many pairs do not differ.
        seed: Of random flips.
    """
    totals, plus = np.zeros(1), np.zeros(1, np.int64)
    start = 0
    for signs in _signs(len(moving), seed):
        part = moving[start : start + len(signs)].astype(np.float32)
        totals = totals + np.einsum("i,ij->j", part, signs)
        plus = plus + ((signs.sum(axis=0) + len(signs)) / 2).round().astype(np.int64)
        start += len(signs)
    if not still:
        return totals, plus
    # Pairs that do not differ get random signs too, so a few patterns are repeated until there are as many as random
    # flips.
    times = -(-FLIPS // len(totals)) if len(moving) <= EXACT_PAIRS else 1
    totals, plus = np.tile(totals, times), np.tile(plus, times)
    # How many of them keep their sign is all that matters, and that is one binomial draw instead of one per pair.
    return totals, plus + np.random.default_rng(seed).binomial(still, 0.5, len(plus))
