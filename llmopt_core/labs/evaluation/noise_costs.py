"""What one more question, answer or judgement costs, from what stored records took when they were made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from llmopt_core.statistics.variance_components import UnitCosts
from llmopt_core.types import Record, Usage

CostUnit = Literal["dollars", "calls"]


@dataclass(frozen=True, slots=True)
class NoiseCosts:
    """What one more of each costs.

    Attributes:
        unit: Calls where no price is known, or nothing was paid.
        amount: What is thought to be spent on each of the three: a dollar, or a hundred calls.
    """

    units: UnitCosts
    unit: CostUnit
    amount: float

    @property
    def amount_words(self) -> str:
        """`a dollar more`."""
        return "a dollar more" if self.unit == "dollars" else f"{self.amount:g} more model calls"


def measure_costs(
    records: Sequence[Record], question_cost: float = 0.0, *, judges_elsewhere: bool = False
) -> NoiseCosts:
    """Means over the answered records; cached calls count as what they took when they were made.

    Args:
        records: With their traces.
        question_cost: In dollars, to write one more question; where calls are counted it is left out.
        judges_elsewhere: Whether another tool graded, whose files tell only what all of it took.
    """
    split = _whole if judges_elsewhere else _shares
    pairs = [pair for record in records if (pair := split(record)) is not None]
    paid = [
        (answer.cost_usd, judge.cost_usd)
        for answer, judge in pairs
        if answer.cost_usd is not None and judge.cost_usd is not None
    ]
    if paid and (any(map(sum, paid)) or question_cost):
        units = UnitCosts(question_cost, fmean(answer for answer, _ in paid), fmean(judge for _, judge in paid))
        return NoiseCosts(units, "dollars", 1.0)
    answer_calls = fmean(answer.calls for answer, _ in pairs) if pairs else 0.0
    judge_calls = fmean(judge.calls for _, judge in pairs) if pairs else 0.0
    # What another tool asked is not counted; an answer takes a call at least.
    return NoiseCosts(UnitCosts(0.0, answer_calls or 1.0, judge_calls), "calls", 100.0)


def _whole(record: Record) -> tuple[Usage, Usage] | None:
    return None if record.answer is None else (record.usage, Usage())


def _shares(record: Record) -> tuple[Usage, Usage] | None:
    """What finding and answering took, and what the rest, judging, took; None where that is not known."""
    if record.answer is None:
        return None
    whole = record.usage.original
    parts = [record.answer.usage.original, *(stage.usage.original for stage in record.trace)]
    known = [part for part in parts if part is not None]
    if whole is None or len(known) < len(parts):
        return None
    answer = sum(known, Usage())
    cost = None
    if whole.cost_usd is not None and answer.cost_usd is not None:
        # Sums of floats: what is left of nothing may be a trace below 0.
        cost = max(0.0, whole.cost_usd - answer.cost_usd)
    return answer, Usage(cost_usd=cost, calls=max(0, whole.calls - answer.calls))
