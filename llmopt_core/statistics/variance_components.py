"""How much of a score's variance comes from questions, from answers and from the judge, and what to buy next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from llmopt_core.errors import BadInput

Source = Literal["questions", "answers", "judgements"]
Judgements = Sequence[Sequence[Sequence[float]]]
"""Grades by question, then by answer to it, then by judgement of that answer."""


@dataclass(frozen=True, slots=True)
class VarianceComponents:
    """The variance of one grade of one answer to one question, split by where it comes from.

    Attributes:
        question: Between questions. Holds that of the answers as well where `answer` is None.
        answer: Between answers to one question; None where no question was answered twice. Holds that of the judge as
            well where `judge` is None.
        judge: Between judgements of one answer; None where no answer was judged twice.
        questions: How many there are.
        answers: In all.
        judgements: In all.
    """

    question: float
    answer: float | None
    judge: float | None
    questions: int
    answers: int
    judgements: int

    @property
    def total(self) -> float:
        """The variance of one grade."""
        return self.question + (self.answer or 0.0) + (self.judge or 0.0)


@dataclass(frozen=True, slots=True)
class Design:
    """How much is asked: questions, answers to each, judgements of each answer. Means over unequal counts are none."""

    questions: float
    answers: float = 1.0
    judgements: float = 1.0


@dataclass(frozen=True, slots=True)
class UnitCosts:
    """What one more of each costs by itself.

    Attributes:
        question: To write it; its answers and their judgements come on top.
        answer: Without its judgements.
        judgement: One grade of one answer.
    """

    question: float = 0.0
    answer: float = 0.0
    judgement: float = 0.0


@dataclass(frozen=True, slots=True)
class Purchase:
    """What the standard error of the mean becomes when money goes into one of the three.

    Attributes:
        source: What is bought.
        standard_error: Afterwards.
        reduction: By how much it falls; never below 0.
    """

    source: Source
    standard_error: float
    reduction: float


def split_variance(grades: Judgements, *, judge_is_deterministic: bool = False) -> VarianceComponents:
    """Estimate the components of nested random effects by the method of moments.

    Henderson's method I for the unbalanced two-fold nested classification: the sums of squares of the analysis of
    variance are set equal to their expectations (Searle, Casella, McCulloch, *Variance Components*, 1992, appendix F.1
    (c); Sokal and Rohlf, *Biometry*, box 10.2). With n judgements per answer, N in all and n. per question:

        E[SS judge]    = (N - b) s_judge
        E[SS answer]   = (b - a) s_judge + (N - k) s_answer              k = sum of n^2 / n.
        E[SS question] = (a - 1) s_judge + (k - sum n^2 / N) s_answer + (N - sum n.^2 / N) s_question

    for a questions with b answers. Negative solutions are 0. A level without any repeat cannot be told from the one
    above it, whose component holds both.

    Args:
        grades: By question, answer, judgement. Empty answers and questions are left out.
        judge_is_deterministic: One judgement per answer is then all there is to know: its component is 0.

    Raises:
        BadInput: There are fewer than two questions, or a grade is not finite.
    """
    questions = [kept for question in grades if (kept := [list(answer) for answer in question if answer])]
    if len(questions) < 2:
        raise BadInput(f"To split the variance takes at least two questions with a grade; there are {len(questions)}.")
    if not all(math.isfinite(grade) for question in questions for answer in question for grade in answer):
        raise BadInput("To split the variance takes finite grades.")
    a, b = len(questions), sum(map(len, questions))
    sizes = [[len(answer) for answer in question] for question in questions]
    total = sum(map(sum, sizes))
    squares_judge, squares_answer, squares_question = _sums_of_squares(questions)
    weight = sum(sum(n * n for n in row) / sum(row) for row in sizes)
    answer_share = sum(n * n for row in sizes for n in row) / total
    question_share = sum(sum(row) ** 2 for row in sizes) / total

    judge = squares_judge / (total - b) if total > b else 0.0
    answer = max(0.0, (squares_answer - (b - a) * judge) / (total - weight)) if b > a else 0.0
    rest = squares_question - (a - 1) * judge - (weight - answer_share) * answer
    question = max(0.0, rest / (total - question_share))
    is_judge_known = total > b or judge_is_deterministic
    return VarianceComponents(question, answer if b > a else None, judge if is_judge_known else None, a, b, total)


def standard_error(components: VarianceComponents, design: Design) -> float:
    """Of the mean over all grades of a design.

    More of what has no component of its own is taken not to help: its part stands in the level above.
    """
    between = components.question
    between += (components.answer or 0.0) / design.answers
    between += (components.judge or 0.0) / (design.answers * design.judgements)
    return math.sqrt(between / design.questions)


def list_purchases(
    components: VarianceComponents, design: Design, costs: UnitCosts, amount: float = 1.0
) -> list[Purchase]:
    """What an amount more on each of the three does to the standard error; the best first.

    More answers are more to every question, more judgements are more of every answer; a part of a round counts as that
    part. What costs nothing, or has no known component, is left out: no amount can be spent on it, or nobody knows what
    it does.

    Args:
        components: See `split_variance`.
        design: What there is so far.
        costs: In the unit of the amount.
        amount: What is spent.
    """
    answer_cost = costs.answer + design.judgements * costs.judgement
    answers = design.questions * design.answers
    rounds: list[tuple[Source, float | None, float]] = [
        ("questions", components.question, costs.question + design.answers * answer_cost),
        ("answers", components.answer, design.questions * answer_cost),
        ("judgements", components.judge, answers * costs.judgement),
    ]
    now = standard_error(components, design)
    purchases = []
    for source, component, cost in rounds:
        if component is not None and cost > 0:
            after = standard_error(components, _enlarged(design, source, amount / cost))
            purchases.append(Purchase(source, after, max(0.0, now - after)))
    # Equal ones stay in the order of the levels: new questions also tell of what no old one asks.
    return sorted(purchases, key=lambda purchase: -purchase.reduction)


def judge_noise_band(components: VarianceComponents, design: Design, confidence: float = 0.95) -> float | None:
    """How far two means of one design lie apart by the judge alone, with that confidence; None where it is unknown."""
    if components.judge is None:
        return None
    grades = design.questions * design.answers * design.judgements
    # Twice: the judge graded both sides.
    return difference_band(2 * components.judge, grades, confidence)


def difference_band(variance: float, grades: float, confidence: float = 0.95) -> float:
    """How far a mean difference lies from 0 by chance alone, with that confidence.

    Args:
        variance: Of one difference: that of both sides together.
        grades: So many are averaged on each side.
        confidence: Of the normal interval.
    """
    from scipy.stats import norm

    return float(norm.ppf((1 + confidence) / 2)) * math.sqrt(variance / grades)


def inside_judge_noise(difference: float | None, band: float | None) -> bool:
    """Whether a difference of two means is no larger than what the judge alone makes; not where either is unknown.

    A judge without noise hides nothing: then none is inside, not even 0.
    """
    return difference is not None and band is not None and band > 0 and abs(difference) <= band


def _enlarged(design: Design, source: Source, more: float) -> Design:
    return Design(
        design.questions + more * (source == "questions"),
        design.answers + more * (source == "answers"),
        design.judgements + more * (source == "judgements"),
    )


def _sums_of_squares(questions: Sequence[Sequence[Sequence[float]]]) -> tuple[float, float, float]:
    """Within answers, between answers of a question, between questions."""
    everything = [grade for question in questions for answer in question for grade in answer]
    mean = math.fsum(everything) / len(everything)
    within, between_answers, between_questions = [], [], []
    for question in questions:
        size = sum(map(len, question))
        question_mean = math.fsum(grade for answer in question for grade in answer) / size
        between_questions.append(size * (question_mean - mean) ** 2)
        for answer in question:
            answer_mean = math.fsum(answer) / len(answer)
            between_answers.append(len(answer) * (answer_mean - question_mean) ** 2)
            within += [(grade - answer_mean) ** 2 for grade in answer]
    return math.fsum(within), math.fsum(between_answers), math.fsum(between_questions)
