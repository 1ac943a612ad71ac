import tracemalloc

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests

from llmopt_core.statistics.holm import holm, holm_levels
from llmopt_core.statistics.paired_comparison import compare_family, compare_pairs
from llmopt_core.statistics.paired_wins import sign_test, wins
from llmopt_core.statistics.resampling import flip_pairs
from llmopt_core.statistics.sign_flips import SignFlips
from llmopt_core.statistics.verdict import verdict_of

SEEN = {"better", "worse"}


def scipy_p(a, b, resamples=9_999):
    return stats.permutation_test(
        (np.array(b), np.array(a)),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        n_resamples=resamples,
        vectorized=True,
        rng=np.random.default_rng(0),
    ).pvalue


def sign_flips(a, b):
    differences = np.array(b) - np.array(a)
    return SignFlips(differences, np.ones(len(differences)), flip_pairs(differences)).p_value()


@pytest.mark.parametrize("seed", range(6))
def test_sign_flips_of_few_pairs_give_the_exact_p_value_of_scipy(seed):
    random = np.random.default_rng(seed)
    a, b = random.normal(0, 1, 9), random.normal(0.7, 1, 9)
    if seed % 2:
        a, b = a.round(), b.round()
    assert sign_flips(a, b) == pytest.approx(scipy_p(a, b), abs=1e-12)
    result = compare_pairs(list(a), list(b))
    assert result.p_value >= sign_flips(a, b)
    assert result.method.endswith("exact")


def test_examples_without_a_difference_leave_the_exact_p_value_as_it_is():
    a = [0.0] * 10 + [0.1, 0.5, 0.2, 0.4, 0.3, 0.1]
    b = [0.0] * 10 + [0.3, 0.9, 0.8, 0.5, 0.2, 0.6]
    assert sign_flips(a, b) == pytest.approx(sign_flips(a[10:], b[10:]))
    assert sign_flips(a, b) == pytest.approx(scipy_p(a, b, 2**16), abs=1e-12)


def test_many_pairs_agree_with_scipy_up_to_its_own_randomness():
    random = np.random.default_rng(5)
    a = random.uniform(0, 1, 120)
    b = a + random.normal(0.03, 0.2, 120)
    assert compare_pairs(list(a), list(b)).p_value == pytest.approx(scipy_p(a, b), abs=0.02)


def test_interval_of_a_well_behaved_difference_is_close_to_students():
    random = np.random.default_rng(6)
    d = random.normal(0.1, 0.2, 80)
    result = compare_pairs([0.0] * 80, list(d), seed=2)
    assert (result.low, result.high) == pytest.approx(stats.ttest_1samp(d, 0).confidence_interval(), abs=0.006)
    assert result.difference == pytest.approx(d.mean())


def test_verdict_is_about_the_second_and_knows_which_way_is_good():
    low, high = [0.1, 0.2, 0.3, 0.2, 0.1, 0.3, 0.2, 0.1], [0.5, 0.7, 0.8, 0.6, 0.4, 0.9, 0.5, 0.6]
    assert compare_pairs(low, high).verdict == "better"
    assert compare_pairs(high, low).verdict == "worse"
    assert compare_pairs(low, high, higher_is_better=False).verdict == "worse"
    assert compare_pairs(low, low).verdict == "cannot tell"
    assert compare_pairs(low, low).p_value == 1.0


def test_large_mean_difference_on_too_few_pairs_is_no_difference_seen():
    result = compare_pairs([0.0, 0.0, 0.0, 0.0, 0.0], [1.0, 0.9, 0.8, 1.0, 0.9])
    assert result.p_value == pytest.approx(2 / 32)
    assert result.verdict == "cannot tell"


def test_missing_values_are_dropped_pairwise_and_counted():
    result = compare_pairs([0.1, None, 0.3, float("nan"), 0.5], [0.2, 0.9, None, 0.4, 0.6])
    assert (result.pairs, result.dropped) == (2, 3)
    assert result.difference == pytest.approx(0.1)


@pytest.mark.parametrize("pairs", [[], [(None, 0.5)], [(0.1, None), (None, 0.2)]])
def test_no_pair_gives_no_numbers(pairs):
    result = compare_pairs([a for a, _ in pairs], [b for _, b in pairs])
    assert (result.difference, result.low, result.high, result.p_value, result.pairs) == (None,) * 4 + (0,)
    assert result.verdict == "cannot tell"


def test_equal_differences_are_only_as_certain_as_that_no_other_comes():
    # After 8 equal differences up to 32.4 % may be others (Wilson's upper end of 0 of 8), as far as -1 and 1.
    result = compare_pairs([0.2] * 8, [0.7] * 8)
    assert (result.low, result.high) == pytest.approx((0.5 - 0.3244 * 1.5, 0.5 + 0.3244 * 0.5), abs=1e-3)
    assert result.verdict == "better"
    small = compare_pairs([0.2] * 8, [0.1] * 8)
    assert small.verdict == "cannot tell"
    assert small.low < 0 < small.high
    assert compare_pairs([0.2] * 4, [0.2] * 4).low < 0 < compare_pairs([0.2] * 4, [0.2] * 4).high


