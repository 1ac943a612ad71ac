"""What to do with a component."""

from __future__ import annotations

from typing import Literal

from llmopt_core.labs.retrieval.costs import Cost
from llmopt_core.statistics.tables import Gain

Advice = Literal["keep", "drop", "no difference seen"]


def advise(gain: Gain, cost: Cost, measure: str) -> tuple[Advice, str]:
    """What to do with a component, given what removing it changes and what it takes."""
    if gain.verdict == "worse":
        return "keep", f"Without it {measure} falls."
    if gain.verdict == "better":
        return "drop", f"It hurts: without it {measure} rises."
    # The interval lies below zero, yet the test is not sure: more questions may decide.
    if gain.high is not None and gain.high < 0:
        return "no difference seen", f"It seems to help, but {gain.pairs} questions are too few to be sure."
    # Time alone is no reason: it differs by machine, tokens are paid on each.
    if cost.tokens is not None and cost.tokens > 0:
        return "drop", f"It takes tokens, and on {gain.pairs} questions no difference is seen."
    return "no difference seen", f"On {gain.pairs} questions no difference is seen; more questions may show one."
