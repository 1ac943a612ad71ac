import numpy as np
import pytest

from llmopt_core.experiments.estimate_range import remaining_range, shift_range, sum_ranges


def test_nine_of_ten_sums_lie_in_their_range():
    random = np.random.default_rng(4)
    hits = 0
    for _ in range(2000):
        costs = random.normal(1.0, 0.3, 105)
        low, high = remaining_range(list(costs[:5]), 100)
        hits += low <= costs[5:].sum() <= high
    # 90 %, three standard deviations of chance.
    assert 0.88 <= hits / 2000 <= 0.92


def test_equal_costs_are_no_certainty_and_one_tells_nothing():
    low, high = remaining_range([0.01] * 5, 35)
    assert low < 0.35 < high
    assert low > 0.3
    assert remaining_range([0.01], 35) is None
    assert remaining_range([0.01, None, 0.01], 35) is None
    assert remaining_range([], 0) == (0.0, 0.0)
    assert remaining_range([0.0, 0.0, 5.0], 10)[0] == 0.0


def test_ranges_add_up_and_what_is_not_known_stays_so():
    assert sum_ranges([(1.0, 2.0), (0.0, 0.5)]) == (1.0, 2.5)
    assert sum_ranges([(1.0, 2.0), None]) is None
    assert shift_range((1.0, 2.0), 0.5) == pytest.approx((1.5, 2.5))
    assert shift_range(None, 0.5) is None
    assert shift_range((1.0, 2.0), None) is None
