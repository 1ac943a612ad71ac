import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from llmopt_core.statistics.intervals import exact_interval, rate, summarize, wilson_interval
from llmopt_core.statistics.resampling import RESAMPLES

DATA = {
    "smooth": np.random.default_rng(1).normal(0.6, 0.2, 57),
    "skewed": np.random.default_rng(2).exponential(0.3, 200),
    "few values": np.random.default_rng(3).integers(0, 3, 41) / 2,
    "two values": np.array([0.2, 0.9]),
}


@pytest.mark.parametrize("method", ["BCa", "percentile"])
@pytest.mark.parametrize("name", list(DATA))
def test_interval_equals_scipy_on_the_same_draws(name, method):
    values = DATA[name]
    ours = summarize(list(values), seed=7, method=method)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=RESAMPLES, method=method, rng=np.random.default_rng(7)
    ).confidence_interval
    assert ours.mean == pytest.approx(values.mean())
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_same_seed_same_interval_and_other_seed_other_draws():
    values = list(DATA["smooth"])
    assert summarize(values, seed=3) == summarize(values, seed=3)
    assert summarize(values, seed=3) != summarize(values, seed=4)


@pytest.mark.parametrize(
    ("values", "mean", "scored", "total"),
    [
        ([], None, 0, 0),
        ([None, None], None, 0, 2),
        ([0.4], 0.4, 1, 1),
        ([0.4, None], 0.4, 1, 2),
        ([7.0] * 9, 7.0, 9, 9),
    ],
)
def test_no_interval_where_none_can_be_computed(values, mean, scored, total):
    summary = summarize(values)
    assert (summary.mean, summary.low, summary.high) == (mean, None, None)
    assert (summary.scored, summary.total, summary.missing) == (scored, total, total - scored)


@pytest.mark.parametrize("passed", [0, 1, 5, 8])
def test_passes_and_failures_have_wilsons_interval(passed):
    summary = summarize([1.0] * passed + [0.0] * (8 - passed) + [None])
    assert (summary.low, summary.high) == pytest.approx(proportion_confint(passed, 8, method="wilson"), abs=1e-12)


def test_one_pass_has_wilsons_interval_too():
    assert (summarize([1.0]).low, summarize([1.0]).high) == pytest.approx((0.2065, 1.0), abs=1e-4)


def test_equal_graded_values_are_only_as_certain_as_that_no_other_comes():
    # Up to 32.4 % of the answers may score otherwise after 8 that did not (Wilson's upper end of 0 of 8).
    summary = summarize([0.5] * 8)
    assert (summary.low, summary.high) == pytest.approx((0.5 - 0.5 * 0.3244, 0.5 + 0.5 * 0.3244), abs=1e-4)
    many = summarize([0.5] * 800)
    assert many.low is not None
    assert summary.low is not None
    assert summary.low < many.low < 0.5
    rounded = summarize([0.1 + 0.2, 0.3, 0.3])
    assert (rounded.low, rounded.high) == pytest.approx((0.3 * 0.4385, 0.3 * 0.4385 + 0.5615), abs=1e-4)


@pytest.mark.parametrize(("passed", "total"), [(0, 5), (5, 5), (1, 1), (17, 40), (999, 1000)])
def test_exact_interval_equals_statsmodels(passed, total):
    assert exact_interval(passed, total) == pytest.approx(proportion_confint(passed, total, method="beta"), abs=1e-9)


def test_values_that_are_not_numbers_count_as_missing_never_as_zero():
    summary = summarize([0.5, math.nan, None, math.inf, 0.7])
    assert summary.mean == pytest.approx(0.6)
    assert (summary.scored, summary.total) == (2, 5)


def test_interval_covers_the_true_mean_about_as_often_as_promised():
    random = np.random.default_rng(0)
    samples = random.beta(5, 2, (300, 40))
    covered = [s.low <= 5 / 7 <= s.high for s in (summarize(list(row)) for row in samples)]
    assert 0.90 <= np.mean(covered) <= 0.99


@pytest.mark.parametrize(("passed", "total"), [(0, 5), (5, 5), (1, 1), (17, 40), (999, 1000)])
def test_wilson_equals_statsmodels(passed, total):
    assert wilson_interval(passed, total) == pytest.approx(
        proportion_confint(passed, total, method="wilson"), abs=1e-12
    )


def test_rate_counts_undecided_apart():
    result = rate([True, None, False, True])
    assert (result.passed, result.scored, result.total) == (2, 3, 4)
    assert result.share == pytest.approx(2 / 3)
    assert rate([None]).share is None
