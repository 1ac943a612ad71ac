import math

import numpy as np
import pytest
from scipy.stats import t

from llmopt_core.statistics.corrected_rates import (
    DIFFERENCES,
    PASSES,
    Stratum,
    corrected_mean,
    label_variance,
    most_useful,
)


def test_within_strata_of_verdicts_it_is_the_closed_formula_of_prediction_powered_inference() -> None:
    rng = np.random.default_rng(3)
    verdicts = (rng.random(400) < 0.6).astype(float)
    labels = np.where(rng.random(400) < 0.85, verdicts, 1 - verdicts)
    strata, mean, within = [], 0.0, 0.0
    for verdict, count in ((0.0, 30), (1.0, 50)):
        places = np.flatnonzero(verdicts == verdict)
        own = labels[places[:count]]
        strata.append(Stratum(len(places), tuple(own), verdict))
        weight = len(places) / 400
        # Angelopoulos et al. 2023: mean of the predictions plus mean of label less prediction.
        mean += weight * (verdicts[places].mean() + (own - verdict).mean())
        within += weight**2 * (own - verdict).var(ddof=1) / count
    between = sum(len(labels) and s.size / 400 * (np.mean(s.labels) - mean) ** 2 for s in strata) / 400
    result = corrected_mean(strata, prior=0)
    assert result is not None
    assert result.mean == pytest.approx(mean)
    half = 1.959963984540054 * np.sqrt(between + within)
    assert (result.low, result.high) == pytest.approx((mean - half, mean + half))
    assert (result.labels, result.rows, result.unlabelled) == (80, 400, 0)


def test_with_every_row_labelled_it_is_the_usual_interval_of_a_mean() -> None:
    labels = (1.0,) * 60 + (0.0,) * 40
    result = corrected_mean([Stratum(60, labels[:60], 1.0), Stratum(40, labels[60:], 0.0)], prior=0)
    assert result is not None
    half = 1.959963984540054 * np.sqrt(0.24 / 100)
    assert (result.low, result.mean, result.high) == pytest.approx((0.6 - half, 0.6, 0.6 + half))


def test_more_labels_narrow_the_interval_and_a_judge_without_labels_proves_nothing() -> None:
    def width(count: int) -> float:
        labels = ((1.0,) * 9 + (0.0,)) * 5
        result = corrected_mean([Stratum(100, labels[:count], 1.0), Stratum(100, (0.0,) * count, 0.0)])
        assert result is not None
        return result.high - result.low

    widths = [width(count) for count in (0, 10, 20, 50)]
    assert widths[0] == pytest.approx(1.0)
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.2


def test_equal_labels_are_no_certainty_unless_every_row_is_known() -> None:
    few = corrected_mean([Stratum(200, (0.0,) * 5, 0.0)], DIFFERENCES)
    known = corrected_mean([Stratum(200, (), 0.0, is_known=True)], DIFFERENCES)
    assert few is not None
    assert known is not None
    assert few.high - few.low > 0.2
    assert (known.low, known.mean, known.high) == (0, 0, 0)


def test_rows_without_any_label_may_be_anything() -> None:
    result = corrected_mean([Stratum(50, (1.0,) * 50, 1.0), Stratum(50, (), 0.0)], DIFFERENCES)
    assert result is not None
    assert result.mean == 0.5
    assert result.unlabelled == 0.5
    assert result.low < 0.01
    assert result.high > 0.99


def test_no_rows_have_no_mean() -> None:
    assert corrected_mean([]) is None
    assert corrected_mean([Stratum(0, (), 1.0)]) is None


def test_the_next_label_goes_where_it_narrows_most() -> None:
    strata = {
        "mixed": Stratum(100, (1.0, 0.0) * 5, 1.0),
        "even": Stratum(100, (1.0,) * 10, 1.0),
        "known": Stratum(500, (), 0.0, is_known=True),
        "done": Stratum(3, (1.0, 0.0, 1.0), 1.0),
    }
    assert most_useful(strata, PASSES) == "mixed"
    assert most_useful({**strata, "new": Stratum(2, (), 1.0)}, PASSES) == "new"
    assert most_useful({"done": strata["done"], "known": strata["known"]}, PASSES) is None


def test_the_spread_of_labels_without_a_prior_is_the_usual_variance() -> None:
    labels = (1.0, 0.0, -1.0, 0.0, 1.0, 1.0)
    assert label_variance(labels, DIFFERENCES, 0) == pytest.approx(np.var(labels, ddof=1))
    assert label_variance((1.0,) * 4, PASSES) > 0


def test_rows_of_one_cluster_are_alike_and_the_interval_is_that_of_the_clusters() -> None:
    labels = (1.0,) * 48 + (0.0,) * 32
    clusters = tuple(f"d{place // 4}" for place in range(80))
    alone = corrected_mean([Stratum(80, labels, 1.0)], prior=0)
    result = corrected_mean([Stratum(80, labels, 1.0, clusters=clusters)], prior=0)
    assert alone is not None
    assert result is not None
    assert (result.mean, result.clusters) == (alone.mean, 20)
    # Twelve clusters of ones and eight of zeros: their sums of deviations are 4 * .4 and 4 * -.6. The plain part has
    # the labels' variance over 79 where the squares of the deviations have it over 80.
    variance = 20 / 19 * (12 * 1.6**2 + 8 * 2.4**2) / 80**2 - 0.24 / 80 + 0.24 / 79
    assert result.high - result.low == pytest.approx(2 * t.ppf(0.975, 19) * math.sqrt(variance))
    # Each for itself, or all in one: there is nothing to allow for.
    for same in (tuple(map(str, range(80))), ("d",) * 80):
        assert corrected_mean([Stratum(80, labels, 1.0, clusters=same)], prior=0) == alone


def test_the_interval_of_clustered_rows_holds_the_truth_where_a_plain_one_does_not() -> None:
    generator = np.random.default_rng(5)
    hits = {True: 0, False: 0}
    for _ in range(300):
        # 40 documents of 5 questions: people say the same of all of one document, and 2 of each are labelled.
        truth = np.repeat(generator.random(40) < 0.6, 5).astype(float)
        names = np.repeat([f"d{place}" for place in range(40)], 5)
        order = generator.permutation(200)
        labels = tuple(truth[order[:80]])
        for clustered in hits:
            clusters = tuple(names[order]) if clustered else ()
            result = corrected_mean([Stratum(200, labels, 1.0, clusters=clusters)])
            assert result is not None
            hits[clustered] += result.low <= 0.6 <= result.high
    assert hits[True] / 300 > 0.92
    assert hits[False] / 300 < 0.85
