"""Paired differences as values that can be stored and read again."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from llmopt_core.statistics.paired_comparison import Comparison, compare_family
from llmopt_core.statistics.verdict import Verdict
from llmopt_core.types import Spec

Values = Sequence[float | None]


class Gain(Spec):
    """A paired difference with the interval that belongs to its verdict; see `Comparison`."""

    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    pairs: int
    dropped: int
    verdict: Verdict
    confidence: float = 0.95
    family: int = 1
    margin: float | None = None
    clusters: int | None = None
    more_questions: int | None = None
    more_clusters: int | None = None
    visible: float | None = None

    @classmethod
    def of(cls, found: Comparison) -> Gain:
        """A comparison as it is stored."""
        return cls.model_validate(found, from_attributes=True)


def gains(baseline: Values, others: Sequence[Values], clusters: Sequence[Hashable] | None = None) -> list[Gain]:
    """Each of the others against the baseline, higher being better; p-values by Holm over all of them.

    Args:
        baseline: Its values, by question.
        others: Those of the others, by the same questions.
        clusters: The cluster of each question, such as its document.
    """
    # Stored gains are of scores alone, never of tokens or seconds, so higher is better throughout.
    return [Gain.of(one) for one in compare_family([(baseline, other) for other in others], clusters=clusters)]


def mean(values: Sequence[float]) -> float | None:
    """The mean; None of nothing."""
    return sum(values) / len(values) if values else None
