"""Quality against what it takes: which configurations no other one beats."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from llmopt_core.statistics.intervals import Summary
from llmopt_core.statistics.verdict import Verdict

RULE = (
    "A configuration is on the front unless another one is better by its verdict, which is corrected over all pairs, "
    "and does not take more. A higher mean that may be chance takes nobody off it."
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A configuration with what it reaches and takes.

    Attributes:
        price: What a question takes, in dollars or seconds; None where that is not known.
        why: Why it is not known, in words.
        is_trained: Whether it was trained on the questions: its score shows what it has seen.
    """

    name: str
    quality: Summary
    price: float | None
    why: str = ""
    is_trained: bool = False


@dataclass(frozen=True, slots=True)
class Front:
    """Which configurations can be drawn, and which of them no other one beats.

    Attributes:
        drawn: Those with a quality and a price.
        beaten_by: Configuration off the front -> the cheapest one that beats it; the name itself where it was trained
            on the questions, so that it stands on no front.
        missing: Configuration -> why it cannot be drawn.
    """

    drawn: tuple[Candidate, ...]
    beaten_by: Mapping[str, str]
    missing: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """Those on the front, the cheapest first."""
        there = [one for one in self.drawn if one.name not in self.beaten_by]
        return tuple(one.name for one in sorted(there, key=lambda one: (one.price or 0.0, one.name)))


def pareto_front(candidates: Sequence[Candidate], verdict: Callable[[str, str], Verdict | None]) -> Front:
    """The front by `RULE`.

    Args:
        candidates: Of the same questions.
        verdict: The word for the first name against the second.
    """
    drawn = tuple(one for one in candidates if one.price is not None and one.quality.mean is not None)
    beaten = {one.name: winner for one in drawn if (winner := _winner(one, drawn, verdict))}
    missing = {one.name: _reason(one) for one in candidates if one not in drawn}
    return Front(drawn, beaten, missing)


def _winner(one: Candidate, others: Sequence[Candidate], verdict: Callable[[str, str], Verdict | None]) -> str:
    if one.is_trained:
        return one.name
    winners = [
        other
        for other in others
        if not other.is_trained
        and other.name != one.name
        and _price(other) <= _price(one)
        and verdict(other.name, one.name) == "better"
    ]
    return min(winners, key=_price).name if winners else ""


def _price(one: Candidate) -> float:
    return float("inf") if one.price is None else one.price


def _reason(one: Candidate) -> str:
    return "not scored" if one.quality.mean is None else one.why or "not recorded"
