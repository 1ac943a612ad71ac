import numpy as np
import pytest
from statsmodels.stats.weightstats import ttost_paired

from llmopt_core.reporting.verdict_words import missing_words, short_missing, unit_note, verdict_words
from llmopt_core.statistics.paired_comparison import MOST_QUESTIONS, Comparison, compare_family, compare_pairs
from llmopt_core.statistics.paired_wins import question_means
from llmopt_core.statistics.tables import Gain
from llmopt_core.statistics.verdict import verdict_of


def passes(both, gained, lost, neither):
    a = [1.0] * both + [0.0] * gained + [1.0] * lost + [0.0] * neither
    b = [1.0] * both + [1.0] * gained + [0.0] * lost + [0.0] * neither
    return a, b


def test_equal_enough_within_the_margin_is_equivalent_and_without_it_nobody_can_tell():
    a, b = passes(700, 10, 10, 280)
    comparison = compare_pairs(a, b)
    assert (comparison.verdict, comparison.margin) == ("equivalent", 0.05)
    assert verdict_words(comparison) == "equivalent within ±0.05"
    assert compare_pairs(a, b, margin=0.001).verdict == "cannot tell"


def test_a_difference_that_is_seen_is_named_even_within_the_margin():
    a, b = passes(900, 30, 4, 66)
    assert compare_pairs(a, b, margin=0.5).verdict == "better"


@pytest.mark.parametrize("margin", [0.02, 0.03, 0.05, 0.08])
def test_equivalent_is_what_statsmodels_two_one_sided_tests_call_so(margin):
    agreed = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        a = random.random(120)
        b = a + random.normal(0, 0.15, 120)
        comparison = compare_pairs(list(a), list(b), margin=margin)
        p = ttost_paired(b, a, -margin, margin)[0]
        if comparison.verdict not in ("better", "worse"):
            # A bootstrap-t beside a permutation test is a little wider than Student's t.
            assert comparison.verdict == "cannot tell" or p < 0.06
            agreed += (comparison.verdict == "equivalent") == (p < 0.05)
        else:
            agreed += 1
    assert agreed >= 37


def test_margins_of_what_is_not_between_0_and_1_are_a_share_of_the_baseline():
    comparison = compare_pairs([200.0, 220.0, 180.0, 200.0] * 30, [201.0, 219.0, 180.0, 200.0] * 30)
    assert comparison.margin == pytest.approx(10.0)
    assert comparison.verdict == "equivalent"


def test_nobody_can_tell_says_how_many_more_questions_would_do():
    # 12 of 100 gained, 8 lost: Connor's formula for .2 discordant and .04, and 1 / .04 more, is 1,006 questions.
    comparison = compare_pairs(*passes(60, 12, 8, 20))
    assert comparison.verdict == "cannot tell"
    assert comparison.more_questions == pytest.approx(906, abs=15)
    assert verdict_words(comparison) == (
        f"cannot tell: about {comparison.more_questions} more questions would show a difference of this size"
    )
    assert short_missing(comparison) == f"about {comparison.more_questions} more questions"


def test_with_that_many_more_questions_the_difference_is_found_in_four_of_five_tries():
    random = np.random.default_rng(1)
    base = random.random(30)
    comparison = compare_pairs(list(base), list(base + np.tile([0.3, -0.25, 0.1], 10)))
    assert comparison.verdict == "cannot tell"
    total = comparison.pairs + comparison.more_questions
    spread = float(np.std(np.tile([0.3, -0.25, 0.1], 10), ddof=1))
    count = 0
    for _ in range(150):
        d = random.normal(comparison.difference, spread, total)
        count += compare_pairs([0.0] * total, list(d)).verdict == "better"
    # 80 % of 150, and three standard deviations of chance on either side.
    assert 105 <= count <= 135


def test_a_number_of_questions_is_never_absurd():
    comparison = compare_pairs(*passes(900, 51, 50, 999), margin=0.001)
    assert comparison.more_questions == MOST_QUESTIONS
    assert missing_words(comparison) == "more than 10,000 more questions would show a difference of this size"


def test_where_the_difference_is_0_the_size_that_would_be_seen_is_said():
    comparison = compare_pairs(*passes(10, 3, 3, 24))
    assert (comparison.difference, comparison.more_questions) == (0.0, None)
    assert comparison.visible == pytest.approx(0.191, abs=0.002)
    assert missing_words(comparison).startswith("there is none; 40 questions would show one of 0.191")
    assert missing_words(compare_pairs([1.0, 0.0], [1.0, 0.0])) == (
        "there is none, but 2 questions would show none of any size"
    )


def test_no_pair_says_why_nobody_can_tell():
    assert (
        verdict_words(compare_pairs([None, 1.0], [0.5, None])) == "cannot tell: no question has a value on both sides"
    )


def test_more_questions_are_counted_at_the_level_of_the_family():
    a, b = passes(60, 12, 8, 20)
    alone, among = compare_pairs(a, b), compare_family([(a, b)] + [passes(60, 9, 9, 22)] * 9)[0]
    assert among.more_questions > alone.more_questions


def test_results_stored_under_the_former_word_are_read():
    former = {"difference": 0.1, "low": -0.1, "high": 0.3, "p_value": 0.3, "pairs": 12, "dropped": 0}
    gain = Gain.model_validate({**former, "verdict": "no difference seen"})
    assert gain.verdict == "cannot tell"
    assert verdict_words(gain) == "cannot tell"
    with pytest.raises(ValueError, match="verdict"):
        Gain.model_validate({**former, "verdict": "perhaps"})


def test_units_are_named():
    assert unit_note(40, None) == "40 questions; unit: question"
    assert unit_note(40, 12) == "40 questions in 12 documents; unit: document"


def test_a_verdict_needs_an_interval_within_the_margin_on_both_sides():
    assert verdict_of(0.01, 0.4, margin=0.05, ends=(-0.04, 0.06)) == "cannot tell"
    assert verdict_of(0.01, 0.4, margin=0.05, ends=(-0.04, 0.04)) == "equivalent"
    assert verdict_of(0.01, 0.4, margin=0.05, ends=(-0.04, 0.05)) == "cannot tell"
    assert verdict_of(None, None, margin=0.05) == "cannot tell"


def test_the_value_of_a_question_is_the_mean_of_its_repeats():
    assert question_means([[1.0, None, 0.0], [0.0, None, None]]) == [0.5, None, 0.0]
    with pytest.raises(ValueError):
        question_means([[1.0], [1.0, 0.0]])


def test_a_comparison_without_new_fields_can_be_made():
    old = Comparison(0.0, -0.1, 0.2, 0.4, 10, "cannot tell", "test")
    assert verdict_words(old) == "cannot tell"


def test_a_margin_is_points_of_a_score_and_a_share_of_what_has_no_bounds() -> None:
    tokens = [1000.0 + i % 7 for i in range(60)]
    shifted = [value + (3 if i % 2 else -3) for i, value in enumerate(tokens)]
    (found,) = compare_family([(tokens, shifted)], margin=0.02)
    assert found.margin == pytest.approx(0.02 * sum(tokens) / 60)
    assert found.verdict == "equivalent"
    scores = [[value / 2000 for value in column] for column in (tokens, shifted)]
    (found,) = compare_family([(scores[0], scores[1])], margin=0.02)
    assert found.margin == 0.02
