"""What to do with a component."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

from llmopt_core.labs.retrieval.costs import Cost
from llmopt_core.reporting.formatting import number
from llmopt_core.reporting.verdict_words import missing_words
from llmopt_core.statistics.tables import Gain
from llmopt_core.statistics.verdict import current_word

Advice = Annotated[Literal["keep", "drop", "cannot tell"], BeforeValidator(current_word)]
"""Results that are stored under the former word for `cannot tell` are read under today's."""


def advise(gain: Gain, cost: Cost, measure: str) -> tuple[Advice, str]:
    """What to do with a component, given what removing it changes and what it takes."""
    if gain.verdict == "worse":
        return "keep", f"Without it {measure} falls."
    if gain.verdict == "better":
        return "drop", f"It hurts: without it {measure} rises."
    # The interval lies below zero, yet the test is not sure: more questions may decide.
    if gain.high is not None and gain.high < 0:
        return "cannot tell", f"It seems to help, but {gain.pairs} questions are too few to be sure."
    # Time alone is no reason: it differs by machine, tokens are paid on each.
    if cost.tokens is not None and cost.tokens > 0:
        return "drop", f"It takes tokens, and {gain.pairs} questions show no difference."
    if gain.verdict == "equivalent":
        return "cannot tell", f"It changes less than {number(gain.margin)} and takes no tokens: keep it or drop it."
    missing = missing_words(gain) or "more questions may show a difference"
    return "cannot tell", f"On {gain.pairs} questions nobody can tell: {missing}."
