"""Two runs on the same examples: is the second better, worse, or is no difference seen?

`a` is always the baseline and `b` what is compared with it: a difference is `b - a`, and the verdict is about `b`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from llmopt_core.statistics.intervals import is_pass_or_fail, is_value
from llmopt_core.statistics.paired_tests import GradedTest, PairedTest, PassTest, binomial_p_value
from llmopt_core.statistics.resampling import Floats

Values = Sequence[float | None]
Verdict = Literal["better", "worse", "no difference seen", "not comparable"]
"""`not comparable`: the one that leads was trained on the questions."""
# The promise of every verdict here: at most one false alarm in twenty families of comparisons. A convention, kept
# because intervals of 95 % beside means are read the same way.
ALPHA = 0.05


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


@dataclass(frozen=True, slots=True)
class Wins:
    """Examples on which `b` beats `a`, loses, or ties, with the exact two-sided sign test on those that differ."""

    wins: int
    losses: int
    ties: int
    p_value: float | None
    dropped: int = 0


def compare_pairs(
    a: Values,
    b: Values,
    higher_is_better: bool = True,
    seed: int = 0,
    *,
    together_with: Sequence[float] = (),
) -> Comparison:
    """Compare the values of `b` with those of the baseline `a`, aligned by example, None where missing.

    Values that are all 0 or 1 are tested by `PassTest`, others by `GradedTest`; the interval is that of the same test.

    Args:
        a: Of the baseline.
        b: What is compared with it.
        higher_is_better: The direction of the metric.
        seed: Of the draws.
        together_with: Unadjusted p-values of the other comparisons that are tested together with this one.

    Raises:
        ValueError: The two have different lengths.
    """
    return PairedSample(a, b, seed).compare(higher_is_better, ALPHA, together_with)


def compare_family(
    columns: Sequence[tuple[Values, Values]], higher_is_better: bool = True, seed: int = 0
) -> list[Comparison]:
    """Several pairs of baseline and other, tested together: p-values, verdicts and intervals after Holm."""
    samples = [PairedSample(a, b, seed) for a, b in columns]
    # Those without pairs were never tested, so they make no other comparison stricter.
    p_values = [(place, one.p_value) for place, one in enumerate(samples) if one.p_value is not None]
    return [
        one.compare(higher_is_better, ALPHA, [p for other, p in p_values if other != place])
        for place, one in enumerate(samples)
    ]


def wins(
    a: Sequence[float | None], b: Sequence[float | None], higher_is_better: bool = True, tolerance: float = 0.0
) -> Wins:
    """Count the examples on which `b` beats `a`; differences up to `tolerance` are ties."""
    before, after = _pairs(a, b)
    # A gain is always good, so that the counts below need not know the direction.
    gains = (np.array(after, dtype=float) - np.array(before, dtype=float)) * (1 if higher_is_better else -1)
    win_count, loss_count = int((gains > tolerance).sum()), int((gains < -tolerance).sum())
    return Wins(
        win_count,
        loss_count,
        len(before) - win_count - loss_count,
        sign_test(win_count, loss_count) if len(before) else None,
        len(a) - len(before),
    )


sign_test = binomial_p_value
"""Of the examples won against those lost."""


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) adjusted p-values, in the given order."""
    adjusted_values = [0.0] * len(p_values)
    running = 0.0
    for rank, position in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        # Holm multiplies the smallest by m, the next by m - 1 and so on; none may come out below one that is smaller
        # than it.
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[position]))
        adjusted_values[position] = running
    return adjusted_values


def holm_levels(p_values: Sequence[float], alpha: float = ALPHA) -> list[float]:
    """The level at which Holm's procedure decides on each, in the given order.

    Its k-th smallest p-value is tested at alpha / (m - k + 1); with the first that is not below its level the procedure
    ends, and that level holds for all that are left. So a p-value is below its level where its adjusted one is below
    `alpha`, and an interval at 1 - level leaves out 0 just there.
    """
    levels = [0.0] * len(p_values)
    remaining, is_over = len(p_values), False
    for position in sorted(range(len(p_values)), key=lambda i: p_values[i]):
        levels[position] = alpha / remaining
        # At the first that fails all larger ones fail too, so the divisor stands still from here on.
        is_over = is_over or remaining * p_values[position] >= alpha
        remaining -= not is_over
    return levels


def verdict_of(
    difference: float | None, p_value: float | None, higher_is_better: bool = True, alpha: float = ALPHA
) -> Verdict:
    """Better or worse where the p-value (adjusted or not) is below `alpha`, else no difference seen."""
    # A mean of exactly 0 has no direction that could be named, whatever the test says.
    if difference is None or p_value is None or p_value >= alpha or difference == 0.0:
        return "no difference seen"
    return "better" if (difference > 0) == higher_is_better else "worse"


def _pairs(a: Values, b: Values) -> tuple[Floats, Floats]:
    """The two columns without the rows in which either value is missing."""
    # `is not None` stands beside `is_value` for mypy, which does not look into functions.
    rows = [
        (x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None and is_value(x) and is_value(y)
    ]
    return np.array([float(x) for x, _ in rows]), np.array([float(y) for _, y in rows])


class PairedSample:
    """The pairs of two columns with their test, which is made once for all that is asked of it."""

    def __init__(self, a: Values, b: Values, seed: int = 0) -> None:
        self._before, self._after = _pairs(a, b)
        self._dropped = len(a) - len(self._before)
        # The draws take most of the time, so they are made once here, and not again for each level that is asked.
        self._test = _test(self._before, self._after, seed) if len(self._before) else None

    @property
    def p_value(self) -> float | None:
        """Of this comparison alone; None without pairs."""
        return self._test.p_value if self._test else None

    def compare(self, higher: bool = True, alpha: float = ALPHA, others: Sequence[float] = ()) -> Comparison:
        """The comparison, tested together with others of these p-values."""
        if self._test is None:
            # Runs that share no answered question, such as two that both broke off early.
            return Comparison(None, None, None, None, 0, "no difference seen", "", self._dropped)
        all_p_values = [self._test.p_value, *others]
        # This comparison comes first, so its adjusted values are at place 0, however the others are ordered.
        p_value, level = holm(all_p_values)[0], holm_levels(all_p_values, alpha)[0]
        difference = float((self._after - self._before).mean())
        low, high = self._test.interval(level) or (None, None)
        return Comparison(
            difference,
            low,
            high,
            p_value,
            len(self._before),
            verdict_of(difference, p_value, higher, alpha),
            self._test.method,
            self._dropped,
            confidence=1 - level,
            family=len(all_p_values),
            p_unadjusted=self._test.p_value,
            before=float(self._before.mean()),
            after=float(self._after.mean()),
        )


def _test(before: Floats, after: Floats, seed: int) -> PairedTest:
    # Both columns must be passes: .5 against 1 differs by an amount, which McNemar's test would not see.
    if is_pass_or_fail(before) and is_pass_or_fail(after):
        return PassTest(int((after > before).sum()), int((after < before).sum()), len(before))
    both = np.concatenate([before, after])
    # Bounds let an interval be cut to what is possible. Token counts and seconds fall outside of 0 and 1 and have none.
    return GradedTest(after - before, seed, bounded=bool(((both >= 0) & (both <= 1)).all()))
