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


def test_weights_count_as_so_many_equal_items() -> None:
    labels = [True, True, False, False, True, False]
    scores = [0.9, 0.3, 0.2, 0.8, 0.7, 0.1]
    weights = [1, 2, 3, 1, 2, 4]
    many_labels = [label for label, count in zip(labels, weights, strict=True) for _ in range(count)]
    many_scores = [score for score, count in zip(scores, weights, strict=True) for _ in range(count)]
    weighted, plain = agreement(labels, scores, weights=weights), agreement(many_labels, many_scores)
    for name in ("accuracy", "kappa", "auc", "precision", "recall", "specificity"):
        assert getattr(weighted, name) == pytest.approx(getattr(plain, name)), name
    assert plain.recall == pytest.approx(3 / 5)
    assert plain.specificity == pytest.approx(7 / 8)
    assert weighted.scored == 6


def test_without_wrong_items_there_is_no_true_negative_rate() -> None:
    result = agreement([True, True], [0.9, 0.2])
    assert result.specificity is None
    assert result.recall == 0.5
