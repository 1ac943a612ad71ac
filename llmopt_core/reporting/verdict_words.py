"""A verdict in words: what was found, over what, and what is missing where nobody can tell."""

from __future__ import annotations

from collections.abc import Iterable

from llmopt_core.reporting.formatting import number, plural
from llmopt_core.statistics.paired_comparison import MOST_QUESTIONS, Comparison
from llmopt_core.statistics.power import smallest_difference
from llmopt_core.statistics.tables import Gain

INSIDE_NOISE = "inside the judge's noise"
"""Said beside a difference that the judge alone may make."""
_USUAL_SHARE = 0.2


def verdict_words(comparison: Comparison | Gain) -> str:
    """`better`, `equivalent within ±0.05`, or `cannot tell: about 120 more questions would show …` and so on.

    A difference that the judge alone may make is said to be one.
    """
    words = _word(comparison)
    if isinstance(comparison, Comparison) and comparison.inside_judge_noise:
        return f"{words} ({INSIDE_NOISE}, ±{number(comparison.judge_band)})"
    return words


def _word(comparison: Comparison | Gain) -> str:
    if comparison.verdict == "equivalent":
        return f"equivalent within ±{number(comparison.margin)}"
    missing = missing_words(comparison) if comparison.verdict == "cannot tell" else ""
    return f"{comparison.verdict}: {missing}" if missing else comparison.verdict


def missing_words(comparison: Comparison | Gain) -> str:
    """What would let somebody tell; empty where that is not known, as of results that were stored without it."""
    if not comparison.pairs:
        return "no question has a value on both sides"
    if comparison.more_questions is not None:
        return f"{_more(comparison.more_questions, comparison.more_clusters)} would show a difference of this size"
    # A gain that was stored before margins were known has none of this.
    if comparison.difference is None or comparison.margin is None:
        return ""
    there = unit_words(comparison.pairs, comparison.clusters)
    if comparison.visible is None:
        return f"there is none, but {there} would show none of any size"
    return f"there is none; {there} would show one of {number(comparison.visible)} or more"


def short_missing(comparison: Comparison | Gain) -> str:
    """`about 120 more questions`, for a table; empty where that is not known."""
    return "" if comparison.more_questions is None else _more(comparison.more_questions, None)


def unit_words(pairs: int, clusters: int | None) -> str:
    """`40 questions`, `40 questions in 12 documents`."""
    words = plural(pairs, "question")
    return words if clusters is None else f"{words} in {plural(clusters, 'document')}"


def unit_note(pairs: int, clusters: int | None) -> str:
    """What was tested as one: `40 questions in 12 documents; unit: document`."""
    return f"{unit_words(pairs, clusters)}; unit: {'question' if clusters is None else 'document'}"


def unit_of(comparisons: Iterable[Comparison | Gain]) -> str:
    """`unit_note` of the one of these that has the most pairs; empty where none has any."""
    widest = max(comparisons, key=lambda one: one.pairs, default=None)
    return unit_note(widest.pairs, widest.clusters) if widest is not None and widest.pairs else ""


def margin_words(margin: float) -> str:
    """What counts as equivalent, in a sentence."""
    return f"Margin {number(margin)} (of values that are not between 0 and 1: {100 * margin:.3g} % of the baseline)."


def power_words(questions: int, clusters: int | None) -> str:
    """What a run of so many questions would show, before it is made.

    That a fifth of the answers differ is what two variants of one configuration often come to; a difference that is
    larger brings as many with it.
    """
    found = smallest_difference(questions, _USUAL_SHARE, clusters)
    there = unit_words(questions, clusters)
    if found is None:
        return f"With {there} no difference would be found in 4 of 5 tries, however large."
    return (
        f"With {there}, a fifth of which differ, a difference of {100 * found:.0f} points would be found in 4 of 5 "
        "tries; smaller ones less often."
    )


def _more(questions: int, clusters: int | None) -> str:
    if questions >= MOST_QUESTIONS:
        return f"more than {MOST_QUESTIONS:,} more questions"
    where = "" if clusters is None else f" in about {plural(clusters, 'more document')}"
    return f"about {plural(questions, 'more question')}{where}"
