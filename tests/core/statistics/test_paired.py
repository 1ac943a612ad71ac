import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests

from llmopt_core.statistics.paired import compare_paired, holm, mcnemar, sign_test, verdict_of, wins


def scipy_p(a, b, resamples=9_999):
    return stats.permutation_test(
        (np.array(b), np.array(a)),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        n_resamples=resamples,
        vectorized=True,
        rng=np.random.default_rng(0),
    ).pvalue


@pytest.mark.parametrize("seed", range(6))
def test_few_pairs_give_the_exact_p_value_of_scipy(seed):
    random = np.random.default_rng(seed)
    a, b = random.normal(0, 1, 9), random.normal(0.7, 1, 9)
    if seed % 2:
        a, b = a.round(), b.round()
    result = compare_paired(list(a), list(b))
    assert result.p_value == pytest.approx(scipy_p(a, b), abs=1e-12)
    assert result.method.endswith("exact")


def test_examples_without_a_difference_leave_the_exact_p_value_as_it_is():
    a = [0.0] * 10 + [0.1, 0.5, 0.2, 0.4, 0.3, 0.1]
    b = [0.0] * 10 + [0.3, 0.9, 0.8, 0.5, 0.2, 0.6]
    assert compare_paired(a, b).p_value == pytest.approx(compare_paired(a[10:], b[10:]).p_value)
    assert compare_paired(a, b).p_value == pytest.approx(scipy_p(a, b, 2**16), abs=1e-12)


def test_many_pairs_agree_with_scipy_up_to_its_own_randomness():
    random = np.random.default_rng(5)
    a = random.uniform(0, 1, 120)
    b = a + random.normal(0.03, 0.2, 120)
    assert compare_paired(list(a), list(b)).p_value == pytest.approx(scipy_p(a, b), abs=0.02)


def test_interval_of_the_difference_equals_scipys():
    random = np.random.default_rng(6)
    a, b = random.uniform(0, 1, 50), random.uniform(0.1, 1, 50)
    result = compare_paired(list(a), list(b), seed=2)
    theirs = stats.bootstrap((b - a,), np.mean, n_resamples=2_000, rng=np.random.default_rng(2)).confidence_interval
    assert (result.low, result.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert result.difference == pytest.approx((b - a).mean())


def test_verdict_is_about_the_second_and_knows_which_way_is_good():
    low, high = [0.1, 0.2, 0.3, 0.2, 0.1, 0.3, 0.2, 0.1], [0.5, 0.7, 0.8, 0.6, 0.4, 0.9, 0.5, 0.6]
    assert compare_paired(low, high).verdict == "better"
    assert compare_paired(high, low).verdict == "worse"
    assert compare_paired(low, high, higher_is_better=False).verdict == "worse"
    assert compare_paired(low, low).verdict == "no difference seen"
    assert compare_paired(low, low).p_value == 1.0


def test_large_mean_difference_on_too_few_pairs_is_no_difference_seen():
    result = compare_paired([0.0, 0.0, 0.0, 0.0, 0.0], [1.0, 0.9, 0.8, 1.0, 0.9])
    assert result.p_value == pytest.approx(2 / 32)
    assert result.verdict == "no difference seen"


def test_missing_values_are_dropped_pairwise_and_counted():
    result = compare_paired([0.1, None, 0.3, float("nan"), 0.5], [0.2, 0.9, None, 0.4, 0.6])
    assert (result.pairs, result.dropped) == (2, 3)
    assert result.difference == pytest.approx(0.1)


@pytest.mark.parametrize("pairs", [[], [(None, 0.5)], [(0.1, None), (None, 0.2)]])
def test_no_pair_gives_no_numbers(pairs):
    result = compare_paired([a for a, _ in pairs], [b for _, b in pairs])
    assert (result.difference, result.low, result.high, result.p_value, result.pairs) == (None,) * 4 + (0,)
    assert result.verdict == "no difference seen"


def test_one_pair_has_a_difference_but_no_interval():
    result = compare_paired([0.2], [0.7])
    assert (result.difference, result.low, result.p_value) == (pytest.approx(0.5), None, 1.0)


def test_runs_of_different_length_are_refused():
    with pytest.raises(ValueError):
        compare_paired([1.0], [1.0, 2.0])


def test_false_alarms_stay_near_five_percent():
    random = np.random.default_rng(9)
    verdicts = [
        compare_paired(list(random.uniform(0, 1, 30)), list(random.uniform(0, 1, 30))).verdict for _ in range(400)
    ]
    assert sum(v != "no difference seen" for v in verdicts) <= 34


@pytest.mark.parametrize("seed", range(5))
def test_mcnemar_equals_statsmodels(seed):
    random = np.random.default_rng(seed)
    a, b = random.random(60) < 0.5, random.random(60) < 0.7
    table = [[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]]
    result = mcnemar(list(a), list(b))
    assert result.p_value == pytest.approx(statsmodels_mcnemar(table, exact=True).pvalue, abs=1e-12)
    assert result.difference == pytest.approx(b.mean() - a.mean())


def test_mcnemar_with_missing_and_with_nothing_to_tell():
    assert mcnemar([True, None, False], [True, True, None]).pairs == 1
    assert mcnemar([True, True], [True, True]).p_value == 1.0
    assert mcnemar([], []).p_value is None


def test_permutation_of_passes_is_mcnemar():
    a = [True, False, False, False, False, False, True, False, True]
    b = [True, True, True, True, True, True, True, True, False]
    assert compare_paired([float(x) for x in a], [float(x) for x in b]).p_value == mcnemar(a, b).p_value


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
    assert [verdict_of(0.1, p) for p in holm(raw)] == ["no difference seen", "no difference seen", "better"]
