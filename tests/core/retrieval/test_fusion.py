import numpy as np
import pytest

from llmopt_core.retrieval.fusion import merge_by_ranks, merge_by_scores, merge_by_turns
from llmopt_core.retrieval.select import above, diverse
from llmopt_core.types import Chunk, Hit


def hits(**scores):
    return [Hit(Chunk(name, 0, 1, name), score) for name, score in scores.items()]


def as_dict(found):
    return {hit.chunk.document: hit.score for hit in found}


def test_reciprocal_ranks_add_up_over_lists():
    result = merge_by_ranks([hits(a=0.9, b=0.8), hits(b=7.0, c=3.0)], k=60)
    assert as_dict(result) == pytest.approx({"b": 1 / 62 + 1 / 61, "a": 1 / 61, "c": 1 / 62})
    assert list(as_dict(result)) == ["b", "a", "c"]


def test_equal_ranks_keep_the_order_of_the_lists():
    assert list(as_dict(merge_by_ranks([hits(a=1), hits(b=1)]))) == ["a", "b"]


def test_weighted_scores_are_relative_to_the_best_of_each_list():
    result = merge_by_scores([hits(a=0.8, b=0.4), hits(b=10.0, c=5.0)], [0.3, 0.7])
    assert as_dict(result) == pytest.approx({"b": 0.3 * 0.5 + 0.7, "c": 0.35, "a": 0.3})


def test_scores_below_zero_and_empty_lists_count_for_nothing():
    result = merge_by_scores([hits(a=0.5, b=-0.2), [], hits(c=-1.0)], [0.5, 0.5, 0.5])
    assert as_dict(result) == pytest.approx({"a": 0.5, "b": 0.0, "c": 0.0})


def test_turns_give_each_list_its_best_before_any_second():
    result = merge_by_turns([hits(a=9, b=8, c=7), hits(b=5, d=4), []])
    assert list(as_dict(result)) == ["a", "b", "d", "c"]
    assert [hit.score for hit in result] == sorted((hit.score for hit in result), reverse=True)


@pytest.mark.parametrize("merge", [merge_by_ranks, merge_by_turns, lambda lists: merge_by_scores(lists, [])])
def test_no_lists_give_no_hits(merge):
    assert merge([]) == []


def test_threshold_keeps_what_reaches_it():
    assert list(as_dict(above(hits(a=0.5, b=0.4), 0.5))) == ["a"]
    assert list(as_dict(above(hits(a=0.5, b=0.4), None))) == ["a", "b"]


def test_marginal_relevance_prefers_what_is_new():
    """b says the same as a; c is less relevant but different."""
    vectors = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    result = hits(a=1.0, b=0.9, c=0.5)
    assert list(as_dict(diverse(result, vectors, 0.5))) == ["a", "c", "b"]
    assert list(as_dict(diverse(result, vectors, 1.0))) == ["a", "b", "c"]


def test_marginal_relevance_worked_by_hand():
    """Scaled scores 1, 0.5, 0; weight 0.6: after a, b is worth 0.3 - 0.4 * 0.8, c 0 - 0.4 * 0."""
    vectors = np.array([[1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32)
    assert list(as_dict(diverse(hits(a=3.0, b=2.0, c=1.0), vectors, 0.6))) == ["a", "c", "b"]
    assert list(as_dict(diverse(hits(a=3.0, b=2.0, c=1.0), vectors, 0.7))) == ["a", "b", "c"]


def test_marginal_relevance_of_nothing():
    assert diverse([], np.zeros((0, 2), dtype=np.float32), 0.5) == []
