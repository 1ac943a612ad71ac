"""One comparison of a gate in words: passed, a real drop, too few questions to tell, or too few scores."""

from __future__ import annotations

import math
from dataclasses import dataclass

from llmopt_core.labs.evaluation.gate.outcome import Check, Outcome
from llmopt_core.labs.evaluation.gate.rules import NoRegression
from llmopt_core.reporting.formatting import number, p_value, plural, with_sign
from llmopt_core.reporting.verdict_words import unit_words
from llmopt_core.statistics.holm import ALPHA
from llmopt_core.statistics.non_inferiority import NonInferiority
from llmopt_core.statistics.paired_comparison import MOST_QUESTIONS


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured for one rule.

    Attributes:
        category: None for all questions.
        decides: Whether the gate depends on it.
        found: The test, before it is tested together with others.
        asked: Questions that the new run was to answer.
        scored: How many of them have a score: on the baseline's side, and on the new one.
        means: Of both, over the questions that have a score on both sides.
        seen: How many of its questions each was trained on.
    """

    rule: NoRegression
    configuration: str
    other: str
    category: str | None
    decides: bool
    found: NonInferiority
    asked: int
    scored: tuple[int, int]
    means: tuple[float | None, float | None]
    seen: tuple[int, int]
    min_coverage: float

    @property
    def is_thin(self) -> bool:
        """Whether too few questions have a score on both sides."""
        return not self.found.pairs or self.found.pairs < self.min_coverage * self.asked


def describe_regression(measured: Measured, p_adjusted: float | None, family: int) -> Check:
    """The check.

    Args:
        measured: What was measured.
        p_adjusted: Of the drop, adjusted for all that are tested together; None where it was not tested.
        family: How many those are.
    """
    outcome, words = _decide(measured, p_adjusted, family)
    test = measured.found
    return Check(
        "no-regression",
        measured.configuration,
        measured.rule.metric,
        outcome,
        words,
        measured.rule.margin,
        measured.category,
        measured.decides,
        {
            "baseline": measured.other,
            "mean_baseline": measured.means[0],
            "mean": measured.means[1],
            "gain": test.difference,
            "largest_loss": None if test.lower is None else -test.lower,
            "p_inferior": test.p_inferior,
            "p_drop": test.p_drop,
            "p_drop_adjusted": p_adjusted,
            "family": family,
            "pairs": test.pairs,
            "total": measured.asked,
            "unit": "question" if test.clusters is None else "document",
            "clusters": test.clusters,
        },
    )


def _decide(measured: Measured, p_adjusted: float | None, family: int) -> tuple[Outcome, str]:
    test, margin = measured.found, measured.rule.margin
    if measured.is_thin:
        before, after = measured.scored
        return "coverage too low", (
            f"has a score on both sides for {test.pairs} of {plural(measured.asked, 'question')} only ({after} now, "
            f"{before} in the baseline); at least {measured.min_coverage:.0%} are needed (--min-coverage)."
        )
    difference = test.difference or 0.0
    change = f"{number(measured.means[0])} → {number(measured.means[1])} over {unit_words(test.pairs, test.clusters)}"
    if test.outcome == "passed":
        if measured.seen[1] > measured.seen[0]:
            return "cannot tell", (
                f"went {change}, but it was trained on {measured.seen[1]} of these questions: what it has seen does "
                "not show what it can do."
            )
        return "passed", f"went {change}: it is shown that {_at_most(test)} is lost, and {number(margin)} may be."
    if p_adjusted is not None and p_adjusted < ALPHA and difference <= -margin:
        if measured.seen[0] > measured.seen[1]:
            return "cannot tell", (
                f"went {change}, but the baseline was trained on {measured.seen[0]} of these questions, so that "
                "nobody knows what it would reach without."
            )
        together = f", adjusted for {family} checks" if family > 1 else ""
        return "failed", (
            f"went {change}: a real drop of {number(-difference)} (p = {p_value(p_adjusted)}{together}), and only "
            f"{number(margin)} may be lost."
        )
    return "cannot tell", f"went {change}: {_doubt(measured)}."


def _at_most(found: NonInferiority) -> str:
    # A lower bound above 0 shows a gain.
    return "nothing" if found.lower is not None and found.lower >= 0 else f"at most {number(-(found.lower or 0.0))}"


def _doubt(measured: Measured) -> str:
    test, margin = measured.found, measured.rule.margin
    if test.lower is None:
        return f"these questions do not limit what may be lost, and {number(margin)} may be"
    open_words = f"a loss of up to {number(-test.lower)} is not ruled out, and {number(margin)} may be lost"
    room = (test.difference or 0.0) + margin
    if room <= 0:
        return f"{open_words}; the drop that was seen is not more than chance may bring"
    # The distance from the mean to its bound shrinks with the root of the number of questions.
    pairs = test.pairs * (((test.difference or 0.0) - test.lower) / room) ** 2
    more = max(1, math.ceil(pairs - test.pairs))
    amount = f"more than {MOST_QUESTIONS:,}" if more >= MOST_QUESTIONS else f"about {more:,}"
    return f"{open_words}; {amount} more questions with this difference ({with_sign(test.difference)}) would tell"
