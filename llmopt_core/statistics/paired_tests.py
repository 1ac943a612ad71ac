"""Tests of a mean paired difference, each with the interval that goes with it.

An interval holds exactly the values that its test does not reject, so 0 lies outside it where, and only where, the
p-value is below `alpha`. `benchmarks/verdicts.py` measures false alarms and coverage.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Protocol

import numpy as np

from llmopt_core.statistics.bootstrap_t import BootstrapT
from llmopt_core.statistics.clusters import cluster_sums
from llmopt_core.statistics.intervals import wilson_interval
from llmopt_core.statistics.power import fewest_clusters, grades_needed, smallest_difference
from llmopt_core.statistics.resampling import Flips, Floats, flip_clusters, flip_pairs, is_constant
from llmopt_core.statistics.sign_flips import SignFlips
from llmopt_core.statistics.verdict import Ends


class PairedTest(Protocol):
    """A two-sided test of a mean difference of 0."""

    method: str
    p_value: float

    def interval(self, alpha: float) -> Ends | None:
        """All mean differences that are not rejected at `alpha`; None where no interval can be computed."""
        ...

    def units_needed(self, alpha: float) -> float:
        """How many pairs (or clusters) show a difference of this size in four of five tries; it must not be 0."""
        ...

    def visible_difference(self, alpha: float) -> float | None:
        """What these pairs would show in four of five tries; None where they show nothing, or nobody can say."""
        ...


class MeanTest:
    """A sign-flip test and a bootstrap-t test of a mean; a difference counts where both reject it.

    The sign-flip test is exact where gains and losses are equally distributed, and calls "worse" too often where a few
    large gains face many small losses. The bootstrap-t (Efron & Tibshirani 1993, chapter 12) corrects for such skew,
    and is too bold with many ties or long tails. The larger p-value and the wider ends are used. Neither knows of
    changes that are so rare that the sample holds none: where every tenth of 20 questions gains a lot and all others
    lose a little, one sample in eight shows losses alone, and no test can tell. Where all differences are equal, see
    `_ConstantDifference`.

    See `graded_test` and `cluster_test`, which make it.

    Args:
        sums: The difference of each pair, or the sum of those of each cluster; at least one.
        sizes: How many pairs stand behind each.
        flips: The draws of the sign flips.
        bootstrap: None where all differences are equal.
        bounded: Whether both values of each pair lie between 0 and 1, so that no difference exceeds 1.
    """

    def __init__(
        self, sums: Floats, sizes: Floats, flips: Flips, bootstrap: BootstrapT | None, *, bounded: bool
    ) -> None:
        self._sums, self._sizes = sums, sizes
        self._bounded = bounded
        pairs = float(sizes.sum())
        self._mean = float(sums.sum()) / pairs
        self._tests: list[SignFlips | BootstrapT | _ConstantDifference] = [SignFlips(sums, sizes, flips)]
        if bootstrap is not None:
            self._tests.append(bootstrap)
        # A single equal difference tells nothing of the next one, and without bounds nothing limits what that may be.
        elif bounded and len(sums) > 1:
            self._tests.append(_ConstantDifference(self._mean, len(sums)))
        # Differences such as .1 + .2 - .3 leave a mean of a few 1e-17, which is no direction.
        self.p_value = 1.0 if abs(self._mean) < 1e-15 else max(test.p_value() for test in self._tests)
        of_clusters = " of whole documents" if pairs != len(sums) else ""
        kind = "exact" if flips.exact else "random sign flips"
        self.method = f"bootstrap-t and paired permutation test{of_clusters}, {kind}"

    def interval(self, alpha: float) -> Ends | None:
        """See `PairedTest`; None of a single difference, and of equal ones or wide ends that have no bound."""
        # Sign flips alone have no second test to correct them for skew.
        if len(self._tests) < 2:
            return None
        ends = [test.ends(alpha) for test in self._tests]
        low, high = min(low for low, _ in ends), max(high for _, high in ends)
        if self._bounded:
            # No pair loses more than 1, and no more of them lose than Wilson's interval allows; gains likewise. Where
            # few differ, the bootstrap-t knows no end at all.
            losses, gains, units = int((self._sums < 0).sum()), int((self._sums > 0).sum()), len(self._sums)
            low = max(low, -wilson_interval(losses, units, 1 - alpha)[1])
            high = min(high, wilson_interval(gains, units, 1 - alpha)[1])
        return (low, high) if math.isfinite(low) and math.isfinite(high) else None

    def units_needed(self, alpha: float) -> float:
        """See `PairedTest`: as the paired t-test needs; of clusters, at least as many as can show anything."""
        units = grades_needed(self._spread, self._mean, alpha)
        return max(units, fewest_clusters(alpha))

    def visible_difference(self, alpha: float) -> float | None:
        """See `PairedTest`."""
        units = len(self._sums)
        if units < fewest_clusters(alpha):
            return None
        if self._spread > 0:
            # The size at which `grades_needed` is the number there is.
            unit_size = math.sqrt(grades_needed(self._spread, 1.0, alpha) - grades_needed(0.0, 1.0, alpha))
            rest = units - grades_needed(0.0, 1.0, alpha)
            return unit_size / math.sqrt(rest) if rest > 0 else None
        # Nothing differs, so nobody knows how far differences would scatter: as those of passes, which scatter most.
        return smallest_difference(units, 0.0, alpha=alpha) if self._bounded else None

    @property
    def _spread(self) -> float:
        """Standard deviation of the mean over one cluster (or pair) more or less: of the residuals, per mean size."""
        residuals = self._sums - self._sizes * self._mean
        return float(residuals.std(ddof=1) / self._sizes.mean()) if len(residuals) > 1 else 0.0


def graded_test(differences: Floats, seed: int = 0, *, bounded: bool = False) -> MeanTest:
    """The test of one difference per pair, pairs being independent."""
    bootstrap = None if is_constant(differences) else BootstrapT.of_pairs(differences, seed)
    flips = flip_pairs(differences, seed)
    return MeanTest(differences, np.ones(len(differences)), flips, bootstrap, bounded=bounded)


def cluster_test(
    differences: Floats, clusters: Sequence[Hashable], seed: int = 0, *, bounded: bool = False
) -> MeanTest:
    """The test of differences that come in clusters, as those of questions about one document: whole clusters count.

    Signs are flipped, and draws made, of whole clusters, so that what questions of one document share is no evidence.

    Args:
        differences: One per pair, passes as well as grades.
        clusters: The cluster of each.
        seed: Of the draws.
        bounded: As of `MeanTest`.
    """
    sums, sizes = cluster_sums(differences, clusters)
    # Means of clusters that are equal leave nothing to resample, however large the clusters are.
    bootstrap = None if is_constant(sums / sizes) else BootstrapT.of_clusters(sums, sizes, seed)
    return MeanTest(sums, sizes, flip_clusters(sums, sizes, seed), bootstrap, bounded=bounded)


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
