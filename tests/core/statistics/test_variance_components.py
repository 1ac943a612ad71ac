"""Variance split into questions, answers and judge, against statsmodels and planted values; what to buy next."""

import math

import numpy as np
import pytest

from llmopt_core.errors import BadInput
from llmopt_core.statistics.variance_components import (
    Design,
    UnitCosts,
    VarianceComponents,
    inside_judge_noise,
    judge_noise_band,
    list_purchases,
    split_variance,
    standard_error,
)


def draw(rng, sizes, question=0.04, answer=0.02, judge=0.01):
    """Grades by question, answer and judgement; `sizes` holds by question the number of judgements of each answer."""
    grades = []
    for row in sizes:
        level = 0.5 + rng.normal(0, math.sqrt(question))
        answers = [level + rng.normal(0, math.sqrt(answer)) for _ in row]
        grades.append([
            list(mean + rng.normal(0, math.sqrt(judge), n)) for mean, n in zip(answers, row, strict=True)
        ])  # fmt: skip
    return grades


def test_balanced_components_are_those_of_the_analysis_of_variance():
    import pandas as pd
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    grades = draw(np.random.default_rng(1), [[3, 3]] * 12)
    rows = [
        (f"q{q}", f"q{q}a{a}", grade)
        for q, answers in enumerate(grades)
        for a, answer in enumerate(answers)
        for grade in answer
    ]
    frame = pd.DataFrame(rows, columns=["question", "answer", "grade"])
    between = anova_lm(ols("grade ~ C(question)", frame).fit())
    nested = anova_lm(ols("grade ~ C(answer)", frame).fit())
    judge = nested.loc["Residual", "mean_sq"]
    squares = nested.loc["C(answer)", "sum_sq"] - between.loc["C(question)", "sum_sq"]
    mean_square = squares / 12
    components = split_variance(grades)
    assert components.judge == pytest.approx(judge)
    assert components.answer == pytest.approx((mean_square - judge) / 3)
    assert components.question == pytest.approx((between.loc["C(question)", "mean_sq"] - mean_square) / 6)
    assert (components.questions, components.answers, components.judgements) == (12, 24, 72)


def test_unbalanced_grades_give_the_planted_components_on_average():
    rng = np.random.default_rng(2)
    sizes = [[1], [2, 1], [3, 1, 2], [1, 1], [4], [2, 2, 2, 1]] * 5
    drawn = [split_variance(draw(rng, sizes)) for _ in range(600)]
    for name, planted in (("question", 0.04), ("answer", 0.02), ("judge", 0.01)):
        assert np.mean([getattr(one, name) for one in drawn]) == pytest.approx(planted, rel=0.06)


def test_standard_error_is_the_spread_of_the_mean():
    rng = np.random.default_rng(3)
    means = [np.mean(draw(rng, [[2, 2, 2]] * 10)) for _ in range(3000)]
    planted = VarianceComponents(0.04, 0.02, 0.01, 10, 30, 60)
    assert np.std(means) == pytest.approx(standard_error(planted, Design(10, 3, 2)), rel=0.04)


def test_a_level_without_repeats_is_unknown_and_stands_in_the_one_above():
    rng = np.random.default_rng(4)
    once = split_variance(draw(rng, [[1]] * 4000))
    assert (once.answer, once.judge) == (None, None)
    assert once.question == pytest.approx(0.07, rel=0.1)
    answers = split_variance(draw(rng, [[1, 1]] * 4000))
    assert answers.judge is None
    assert answers.answer == pytest.approx(0.03, rel=0.1)
    judged = split_variance(draw(rng, [[2]] * 4000))
    assert judged.answer is None
    assert judged.judge == pytest.approx(0.01, rel=0.1)
    assert judged.question == pytest.approx(0.06, rel=0.1)


def test_a_deterministic_judge_has_no_variance_and_equal_answers_none_either():
    components = split_variance([[[1.0], [1.0]], [[0.0], [0.0]], [[1.0], [1.0]]], judge_is_deterministic=True)
    assert (components.answer, components.judge) == (0.0, 0.0)
    assert components.question == pytest.approx(1 / 3)


def test_negative_components_are_zero():
    # The answers differ within the questions, whose means are equal.
    components = split_variance([[[0.0], [1.0]], [[1.0], [0.0]]])
    assert components.question == 0.0
    assert components.answer == pytest.approx(0.5)


@pytest.mark.parametrize("grades", [[], [[[1.0]]], [[[1.0]], [[]], []]])
def test_one_question_is_too_few(grades):
    with pytest.raises(BadInput, match="at least two questions"):
        split_variance(grades)


def test_a_grade_that_is_no_number_is_refused():
    with pytest.raises(BadInput, match="finite"):
        split_variance([[[1.0]], [[math.nan]]])


def test_what_to_buy_depends_on_the_components_and_on_the_costs():
    noisy_judge = VarianceComponents(0.001, 0.001, 0.1, 50, 100, 200)
    design = Design(50, 2, 2)
    cheap_judge = list_purchases(noisy_judge, design, UnitCosts(answer=0.1, judgement=0.001))
    assert cheap_judge[0].source == "judgements"
    # 50 x 2 judgements of $0.001 are a tenth of a dollar: a dollar buys ten of each answer.
    assert cheap_judge[0].standard_error == pytest.approx(standard_error(noisy_judge, Design(50, 2, 12)))
    now = standard_error(noisy_judge, design)
    assert cheap_judge[0].reduction == pytest.approx(now - cheap_judge[0].standard_error)
    assert [one.reduction for one in cheap_judge] == sorted((one.reduction for one in cheap_judge), reverse=True)

    noisy_answers = VarianceComponents(0.001, 0.1, 0.0, 50, 100, 200)
    dear_questions = list_purchases(noisy_answers, design, UnitCosts(question=5, answer=0.01, judgement=0.01))
    assert dear_questions[0].source == "answers"
    free_questions = list_purchases(noisy_answers, design, UnitCosts(answer=0.01, judgement=0.01))
    assert free_questions[0].source == "questions"
    assert free_questions[-1].reduction == 0


def test_what_costs_nothing_or_is_unknown_is_not_for_sale():
    components = VarianceComponents(0.04, None, 0.0, 50, 50, 50)
    bought = list_purchases(components, Design(50), UnitCosts(answer=0.01))
    assert [one.source for one in bought] == ["questions"]


def test_a_difference_inside_the_band_is_one_that_the_judge_makes_alone():
    rng = np.random.default_rng(5)
    components = VarianceComponents(0.04, 0.02, 0.01, 20, 40, 80)
    design = Design(20, 2, 2)
    noise = rng.normal(0, 0.1, (2, 4000, 80)).mean(axis=2)
    band = judge_noise_band(components, design)
    inside = [inside_judge_noise(float(difference), band) for difference in noise[0] - noise[1]]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)
    assert inside_judge_noise(-0.2, band) is False


def test_a_band_is_unknown_without_repeats_and_none_without_noise():
    design = Design(20)
    assert judge_noise_band(VarianceComponents(0.1, 0.1, None, 20, 40, 40), design) is None
    assert inside_judge_noise(0.0, None) is False
    assert inside_judge_noise(0.0, judge_noise_band(VarianceComponents(0.1, 0.1, 0.0, 20, 40, 40), design)) is False
