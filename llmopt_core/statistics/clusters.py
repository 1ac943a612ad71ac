"""Intervals where values come in groups, such as several cases about one document: whole groups are drawn anew."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence

import numpy as np
import numpy.typing as npt

from llmopt_core.statistics.bootstrap_t import BootstrapT
from llmopt_core.statistics.intervals import Summary, constant_score_interval, is_value, summarize, wilson_interval
from llmopt_core.statistics.resampling import Floats, is_constant
from llmopt_core.types.grouping import group_values

Places = npt.NDArray[np.intp]
# Fewer than the 2,000 of a mean: here each draw calls a function that may fit an AUC, which is far slower. More would
# only steady the second digit of the ends.
RESAMPLES = 1_000


def cluster_interval(
    groups: Sequence[Hashable],
    statistic: Callable[[Places], float | None],
    seed: int = 0,
) -> tuple[float, float] | None:
    """Percentile interval (95 %) of a statistic under the cluster bootstrap (Davison & Hinkley 1997, section 3.8).

    Args:
        groups: The group of each value.
        statistic: Computed from the places of the values drawn, a value of a group drawn twice twice; None where it
            cannot be computed from them.
        seed: The same seed gives the same interval.

    Returns:
        Lower and upper end; None for fewer than two groups, or where most draws give no value or all give the same.
    """
    members = group_values((group, place) for place, group in enumerate(groups))
    # One group drawn anew is always itself, which would look like certainty.
    if len(members) < 2:
        return None
    parts = [np.array(places, dtype=np.intp) for places in members.values()]
    generator = np.random.default_rng(seed)
    estimates = []
    for _ in range(RESAMPLES):
        # Drawn as whole groups, with the sizes they have: cases about one document share its difficulty.
        value = statistic(np.concatenate([parts[i] for i in generator.integers(0, len(parts), len(parts))]))
        if value is not None:
            estimates.append(value)
    # An AUC has no value in a draw of one kind of label. Where that is common, those left over are no fair sample.
    if len(estimates) <= RESAMPLES // 2 or np.ptp(estimates) == 0:
        return None
    low, high = np.quantile(estimates, [0.025, 0.975])
    return float(low), float(high)


def share_interval(values: Sequence[bool], groups: Sequence[Hashable], seed: int = 0) -> tuple[float, float]:
    """95 % interval of a share whose values come in groups; at least one value.

    Where resampling shows no spread, as when all values are equal, it is Wilson's interval with the groups for cases.
    """
    numbers = np.array(values, dtype=float)
    interval = cluster_interval(groups, lambda places: float(numbers[places].mean()), seed)
    if interval is not None:
        return interval
    count = len(set(groups))
    # Groups count as cases, since ten equal cases about one document are hardly more than one.
    return wilson_interval(round(float(numbers.mean()) * count), count)


def summarize_clusters(values: Sequence[float | None], groups: Sequence[Hashable] | None, seed: int = 0) -> Summary:
    """`summarize`, with an interval that draws whole groups where values share them.

    It is the equal-tailed bootstrap-t of the mean over the groups, cut to 0 and 1 where values lie there. Where nothing
    can be resampled, as where all values are equal, it is that of equal values with the groups for cases.
    """
    summary = summarize(values, seed)
    if groups is None:
        return summary
    pairs = [(value, group) for value, group in zip(values, groups, strict=True) if value is not None]
    pairs = [(value, group) for value, group in pairs if is_value(value)]
    count = count_clusters([group for _, group in pairs])
    if count is None or summary.mean is None:
        return summary
    numbers = np.array([value for value, _ in pairs], dtype=np.float64)
    low, high = _mean_interval(numbers, [group for _, group in pairs], summary.mean, count, seed) or (None, None)
    return Summary(summary.mean, low, high, summary.scored, summary.total)


def _mean_interval(
    numbers: Floats, groups: Sequence[Hashable], mean: float, count: int, seed: int
) -> tuple[float, float] | None:
    is_fraction = bool(((numbers >= 0) & (numbers <= 1)).all())
    sums, sizes = cluster_sums(numbers, groups)
    if is_constant(sums / sizes):
        return constant_score_interval(mean, count) if is_fraction else None
    low, high = BootstrapT.of_clusters(sums, sizes, seed).ends(0.05)
    if is_fraction:
        # So few groups may be drawn without any spread that the bootstrap-t knows no end.
        low, high = max(low, 0.0), min(high, 1.0)
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None


def cluster_sums(numbers: Floats, groups: Sequence[Hashable]) -> tuple[Floats, Floats]:
    """Sum and size of each group, in the order of their names, which depends on nothing else."""
    _, places = np.unique([str(label) for label in groups], return_inverse=True)
    return np.bincount(places, numbers).astype(np.float64), np.bincount(places).astype(np.float64)


def count_clusters(labels: Sequence[Hashable] | None) -> int | None:
    """How many clusters count as units; None where each value stands for itself.

    That is so where no two share a cluster, and where all share one: a verdict about questions on a single document
    speaks of that document, whose questions are all there is to draw from.
    """
    if labels is None:
        return None
    count = len(set(labels))
    return count if 1 < count < len(labels) else None
