"""What the verdict says should become of an experiment; a person decides."""

from __future__ import annotations

from dataclasses import dataclass

from llmopt_core.labs.evaluation.ladder.rung import Proposal, State
from llmopt_core.reporting.formatting import change, dollars, duration, number, plural
from llmopt_core.reporting.verdict_words import INSIDE_NOISE, missing_words
from llmopt_core.runs.values import PerQuestion
from llmopt_core.statistics.paired_comparison import MOST_QUESTIONS, Comparison

# Means of a run differ a little each time it is done: what is nearer than a tenth costs the same.
_ALIKE = 0.1

BASELINE = Proposal("baseline", "what the others are compared with")


@dataclass(frozen=True, slots=True)
class CostChange:
    """What a question takes after a change, against before.

    Attributes:
        ratio: After by before; None where one of them is not known.
        words: `$0.0019 instead of $0.0011 a question`.
    """

    ratio: float | None = None
    words: str = ""

    @property
    def is_dearer(self) -> bool:
        """By more than chance."""
        return self.ratio is not None and self.ratio > 1 + _ALIKE

    @property
    def is_cheaper(self) -> bool:
        """By more than chance."""
        return self.ratio is not None and self.ratio < 1 / (1 + _ALIKE)


def cost_change(before: PerQuestion, after: PerQuestion) -> CostChange:
    """By money where both have a price that is not 0, else by tokens, else by time."""
    if before.cost_usd and after.cost_usd:
        return _change(before.cost_usd, after.cost_usd, dollars(before.cost_usd), dollars(after.cost_usd))
    # What is free on one side alone is all the cheaper; what has no price list is not known.
    if before.cost_usd is not None and after.cost_usd is not None and (before.cost_usd or after.cost_usd):
        ratio = float("inf") if after.cost_usd else 0.0
        return CostChange(ratio, f"{dollars(after.cost_usd)} instead of {dollars(before.cost_usd)} a question")
    if before.tokens and after.tokens:
        tokens = [plural(round(value), "token") for value in (before.tokens, after.tokens)]
        return _change(before.tokens, after.tokens, *tokens)
    if before.seconds and after.seconds:
        return _change(before.seconds, after.seconds, duration(before.seconds), duration(after.seconds))
    return CostChange()


def _change(before: float, after: float, old: str, new: str) -> CostChange:
    return CostChange(after / before, f"{new} instead of {old} a question")


def propose(parent: str, comparison: Comparison | None, cost: CostChange, missing: str = "") -> Proposal:
    """Keep what is better, or as good and cheaper; drop what is worse, or as good and dearer; else ask.

    Args:
        parent: Name of what it is compared with.
        comparison: Against it; None where they share no scored question.
        cost: What a question takes against it.
        missing: Why there is no comparison.
    """
    if comparison is None or comparison.difference is None:
        return Proposal("undecided", missing or "no question has a value on both sides")
    amount = change(comparison.difference, comparison.low, comparison.high)
    if comparison.verdict in {"better", "worse"}:
        if comparison.inside_judge_noise:
            return Proposal("undecided", f"{amount} against {parent} is {INSIDE_NOISE}: judge the answers again")
        state: State = "kept" if comparison.verdict == "better" else "dropped"
        return Proposal(state, f"{comparison.verdict} than {parent}: {amount}")
    if comparison.verdict == "not comparable":
        return Proposal("undecided", f"cannot be compared with {parent}: trained on these questions; ask fresh ones")
    if comparison.verdict == "equivalent":
        return _equivalent(f"equivalent to {parent} within ±{number(comparison.margin)}", cost)
    return Proposal("undecided", _cannot_tell(amount, comparison))


def _equivalent(words: str, cost: CostChange) -> Proposal:
    if cost.is_dearer:
        return Proposal("dropped", f"{words}, and dearer: {cost.words}")
    if cost.is_cheaper:
        return Proposal("kept", f"{words}, and cheaper: {cost.words}")
    cost_words = f"costs about the same: {cost.words}" if cost.words else "what it costs is not known"
    return Proposal("undecided", f"{words}; {cost_words}")


def _cannot_tell(amount: str, comparison: Comparison) -> str:
    if comparison.more_questions is None:
        words = missing_words(comparison)
        return f"cannot tell, {amount}{f': {words}' if words else ''}"
    count = comparison.more_questions
    more = f"more than {MOST_QUESTIONS:,}" if count >= MOST_QUESTIONS else f"about {count:,}"
    return f"cannot tell, {amount}: ask {more} more questions"
