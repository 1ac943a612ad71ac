import numpy as np
import pytest
from scipy import stats

from llmopt_core.statistics.non_inferiority import non_inferiority


def passes(gained, lost, pairs):
    a = [0.0] * gained + [1.0] * lost + [1.0] * (pairs - gained - lost)
    b = [1.0] * gained + [0.0] * lost + [1.0] * (pairs - gained - lost)
    return a, b


def outcomes(share, drop, size, margin, draws=300):
    random = np.random.default_rng(size)
    gain, loss = (share - drop) / 2, (share + drop) / 2
    counts = random.multinomial(size, [gain, loss, 1 - gain - loss], draws)
    return [non_inferiority(*passes(gained, lost, size), margin).outcome for gained, lost, _ in counts.tolist()]


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2])
def test_gates_between_equal_systems_hardly_fail_and_a_planted_drop_is_caught(share):
    # The true shares are 2 to 4 %, and 93 % and more; three standard deviations of chance.
    assert outcomes(share, 0.0, 200, 0.02).count("failed") <= 22
    assert outcomes(max(share, 0.1), 0.1, 200, 0.02).count("failed") >= 270


@pytest.mark.parametrize("margin", [0.02, 0.05])
def test_a_loss_of_the_margin_hardly_passes(margin):
    assert outcomes(0.1, margin, 400, margin).count("passed") <= 28


def test_it_is_shown_that_hardly_anything_is_lost():
    test = non_inferiority(*passes(10, 10, 1000), 0.02)
    assert (test.outcome, test.difference, test.pairs) == ("passed", 0.0, 1000)
    assert -0.02 < test.lower < 0 < test.upper
    assert test.p_inferior < 0.05
    assert test.p_drop >= 0.5


def test_few_questions_cannot_tell_where_p_above_5_percent_would_pass():
    test = non_inferiority(*passes(0, 3, 20), 0.02)
    assert test.outcome == "cannot tell"
    assert test.p_drop == pytest.approx(stats.binomtest(0, 3, alternative="less").pvalue)
    assert test.p_inferior > 0.05


def test_a_real_drop_within_the_margin_does_not_fail():
    test = non_inferiority(*passes(10, 40, 2000), 0.05)
    assert test.p_drop < 0.001
    assert test.outcome == "passed"
    assert non_inferiority(*passes(0, 8, 400), 0.03).outcome != "failed"


def test_the_bound_and_its_p_value_decide_alike():
    for gained, lost in [(5, 5), (5, 9), (2, 10), (9, 5), (0, 0)]:
        test = non_inferiority(*passes(gained, lost, 200), 0.05)
        assert (test.lower > -0.05) == (test.p_inferior < 0.05) == (test.outcome == "passed")


def test_lower_is_better_turns_the_direction():
    random = np.random.default_rng(3)
    seconds = random.uniform(1, 2, 60)
    slower = list(seconds + 1 + random.normal(0, 0.1, 60))
    test = non_inferiority(list(seconds), slower, 0.2, higher_is_better=False)
    assert test.outcome == "failed"
    assert test.difference == pytest.approx(-1, abs=0.1)
    assert non_inferiority(slower, list(seconds), 0.2, higher_is_better=False).outcome == "passed"


def test_questions_of_few_documents_cannot_tell():
    a, b = passes(0, 20, 100)
    alone = non_inferiority(a, b, 0.02)
    clustered = non_inferiority(a, b, 0.02, [place // 20 for place in range(100)])
    assert (alone.outcome, clustered.outcome) == ("failed", "cannot tell")
    assert clustered.clusters == 5


def test_missing_values_are_counted_and_without_pairs_nobody_can_tell():
    test = non_inferiority([1.0, None], [None, 1.0], 0.02)
    assert (test.outcome, test.pairs, test.dropped) == ("cannot tell", 0, 2)
    with pytest.raises(ValueError, match="margin"):
        non_inferiority([1.0], [1.0], -0.1)
