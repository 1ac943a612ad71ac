"""Intervals where values come in groups, such as several cases about one document: whole groups are drawn anew."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np
import numpy.typing as npt

from llmopt_core.statistics.intervals import wilson_interval
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
