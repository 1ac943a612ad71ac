import numpy as np
import pytest

from llmopt_core.statistics.clusters import cluster_interval, share_interval
from llmopt_core.statistics.intervals import wilson_interval


def test_values_that_come_in_groups_have_wider_intervals_than_as_many_alone():
    dice = np.random.default_rng(1)
    values = np.repeat(dice.random(20) < 0.5, 10)
    together = share_interval(values.tolist(), [place // 10 for place in range(200)])
    alone = share_interval(values.tolist(), list(range(200)))
    assert together[1] - together[0] > 2 * (alone[1] - alone[0])
    assert together[0] < values.mean() < together[1]
    assert together == share_interval(values.tolist(), [place // 10 for place in range(200)])


def test_it_covers_the_truth_about_as_often_as_it_says():
    dice = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        shares = dice.beta(2, 2, 30)
        values = [bool(x) for share in shares for x in dice.random(5) < share]
        low, high = share_interval(values, [place // 5 for place in range(150)])
        covered += low <= 0.5 <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_equal_values_get_an_interval_of_the_groups():
    assert share_interval([True] * 12, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]) == wilson_interval(3, 3)


@pytest.mark.parametrize("groups", [[], [1, 1, 1]])
def test_fewer_than_two_groups_have_none(groups):
    assert cluster_interval(groups, lambda places: float(len(places))) is None
