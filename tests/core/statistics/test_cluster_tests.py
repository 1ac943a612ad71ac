import numpy as np
import pytest
from scipy import stats

from llmopt_core.reporting.verdict_words import verdict_words
from llmopt_core.statistics.clusters import count_clusters, summarize_clusters
from llmopt_core.statistics.many_pairs import make_samples
from llmopt_core.statistics.paired_comparison import PairedSample, compare_family, compare_pairs, compare_samples
from llmopt_core.statistics.resampling import flip_pairs
from llmopt_core.statistics.sign_flips import SignFlips
from llmopt_core.statistics.tables import gains
from llmopt_core.types.grouping import connected_groups

SEEN = {"better", "worse"}


def clustered(random, documents, each, shift=0.0, spread=0.3):
    """Differences whose greater part is that of their document."""
    own = np.repeat(random.normal(shift, spread, documents), each)
    return own + random.normal(0, 0.1, documents * each), [f"d{i}" for i in range(documents) for _ in range(each)]


def clustered_passes(random, documents, each):
    """Two equal systems of which on each document one or the other is better."""
    lean = np.repeat(random.choice([-0.3, 0.3], documents), each)
    a = (random.random(documents * each) < 0.5 - lean).astype(float)
    b = (random.random(documents * each) < 0.5 + lean).astype(float)
    return list(a), list(b), [f"d{i}" for i in range(documents) for _ in range(each)]


def test_a_few_clusters_are_tested_by_all_flips_of_whole_documents():
    # Sums of four documents: 3, 2, 2, 1. Flips of all four give sums as large as 8 in 2 of 16.
    differences = [1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 1.5, 1.0]
    comparison = compare_pairs([0.0] * 8, differences, clusters=["a", "a", "a", "b", "b", "c", "c", "d"])
    assert comparison.p_value >= 2 / 2**4
    assert (comparison.clusters, comparison.verdict) == (4, "cannot tell")
    assert "whole documents, exact" in comparison.method


@pytest.mark.parametrize("documents", [2, 3, 4, 5])
def test_fewer_than_six_documents_see_nothing_however_many_questions(documents):
    a, b = [0.0] * 50 * documents, [1.0] * 50 * documents
    labels = [f"d{i}" for i in range(documents) for _ in range(50)]
    comparison = compare_pairs(a, b, clusters=labels)
    assert comparison.p_value >= 2 ** (1 - documents)
    assert comparison.verdict == "cannot tell"
    assert "more documents would show" in verdict_words(comparison) or "1 more document would show" in verdict_words(
        comparison
    )
    assert comparison.more_clusters >= 6 - documents


def test_six_documents_can_see_a_difference():
    labels = [f"d{i}" for i in range(6) for _ in range(20)]
    comparison = compare_pairs([0.0] * 120, [1.0] * 120, clusters=labels)
    assert (comparison.verdict, comparison.clusters) == ("better", 6)
    assert comparison.low > 0


