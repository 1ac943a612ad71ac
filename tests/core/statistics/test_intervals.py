import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from llmopt_core.statistics.intervals import rate, summarize, wilson_interval
from llmopt_core.statistics.resampling import RESAMPLES

DATA = {
    "smooth": np.random.default_rng(1).normal(0.6, 0.2, 57),
    "skewed": np.random.default_rng(2).exponential(0.3, 200),
    "pass or fail": np.random.default_rng(3).integers(0, 2, 41).astype(float),
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
        ([1.0] * 9, 1.0, 9, 9),
    ],
)
def test_no_interval_where_there_is_no_spread(values, mean, scored, total):
    summary = summarize(values)
    assert (summary.mean, summary.low, summary.high) == (mean, None, None)
    assert (summary.scored, summary.total, summary.missing) == (scored, total, total - scored)


def test_equal_values_up_to_rounding_have_no_interval():
    assert summarize([0.1 + 0.2, 0.3, 0.3]).low is None


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
