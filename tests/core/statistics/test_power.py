import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from llmopt_core.statistics.paired_comparison import compare_pairs
from llmopt_core.statistics.power import (
    effective_questions,
    fewest_clusters,
    graded_power,
    grades_needed,
    passes_needed,
    power,
    smallest_difference,
)


def test_of_200_questions_of_which_a_fifth_differ_8_points_are_found_in_two_of_three_tries():
    assert power(200, 0.2, 0.08) == pytest.approx(2 / 3, abs=0.02)
    random = np.random.default_rng(8)
    count = 0
    for _ in range(400):
        gained, lost, _ = random.multinomial(200, [0.14, 0.06, 0.8])
        a = [0.0] * gained + [1.0] * lost + [1.0] * (200 - gained - lost)
        b = [1.0] * gained + [0.0] * lost + [1.0] * (200 - gained - lost)
        count += compare_pairs(a, b).verdict == "better"
    # Three standard deviations of chance.
    assert count / 400 == pytest.approx(power(200, 0.2, 0.08), abs=0.07)


@pytest.mark.parametrize(("size", "spread", "difference"), [(20, 0.4, 0.2), (60, 0.3, 0.1), (150, 0.25, -0.05)])
def test_power_of_grades_equals_statsmodels(size, spread, difference):
    expected = TTestPower().power(abs(difference) / spread, size, 0.05)
    assert graded_power(size, spread, difference) == pytest.approx(expected, abs=1e-9)
    needed = grades_needed(spread, difference)
    assert needed == pytest.approx(TTestPower().solve_power(abs(difference) / spread, alpha=0.05, power=0.8), rel=0.02)


@pytest.mark.parametrize(("discordant", "difference"), [(0.2, 0.08), (0.1, 0.05), (0.4, 0.1), (0.6, 0.3), (0.2, 0.02)])
def test_that_many_passes_show_the_difference_in_four_of_five_tries(discordant, difference):
    assert power(round(passes_needed(discordant, difference)), discordant, difference) == pytest.approx(0.8, abs=0.03)


def test_power_knows_no_direction_and_what_cannot_be_shown():
    assert power(100, 0.3, -0.1) == power(100, 0.3, 0.1)
    assert power(5, 1.0, 1.0) == 0.0
    assert power(100, 0.0, 0.0) == 0.0
    assert graded_power(1, 0.3, 0.1) == 0.0


def test_the_smallest_difference_is_where_power_reaches_four_of_five():
    result = smallest_difference(200, 0.2)
    assert result == pytest.approx(0.092, abs=0.004)
    assert power(200, 0.2, result) >= 0.8 > power(200, 0.2, result - 0.002)
    assert smallest_difference(5, 0.2) is None


def test_questions_that_share_documents_show_less():
    assert effective_questions(40, 40) == 40
    assert effective_questions(40, 10, 1.0) == 10
    assert power(40, 0.3, 0.2, 10) < power(40, 0.3, 0.2)
    assert smallest_difference(40, 0.2, 10) > smallest_difference(40, 0.2)


def test_five_documents_show_nothing():
    assert fewest_clusters() == 6
    assert 2 ** (1 - 6) < 0.05 <= 2 ** (1 - 5)
    assert power(400, 0.3, 0.3, 5) == 0.0
    assert power(400, 0.3, 0.3, 6) > 0.0
    assert smallest_difference(400, 0.2, 5) is None
