"""The tests of hundreds of pairs at once: pairs of equally many questions share their signs and draws."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from llmopt_core.statistics.bootstrap_t import make_bootstraps
from llmopt_core.statistics.paired_comparison import Clusters, PairedSample
from llmopt_core.statistics.paired_tests import MeanTest
from llmopt_core.statistics.resampling import EXACT_PAIRS, Flips, Floats, flip_at_random, is_constant
from llmopt_core.types.grouping import group_values

# 64 pairs x 9,999 flips in eight bytes are 5 MB, and as much again for each step of the test.
_AT_ONCE = 64


def make_samples(
    columns: Sequence[tuple[Floats, Floats]], seed: int = 0, clusters: Clusters | None = None
) -> list[PairedSample]:
    """The samples of many pairs of columns, NaN where a value is missing; each has the numbers it has alone.

    Args:
        columns: Baseline and other, all aligned by the same examples.
        seed: Of the draws.
        clusters: The cluster of each example.
    """
    samples = [PairedSample(a, b, seed, clusters, test_later=True) for a, b in columns]
    # Signs and draws go by the place of a question among those of its pair.
    groups = group_values((len(one.differences), one) for one in samples if _takes_draws(one))
    for group in groups.values():
        for start in range(0, len(group), _AT_ONCE):
            _test_together(group[start : start + _AT_ONCE], seed)
    for one in samples:
        one.make_test()
    return samples


def _takes_draws(sample: PairedSample) -> bool:
    """Whether its test is one of random draws over single questions, which are what takes time."""
    differences = sample.differences
    is_graded = sample.clusters is None and len(differences) > EXACT_PAIRS and not sample.is_passes
    return is_graded and int(np.count_nonzero(differences)) > EXACT_PAIRS and not is_constant(differences)


def _test_together(samples: Sequence[PairedSample], seed: int) -> None:
    table = np.stack([one.differences for one in samples], axis=1)
    sizes = np.ones(len(table))
    totals, sizes_left = flip_at_random(table, sizes, seed)
    bootstraps = make_bootstraps(table, seed)
    for number, (one, bootstrap) in enumerate(zip(samples, bootstraps, strict=True)):
        flips = Flips(totals[number], sizes_left, exact=False)
        one.make_test(MeanTest(one.differences, sizes, flips, bootstrap, bounded=one.is_bounded))
