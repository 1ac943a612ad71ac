"""Means and paired differences as values that can be stored and read again."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.statistics.intervals import Summary, summarize
from llmopt_core.statistics.paired import Comparison, Verdict, compare_paired, holm, verdict_of
from llmopt_core.types import Spec

Values = Sequence[float | None]


class Estimate(Spec):
    """A mean with its 95 % interval; see `Summary`."""

    mean: float | None
    low: float | None
    high: float | None
    scored: int
    total: int

    @classmethod
    def of(cls, values: Values) -> Estimate:
        """The mean of what was scored."""
        found = summarize(values)
        return cls(mean=found.mean, low=found.low, high=found.high, scored=found.scored, total=found.total)

    @property
    def summary(self) -> Summary:
        """For figures that draw summaries."""
        return Summary(self.mean, self.low, self.high, self.scored, self.total)


class Gain(Spec):
    """A paired difference with its 95 % interval; see `Comparison`."""

    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    pairs: int
    dropped: int
    verdict: Verdict

    @classmethod
    def of(cls, found: Comparison, p_value: float | None, verdict: Verdict) -> Gain:
        """A comparison under an adjusted p-value."""
        return cls(
            difference=found.difference,
            low=found.low,
            high=found.high,
            p_value=p_value,
            pairs=found.pairs,
            dropped=found.dropped,
            verdict=verdict,
        )


def gains(baseline: Values, others: Sequence[Values]) -> list[Gain]:
    """Each of the others against the baseline, higher being better; p-values by Holm over all of them."""
    found = [compare_paired(baseline, other) for other in others]
    adjusted = iter(holm([one.p_value for one in found if one.p_value is not None]))
    result = []
    for one in found:
        p_value = None if one.p_value is None else next(adjusted)
        result.append(Gain.of(one, p_value, verdict_of(one.difference, p_value)))
    return result


def mean(values: Sequence[float]) -> float | None:
    """The mean; None of nothing."""
    return sum(values) / len(values) if values else None