def test_equal_differences_without_bounds_have_no_interval():
    result = compare_pairs([20.0] * 8, [70.0] * 8)
    assert (result.low, result.high, result.p_value) == (None, None, 2 / 2**8)


def test_where_few_pairs_differ_the_interval_is_as_wide_as_their_share_allows():
    comparison = compare_pairs([1.0] * 41, [1.0] * 40 + [0.67])
    # 0 of 41 gained, 1 of 41 lost: Wilson's upper ends.
    assert (comparison.low, comparison.high) == (pytest.approx(-0.126, abs=0.001), pytest.approx(0.0, abs=0.086))
    assert comparison.low < comparison.difference < 0 < comparison.high


def test_one_pair_has_a_difference_but_no_interval():
    result = compare_pairs([0.2], [0.7])
    assert (result.difference, result.low, result.p_value) == (pytest.approx(0.5), None, 1.0)


def test_runs_of_different_length_are_refused():
    with pytest.raises(ValueError):
        compare_pairs([1.0], [1.0, 2.0])


def test_false_alarms_stay_near_five_percent():
    random = np.random.default_rng(9)
    verdicts = [
        compare_pairs(list(random.uniform(0, 1, 30)), list(random.uniform(0, 1, 30))).verdict for _ in range(400)
    ]
    assert sum(v in SEEN for v in verdicts) <= 34


@pytest.mark.parametrize("seed", range(5))
def test_mcnemar_equals_statsmodels(seed):
    random = np.random.default_rng(seed)
    a, b = random.random(60) < 0.5, random.random(60) < 0.7
    table = [[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]]
    result = compare_pairs(a.astype(float).tolist(), b.astype(float).tolist())
    assert result.p_value == pytest.approx(statsmodels_mcnemar(table, exact=True).pvalue, abs=1e-12)
    assert result.difference == pytest.approx(b.mean() - a.mean())


def test_mcnemar_with_missing_and_with_nothing_to_tell():
    assert compare_pairs([1.0, None, 0.0], [1.0, 1.0, None]).pairs == 1
    assert compare_pairs([1.0, 1.0], [1.0, 1.0]).p_value == 1.0
    assert compare_pairs([], []).p_value is None


def test_permutation_of_passes_is_mcnemar():
    a = [True, False, False, False, False, False, True, False, True]
    b = [True, True, True, True, True, True, True, True, False]
    table = [[2, 1], [6, 0]]
    comparison = compare_pairs([float(x) for x in a], [float(x) for x in b])
    assert comparison.p_value == pytest.approx(statsmodels_mcnemar(table, exact=True).pvalue, abs=1e-12)


@pytest.mark.parametrize("p", [[], [0.04], [0.01, 0.04, 0.03, 0.5], [0.2, 0.2, 1.0, 0.0001, 0.0001]])
def test_holm_equals_statsmodels(p):
    expected = list(multipletests(p, method="holm")[1]) if p else []
    assert holm(p) == pytest.approx(expected, abs=1e-12)


def test_wins_losses_ties_with_the_sign_test_of_scipy():
    result = wins([1, 2, 3, 4, 5, None], [2, 3, 4, 4, 1, 2])
    assert (result.wins, result.losses, result.ties, result.dropped) == (3, 1, 1, 1)
    assert result.p_value == pytest.approx(stats.binomtest(3, 4).pvalue)
    assert wins([1, 2], [2, 1], higher_is_better=False, tolerance=2).ties == 2
    assert sign_test(0, 0) == 1.0


def test_verdict_after_adjusting_for_many_comparisons():
    raw = [0.03, 0.2, 0.01]
    assert [verdict_of(0.1, p) for p in holm(raw)] == ["cannot tell", "cannot tell", "better"]


def ties(random, n):
    return np.where(random.random(n) < 0.8, 0.0, random.choice([-1, -0.5, 0.5, 1.0], n))


def long_tails(random, n):
    return random.choice([-1, 1], n) * random.lognormal(-3, 1.5, n)


def few_large_gains(random, n):
    return np.where(random.random(n) < 0.1, 0.9, -0.1)


def passes(random, n):
    return random.choice([-1.0, 0.0, 1.0], n, p=[0.2, 0.6, 0.2])


def columns(differences):
    """Two columns with these differences; differences of passes stay passes."""
    return list((differences < 0) * -differences), list((differences > 0) * differences)


KINDS = [ties, long_tails, few_large_gains, passes]


