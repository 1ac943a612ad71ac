"""What is said of a rung, the same in the picture and below it."""

from __future__ import annotations

from llmopt_core.labs.evaluation.ladder.rung import Rung
from llmopt_core.runs.values import PerQuestion
from llmopt_core.statistics.paired_comparison import Comparison
from llmopt_ui import format as fmt


def chart_word(rung: Rung) -> str:
    """`✓ kept`, `✗ dropped`; with a question mark where only the verdict proposes it."""
    if rung.state == "baseline":
        return "● baseline"
    if rung.state == "undecided":
        return "? undecided"
    # Without a run there is nobody to ask, as in the example of the talk.
    is_open = not rung.is_decided and rung.run_id is not None
    word = {"kept": "keep?", "dropped": "drop?"}[rung.state] if is_open else rung.state
    return f"{rung.sign} {word}"


def difference_words(comparison: Comparison) -> str:
    """`+0.12 (+0.03 to +0.21)`."""
    return fmt.change(comparison.difference, comparison.low, comparison.high)


def cost_words(each: PerQuestion) -> str:
    """`$0.0012, 0.4 s a question`; empty where neither is known, as of answers from the cache."""
    cost = fmt.money(each.cost_usd) if each.cost_usd is not None else ""
    seconds = fmt.duration(each.seconds) if each.seconds is not None else ""
    words = ", ".join(filter(None, (cost, seconds)))
    return f"{words} a question" if words else ""
