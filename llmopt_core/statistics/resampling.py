"""Bootstrap and sign-flip distributions of a mean, fast enough for a leaderboard; BCa equals scipy's draw for draw.

The draws depend only on the number of values and the seed, so they are kept and reused: one matrix product per metric.
"""

from __future__ import annotations

from dataclasses import dataclass
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


def cluster_draws(clusters: int, seed: int = 0) -> npt.NDArray[Any]:
    """How often each cluster (or pair) is drawn, shape (resamples, clusters)."""
    return _counts(clusters, seed)


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


@dataclass(frozen=True, slots=True)
class Flips:
    """Sums of differences under flips of their signs.

    Attributes:
        totals: One sum per flip.
        kept: How many pairs keep their sign in each.
        exact: Whether every pattern of signs of what differs is among them.
    """

    totals: Floats
    kept: Floats
    exact: bool


def flip_pairs(differences: Floats, seed: int = 0) -> Flips:
    """Flips of one difference per pair.

    Pairs without a difference cannot move a sum, which keeps the test of 0 exact for longer: up to `EXACT_PAIRS`
    differing pairs every pattern of signs is counted (several times, with other signs of the rest), beyond that `FLIPS`
    random ones.
    """
    moving = differences[differences != 0.0]
    if len(moving) > EXACT_PAIRS:
        totals, kept = flip_at_random(differences[:, None], np.ones(len(differences)), seed)
        return Flips(totals[0], kept, exact=False)
    flips, still = flip_clusters(moving, np.ones(len(moving))), len(differences) - len(moving)
    if not still:
        return flips
    # Pairs that do not differ get random signs too, so a few patterns are repeated until there are as many as random
    # flips.
    times = -(-FLIPS // len(flips.totals))
    totals, kept = np.tile(flips.totals, times), np.tile(flips.kept, times)
    # How many of them keep their sign is all that matters, and that is one binomial draw instead of one per pair.
    return Flips(totals, kept + np.random.default_rng(seed).binomial(still, 0.5, len(kept)), exact=True)


def flip_clusters(sums: Floats, sizes: Floats, seed: int = 0) -> Flips:
    """Flips of whole clusters: all patterns of up to `EXACT_PAIRS`, random ones of more.

    Args:
        sums: Of the differences of each cluster.
        sizes: How many pairs each has.
        seed: Of random flips.
    """
    if len(sums) > EXACT_PAIRS:
        totals, kept = flip_at_random(sums[:, None], sizes, seed)
        return Flips(totals[0], kept, exact=False)
    signs = _all_signs(len(sums))
    kept = np.einsum("i,ij->j", sizes, (signs + 1) / 2)
    return Flips(np.einsum("i,ij->j", sums.astype(np.float32), signs).astype(np.float64), kept, exact=True)


def flip_at_random(columns: Floats, sizes: Floats, seed: int = 0) -> tuple[Floats, Floats]:
    """`FLIPS` random flips of many comparisons at once, which share their signs.

    A comparison gets the same sums alone and among others (but for rounding), since signs go by the place of a pair.

    Args:
        columns: Shape (pairs or clusters, comparisons): a difference, or the sum of them.
        sizes: How many pairs stand behind each row.
        seed: Of the signs.

    Returns:
        Sums of shape (comparisons, flips), and how many pairs keep their sign in each flip.
    """
    size, count = columns.shape
    totals, balance = np.zeros((count, FLIPS)), np.zeros(FLIPS)
    for start in range(0, size, _BLOCK):
        rows = min(_BLOCK, size - start)
        # Shared tables of a few sizes; what lies beyond the first block is too large to be kept.
        # `__wrapped__` is the function without its cache.
        make = _random_signs if not start else _random_signs.__wrapped__
        # Rounded up to a power of two: sets of 40 and of 60 questions share one table of 64 rows.
        signs = make(1 << (rows - 1).bit_length(), seed + start)[:rows]
        totals += multiply(columns[start : start + rows].T.astype(np.float32), signs)
        balance += np.einsum("i,ij->j", sizes[start : start + rows].astype(np.float32), signs)
    return totals, ((balance + sizes.sum()) / 2).round()


def multiply(rows: npt.NDArray[Any], table: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Rows times a table of draws."""
    # Not `@` for one row: BLAS threads stall each other on a busy machine, which costs more than they gain there. For
    # hundreds of rows they gain tenfold.
    products: npt.NDArray[Any] = rows @ table if len(rows) > 1 else np.einsum("i,ij->j", rows[0], table)[None]
    return products