@pytest.mark.parametrize("draw", KINDS)
@pytest.mark.parametrize("size", [10, 50])
def test_no_difference_is_seen_where_there_is_none(draw, size):
    random = np.random.default_rng(size)
    matches = [compare_pairs(*columns(draw(random, size))) for _ in range(300)]
    # 5 % of 300, and three standard deviations of chance. The interval holds 0 in all others.
    assert sum(one.verdict in SEEN for one in matches) <= 26
    assert sum(not one.low <= 0 <= one.high for one in matches if one.low is not None) <= 26


@pytest.mark.parametrize("draw", KINDS)
@pytest.mark.parametrize("size", [4, 9, 25, 70])
def test_an_interval_leaves_out_0_where_a_difference_is_seen_and_only_there(draw, size):
    random = np.random.default_rng(size)
    for others in range(8):
        for _ in range(8):
            a, b = columns(draw(random, size) + (0.1 * others if draw is not passes else 0))
            comparison = compare_pairs(a, b, together_with=list(random.random(others) * 0.03))
            if comparison.low is not None:
                assert (comparison.low <= 0 <= comparison.high) == (comparison.verdict not in SEEN), comparison
                assert comparison.low <= comparison.difference <= comparison.high
            assert (comparison.p_value < 0.05) == (comparison.verdict in SEEN)


def test_a_difference_that_holm_does_not_see_has_an_interval_around_0():
    a, b = [0.0] * 24, [1.0] * 7 + [-0.0] * 16 + [0.0]
    alone = compare_pairs(a, b)
    assert (alone.verdict, alone.p_value) == ("better", pytest.approx(2 / 2**7))
    assert alone.low > 0
    among_eight = compare_pairs(a, b, together_with=[0.5] * 7)
    assert among_eight.verdict == "cannot tell"
    assert among_eight.low < 0 < among_eight.high
    assert (among_eight.family, among_eight.confidence) == (8, pytest.approx(1 - 0.05 / 8))
    assert (among_eight.p_value, among_eight.p_unadjusted) == (pytest.approx(8 * 2 / 2**7), alone.p_value)


def test_a_family_is_each_of_its_members_tested_with_the_others():
    random = np.random.default_rng(2)
    base = random.random(40)
    others = [list(np.clip(base + random.normal(shift, 0.2, 40), 0, 1)) for shift in (0.0, 0.08, 0.2)]
    result = compare_family([(list(base), other) for other in others])
    alone = [compare_pairs(list(base), other).p_value for other in others]
    assert [one.p_value for one in result] == holm(alone)
    assert [one.p_unadjusted for one in result] == alone
    assert result[1] == compare_pairs(list(base), others[1], together_with=[alone[0], alone[2]])
    assert {one.family for one in result} == {3}


@pytest.mark.parametrize("p", [[0.04], [0.01, 0.04, 0.03, 0.5], [0.001, 0.02, 0.02, 0.3], [0.9, 0.8], [0.0125] * 4])
def test_holms_levels_decide_as_its_adjusted_p_values(p):
    assert [one < level for one, level in zip(p, holm_levels(p), strict=True)] == [q < 0.05 for q in holm(p)]


@pytest.mark.parametrize(
    ("both", "gained", "lost", "neither", "low", "high"),
    # Newcombe (1998), table II and text: Tango's score intervals of published tables.
    [(36, 12, 2, 0, 0.0562, 0.3290), (0, 0, 0, 30, -0.1135, 0.1135)],
)
def test_the_interval_of_passes_covers_tangos(both, gained, lost, neither, low, high):
    a = [True] * both + [False] * gained + [True] * lost + [False] * neither
    b = [True] * both + [True] * gained + [False] * lost + [False] * neither
    comparison = compare_pairs([float(x) for x in a], [float(x) for x in b])
    assert comparison.low == pytest.approx(low, abs=0.02)
    assert comparison.high == pytest.approx(high, abs=0.02)
    assert comparison.low <= low + 5e-4
    assert comparison.high >= high - 5e-4


def test_the_same_pair_the_other_way_round():
    a, b = [0.1, 0.2, 0.3, 0.2, 0.1, 0.3, 0.2, 0.1], [0.5, 0.7, 0.8, 0.6, 0.4, 0.9, 0.5, 0.6]
    found, turned = compare_pairs(a, b), compare_pairs(b, a)
    assert (found.verdict, turned.verdict) == ("better", "worse")
    assert (turned.low, turned.high, turned.difference) == (-found.high, -found.low, -found.difference)
    assert (turned.before, turned.after) == (found.after, found.before)


def test_verdicts_are_the_same_each_time():
    random = np.random.default_rng(3)
    a, b = list(random.random(60)), list(random.random(60))
    assert compare_pairs(a, b) == compare_pairs(a, b)


def test_ten_thousand_questions_take_little_memory():
    rng = np.random.default_rng(4)
    a = rng.random(10_000)
    b = np.clip(a + rng.normal(0.01, 0.2, 10_000), 0, 1)
    tracemalloc.start()
    compare_pairs(list(a), list(b))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 250e6
