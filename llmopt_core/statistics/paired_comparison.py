"""Two runs on the same examples: is the second better, worse, equivalent, or can nobody tell yet?

`a` is always the baseline and `b` what is compared with it: a difference is `b - a`, and the verdict is about `b`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from llmopt_core.statistics.clusters import count_clusters
from llmopt_core.statistics.holm import ALPHA, holm, holm_levels
from llmopt_core.statistics.intervals import is_pass_or_fail, is_value
from llmopt_core.statistics.paired_tests import PairedTest, cluster_test, graded_test
from llmopt_core.statistics.pass_test import PassTest
from llmopt_core.statistics.power import rescaled_need
from llmopt_core.statistics.resampling import Floats
from llmopt_core.statistics.variance_components import inside_judge_noise
from llmopt_core.statistics.verdict import MARGIN, Verdict, verdict_of

Values = Sequence[float | None]
Clusters = Sequence[Hashable]
MOST_QUESTIONS = 10_000
"""More are not named: who needs that many needs another question, and the formulas are not that exact."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the pairs say about `b` against the baseline `a`. Tested is the mean difference.

    Attributes:
        difference: Mean of `b - a` over the pairs; None where no example has both values.
        low: Lower end of the interval that belongs to the verdict: 0 lies outside it where a difference is seen, and
            inside where none is. None (with `high`) where none can be computed.
        p_value: Chance of a difference at least as large if there were none, adjusted after Holm for the comparisons
            that are tested together; None without pairs.
        pairs: Examples with a value on both sides.
        dropped: Examples left out because a value is missing on either side.
        method: The test, in words.
        confidence: Of the interval: 0.95 for one comparison, more where several are tested together.
        family: How many comparisons are tested together, this one among them.
        p_unadjusted: The p-value of this comparison alone.
        before: Mean of `a` over the pairs.
        after: Mean of `b` over the pairs.
        margin: Differences below it do not matter; None where none is known.
        clusters: How many documents the pairs share, where whole documents were tested; None where each question
            stands for itself.
        more_questions: Where nobody can tell: how many further questions would show a difference of this size in four
            of five tries; `MOST_QUESTIONS` stands for more than that. None where the difference is 0.
        more_clusters: About how many further documents those are; None without clusters.
        visible: Where the difference is 0: the size that these questions show in four of five tries; None where they
            show none.
        judge_band: How far two such means lie apart by the judge alone, with 95 %; None where that is not known, 0
            where what grades is deterministic.
    """

    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    pairs: int
    verdict: Verdict
    method: str
    dropped: int = 0
    confidence: float = 0.95
    family: int = 1
    p_unadjusted: float | None = None
    before: float | None = None
    after: float | None = None
    margin: float | None = None
    clusters: int | None = None
    more_questions: int | None = None
    more_clusters: int | None = None
    visible: float | None = None
    judge_band: float | None = None

    @property
    def inside_judge_noise(self) -> bool:
        """Whether the judge alone may make a difference of this size."""
        return inside_judge_noise(self.difference, self.judge_band)


def compare_pairs(
    a: Values,
    b: Values,
    higher_is_better: bool = True,
    seed: int = 0,
    *,
    together_with: Sequence[float] = (),
    margin: float | None = None,
    clusters: Clusters | None = None,
) -> Comparison:
    """Compare the values of `b` with those of the baseline `a`, aligned by example, None where missing.

    Values that are all 0 or 1 are tested by `PassTest`, others by `graded_test`, and either by `cluster_test` where
    pairs share clusters; the interval is that of the same test.

    Args:
        a: Of the baseline.
        b: What is compared with it.
        higher_is_better: The direction of the metric.
        seed: Of the draws.
        together_with: Unadjusted p-values of the other comparisons that are tested together with this one.
        margin: Differences below it do not matter, in the unit of the values; by default `MARGIN` as of
            `PairedSample.scale_margin`.
        clusters: The cluster of each example, such as its document.

    Raises:
        ValueError: The two have different lengths.
    """
    return PairedSample(a, b, seed, clusters).compare(higher_is_better, ALPHA, together_with, margin)


def compare_family(
    columns: Sequence[tuple[Values, Values]],
    higher_is_better: bool = True,
    seed: int = 0,
    *,
    margin: float | None = None,
    clusters: Clusters | None = None,
) -> list[Comparison]:
    """Several pairs of baseline and other, tested together: p-values, verdicts and intervals after Holm."""
    return compare_samples([PairedSample(a, b, seed, clusters) for a, b in columns], higher_is_better, margin)


def compare_samples(
    samples: Sequence[PairedSample], higher_is_better: bool = True, margin: float | None = None
) -> list[Comparison]:
    """Samples that are tested together; the margin as of `PairedSample.scale_margin`."""
    # Those without pairs were never tested, so they make no other comparison stricter.
    p_values = [one.p_value for one in samples if one.p_value is not None]
    decisions = iter(zip(holm(p_values), holm_levels(p_values), strict=True))
    # The adjusted values come in the order of the tests, so each sample that was tested takes the next.
    return [
        one.decide(
            higher_is_better,
            None if one.p_value is None else next(decisions),
            len(p_values),
            margin and one.scale_margin(margin),
        )
        for one in samples
    ]


class PairedSample:
    """The pairs of two columns with their test, which is made once for all that is asked of it.

    Args:
        a: Values of the baseline.
        b: Of what is compared with it.
        seed: Of the draws.
        clusters: The cluster of each example.
        test_later: Whether `make_test` is called for it, as where many are tested at once.
    """

    def __init__(
        self,
        a: Values | Floats,
        b: Values | Floats,
        seed: int = 0,
        clusters: Clusters | None = None,
        *,
        test_later: bool = False,
    ) -> None:
        first, second = as_column(a), as_column(b)
        if len(first) != len(second):
            raise ValueError(f"two columns of one length are compared, not {len(first)} and {len(second)} values")
        rows = ~(np.isnan(first) | np.isnan(second))
        self._before, self._after = first[rows], second[rows]
        self._dropped = len(first) - len(self._before)
        labels = None if clusters is None else [label for label, keep in zip(clusters, rows, strict=True) if keep]
        self.clusters = count_clusters(labels)
        self._labels = labels if self.clusters else None
        self._seed = seed
        self._test: PairedTest | None = None
        if not test_later:
            self.make_test()

    def make_test(self, test: PairedTest | None = None) -> None:
        """Test the pairs, or take a test of them that was made elsewhere; done once."""
        if self._test is None and len(self._before):
            self._test = test or self._make_test(self._labels)

    @property
    def p_value(self) -> float | None:
        """Of this comparison alone; None without pairs."""
        return self._test.p_value if self._test else None

    @property
    def is_passes(self) -> bool:
        """Whether all values are 0 or 1."""
        return is_pass_or_fail(self._before) and is_pass_or_fail(self._after)

    @property
    def differences(self) -> Floats:
        """Of each pair."""
        return self._after - self._before

    @property
    def test(self) -> PairedTest | None:
        """What decides; None without pairs."""
        return self._test

    def compare(
        self, higher: bool = True, alpha: float = ALPHA, others: Sequence[float] = (), margin: float | None = None
    ) -> Comparison:
        """The comparison, tested together with others of these p-values."""
        if self._test is None:
            return self.decide(higher, None, 0, margin)
        all_p_values = [self._test.p_value, *others]
        # This comparison comes first, so its adjusted values are at place 0, however the others are ordered.
        decision = holm(all_p_values)[0], holm_levels(all_p_values, alpha)[0]
        return self.decide(higher, decision, len(all_p_values), margin, alpha)

    def decide(
        self,
        higher: bool,
        decision: tuple[float, float] | None,
        family: int,
        margin: float | None = None,
        alpha: float = ALPHA,
    ) -> Comparison:
        """The comparison by a decision of Holm's procedure.

        Args:
            higher: Whether higher values are better.
            decision: The adjusted p-value and the level at which it is decided; None without pairs.
            family: How many comparisons are tested together.
            margin: As of `compare_pairs`.
            alpha: Level of the family.
        """
        if self._test is None or decision is None:
            # Runs that share no answered question, such as two that both broke off early.
            return Comparison(None, None, None, None, 0, "cannot tell", "", self._dropped)
        p_value, level = decision
        difference = float((self._after - self._before).mean())
        low, high = self._test.interval(level) or (None, None)
        margin = self.scale_margin(MARGIN) if margin is None else margin
        ends = self._test.interval(2 * level)
        word = verdict_of(difference, p_value, higher, alpha, margin=margin, ends=ends)
        more, more_clusters, visible = self._missing(difference, level) if word == "cannot tell" else (None,) * 3
        return Comparison(
            difference,
            low,
            high,
            p_value,
            len(self._before),
            word,
            self._test.method,
            self._dropped,
            confidence=1 - level,
            family=family,
            p_unadjusted=self._test.p_value,
            before=float(self._before.mean()),
            after=float(self._after.mean()),
            margin=margin,
            clusters=self.clusters,
            more_questions=more,
            more_clusters=more_clusters,
            visible=visible,
        )

    def _missing(self, difference: float, level: float) -> tuple[int | None, int | None, float | None]:
        """What a verdict lacks: further questions, further clusters; of no difference the size that would be seen."""
        test = self._test
        assert test is not None  # noqa: S101
        if abs(difference) < 1e-15:
            return None, None, test.visible_difference(level)
        units = self.clusters or len(self._before)
        need = test.units_needed(level)
        # Tests may be stricter than the formula, as where differences are skewed.
        if need <= units:
            need = rescaled_need(units, test.p_value, level)
        per_unit = len(self._before) / units
        questions = min((need - units) * per_unit, MOST_QUESTIONS)
        more = max(1, math.ceil(questions))
        return more, max(1, math.ceil(questions / per_unit)) if self.clusters else None, None

    def _make_test(self, labels: Sequence[Hashable] | None) -> PairedTest:
        before, after = self._before, self._after
        if labels is not None:
            return cluster_test(after - before, labels, self._seed, bounded=self.is_bounded)
        # Both columns must be passes: .5 against 1 differs by an amount, which McNemar's test would not see.
        if self.is_passes:
            return PassTest(int((after > before).sum()), int((after < before).sum()), len(before))
        return graded_test(after - before, self._seed, bounded=self.is_bounded)

    @property
    def is_bounded(self) -> bool:
        """Whether all values lie between 0 and 1."""
        # Bounds let an interval be cut to what is possible. Token counts and seconds fall outside of 0 and 1 and have
        # none.
        both = np.concatenate([self._before, self._after])
        return bool(((both >= 0) & (both <= 1)).all())

    def scale_margin(self, margin: float) -> float:
        """One margin for all metrics in the unit of these values.

        It is points of a score, and of values that are not between 0 and 1, such as tokens, a share of the baseline's
        mean.
        """
        return margin if self.is_bounded else margin * abs(float(self._before.mean()))


def as_column(values: Values | Floats) -> Floats:
    """Values as numbers, NaN where one is missing."""
    if isinstance(values, np.ndarray):
        return np.where(np.isfinite(values), values, np.nan)
    return np.array([np.nan if v is None or not is_value(v) else float(v) for v in values], dtype=np.float64)
