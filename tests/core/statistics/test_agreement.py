import numpy as np
import pytest

from llmopt_core.statistics.agreement import agreement, auc, cohens_kappa


@pytest.mark.parametrize("digits", [1, 6])
def test_auc_is_the_share_of_pairs_in_the_right_order_ties_counting_half(digits):
    random = np.random.default_rng(digits)
    labels = random.random(80) < 0.4
    scores = (random.random(80) + 0.3 * labels).round(digits)
    gaps = scores[labels][:, None] - scores[~labels][None, :]
    assert auc(list(labels), list(scores)) == pytest.approx(((gaps > 0) + 0.5 * (gaps == 0)).mean())


def test_kappa_of_words():
    assert cohens_kappa(["a", "b", "c"], ["a", "b", "c"]) == 1.0
    assert cohens_kappa(["a", "b", "a", "b"], ["a", "a", "b", "b"]) == 0.0


def test_no_number_where_none_is_defined():
    assert auc([True, True], [0.1, 0.2]) is None
    assert cohens_kappa([], []) is None
    assert cohens_kappa([True, True], [True, True]) is None


def test_agreement_leaves_out_what_has_no_score():
    result = agreement([True, True, False, False], [0.9, None, 0.7, 0.1])
    assert (result.scored, result.total) == (3, 4)
    assert result.accuracy == pytest.approx(2 / 3)
    assert (result.precision, result.recall, result.auc) == (0.5, 1.0, 1.0)
    empty = agreement([], [])
    assert (empty.accuracy, empty.kappa, empty.auc, empty.precision, empty.recall) == (None,) * 5