def test_questions_each_with_their_own_document_are_tested_as_ever():
    a, b = [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert compare_pairs(a, b, clusters=list("abcdefg")) == compare_pairs(a, b)
    assert compare_pairs(a, b, clusters=["one"] * 7) == compare_pairs(a, b)


def test_which_labels_count_as_clusters():
    assert count_clusters(None) is None
    assert count_clusters(["a", "b", "c"]) is None
    assert count_clusters(["a", "a", "a"]) is None
    assert count_clusters(["a", "a", "b"]) == 2


@pytest.mark.parametrize("documents", [8, 20])
def test_equal_systems_hardly_differ_where_questions_share_documents(documents):
    random = np.random.default_rng(documents)
    graded = naive = passes = 0
    for _ in range(300):
        d, labels = clustered(random, documents, 8)
        graded += compare_pairs([0.0] * len(d), list(d), clusters=labels).verdict in SEEN
        naive += compare_pairs([0.0] * len(d), list(d)).verdict in SEEN
        a, b, labels = clustered_passes(random, documents, 8)
        passes += compare_pairs(a, b, clusters=labels).verdict in SEEN
    # 5 % of 300, and three standard deviations of chance; question by question it is every second or third.
    assert graded <= 26
    assert passes <= 26
    assert naive >= 90


def test_an_interval_by_documents_holds_0_where_nothing_is_seen():
    random = np.random.default_rng(4)
    for _ in range(60):
        d, labels = clustered(random, 9, 5, shift=0.15)
        comparison = compare_pairs(list(np.where(d < 0, -d, 0.0)), list(np.where(d > 0, d, 0.0)), clusters=labels)
        assert (comparison.low <= 0 <= comparison.high) == (comparison.verdict not in SEEN)


def test_a_real_difference_over_documents_is_seen():
    random = np.random.default_rng(5)
    count = 0
    for _ in range(60):
        d, labels = clustered(random, 30, 4, shift=0.2)
        count += compare_pairs([0.0] * len(d), list(d), clusters=labels).verdict == "better"
    assert count >= 50


def test_missing_values_leave_their_documents_smaller():
    comparison = compare_pairs([0.0, None, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0], clusters=["a", "a", "b", "b"])
    assert (comparison.pairs, comparison.dropped, comparison.clusters) == (3, 1, 2)


def test_the_mean_of_questions_that_share_documents_has_a_wider_interval():
    random = np.random.default_rng(6)
    documents = np.repeat(random.random(10), 8)
    values = list(np.clip(documents + random.normal(0, 0.05, 80), 0, 1))
    labels = [f"d{i}" for i in range(10) for _ in range(8)]
    wide, narrow = summarize_clusters(values, labels), summarize_clusters(values, None)
    assert wide.mean == narrow.mean
    assert wide.high - wide.low > 1.8 * (narrow.high - narrow.low)
    equal = summarize_clusters([1.0] * 80, labels)
    # Wilson's interval of 10 of 10.
    assert (equal.low, equal.high) == pytest.approx((0.722, 1.0), abs=1e-3)
    missing = summarize_clusters([None, 1.0, 0.0, 1.0], ["a", "a", "b", "b"])
    assert (missing.scored, missing.total) == (3, 4)


def test_intervals_by_documents_hold_the_true_mean():
    random = np.random.default_rng(7)
    held = 0
    for _ in range(200):
        values = np.clip(np.repeat(random.normal(0.5, 0.15, 12), 6) + random.normal(0, 0.05, 72), 0, 1)
        result = summarize_clusters(list(values), [i // 6 for i in range(72)])
        held += result.low <= 0.5 <= result.high
    assert held >= 181


def test_items_hang_together_through_others():
    assert connected_groups([{"a"}, {"b"}, {"a", "c"}, set(), {"c"}]) == [[0, 2, 4], [1], [3]]
    assert connected_groups([]) == []


@pytest.mark.parametrize("clusters", [None, [i // 4 for i in range(60)]])
def test_many_pairs_at_once_have_the_numbers_that_they_have_alone(clusters):
    random = np.random.default_rng(8)
    base = random.random(60)
    columns = [(base, np.clip(base + random.normal(0.02 * i, 0.2, 60), 0, 1)) for i in range(6)]
    columns += [((base > 0.5).astype(float), (random.random(60) > 0.4).astype(float)), (base, base), (base, base + 0.1)]
    gaps = columns[2][1].copy()
    gaps[[3, 9]] = np.nan
    columns.append((base, gaps))
    together = compare_samples(make_samples(columns, clusters=clusters))
    alone = compare_family([([*map(float, a)], [*map(float, b)]) for a, b in columns], clusters=clusters)
    for one, other in zip(together, alone, strict=True):
        assert (one.p_value, one.verdict, one.pairs) == (other.p_value, other.verdict, other.pairs)
        assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=1e-6)


def test_a_sample_that_is_tested_later_has_no_p_value_before():
    sample = PairedSample([0.1, 0.2], [0.3, 0.5], test_later=True)
    assert sample.p_value is None
    sample.make_test()
    assert sample.p_value is not None


@pytest.mark.parametrize("clusters", [None, [i // 3 for i in range(90)]])
def test_among_thousands_of_comparisons_a_clear_difference_is_still_seen(clusters):
    random = np.random.default_rng(9)
    a = random.random(90)
    b = np.clip(a + random.normal(0.3, 0.1, 90), 0, 1.5)
    comparison = compare_pairs(list(a), list(b), together_with=[0.5] * 2000, clusters=clusters)
    assert comparison.p_unadjusted < 1e-6
    assert (comparison.verdict, comparison.confidence) == ("better", pytest.approx(1 - 0.05 / 2001))
    assert comparison.low > 0
    few = compare_pairs(list(a), list(a + random.normal(0.01, 0.3, 90)), together_with=[0.5] * 2000, clusters=clusters)
    assert few.low < 0 < few.high


def test_small_p_values_of_random_flips_are_those_of_the_normal_distribution():
    random = np.random.default_rng(10)
    for shift in (0.03, 0.06, 0.09, 0.12):
        for size in (20, 60):
            d = random.normal(shift, 0.1, size)
            result = SignFlips(d, np.ones(size), flip_pairs(d))
            for alpha in (0.05, 0.01, 0.0009, 0.0003, 0.00001):
                low, high = result.ends(alpha)
                assert (low <= 0 <= high) == (result.p_value() >= alpha)
                if alpha < 0.001 and size == 60:
                    # Student's interval is a little narrower than that of the flips.
                    t_low, t_high = stats.ttest_1samp(d, 0).confidence_interval(1 - alpha)
                    assert (low, high) == pytest.approx((t_low, t_high), abs=0.35 * (t_high - t_low))


def test_stored_gains_go_by_documents_too():
    baseline, other = [0.0] * 30, [1.0] * 30
    by_documents, by_questions = gains(baseline, [other], [i // 10 for i in range(30)])[0], gains(baseline, [other])[0]
    assert (by_documents.clusters, by_documents.verdict) == (3, "cannot tell")
    assert (by_questions.clusters, by_questions.verdict) == (None, "better")
