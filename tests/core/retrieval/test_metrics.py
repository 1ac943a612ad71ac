import math
import random

import ir_measures
import pytest
from ir_measures import RR, P, R, Success, nDCG

from llmopt_core.retrieval.metrics import (
    find_ranks,
    hit_rate,
    id_measures,
    ndcg,
    precision,
    ranks_of,
    recall,
    reciprocal_rank,
    span_measures,
)
from llmopt_core.types import Span

TREC = {"hit_rate": Success, "recall": R, "precision": P, "mrr": RR, "ndcg": nDCG}


def rankings(seed, questions=40, documents=30):
    """Random rankings with one to five relevant ids each, some of them never retrieved."""
    rng = random.Random(seed)
    names = [f"d{number}" for number in range(documents)]
    for question in range(questions):
        retrieved = rng.sample(names, rng.randint(0, 20))
        yield f"q{question}", retrieved, rng.sample([*names, "nowhere"], rng.randint(1, 5))


@pytest.mark.parametrize("k", [1, 3, 5, 10, 25])
@pytest.mark.parametrize("name", TREC)
def test_equal_to_trec_eval(name, k):
    cases = list(rankings(k))
    qrels = [ir_measures.Qrel(question, found, 1) for question, _, relevant in cases for found in relevant]
    run = [
        ir_measures.ScoredDoc(question, found, -rank)
        for question, retrieved, _ in cases
        for rank, found in enumerate(retrieved)
    ]
    expected = {m.query_id: m.value for m in ir_measures.iter_calc([TREC[name] @ k], qrels, run)}
    for question, retrieved, relevant in cases:
        assert id_measures(retrieved, relevant, k)[name] == pytest.approx(expected.get(question, 0.0))


@pytest.mark.parametrize("name", TREC)
def test_equal_to_trec_eval_where_scores_tie(name):
    """trec_eval orders equal scores by their ids, the last first; the measures take the order they are given."""
    # With a cutoff ir-measures takes RR from another program, which orders ties in its own way.
    measure, k = (RR, 25) if name == "mrr" else (TREC[name] @ 5, 5)
    rng = random.Random(7)
    for question, retrieved, relevant in rankings(7):
        scores = {found: rng.randint(1, 3) for found in retrieved}
        ordered = sorted(retrieved, key=lambda found: (scores[found], found), reverse=True)
        qrels = [ir_measures.Qrel(question, found, 1) for found in relevant]
        run = [ir_measures.ScoredDoc(question, found, score) for found, score in scores.items()]
        expected = {m.query_id: m.value for m in ir_measures.iter_calc([measure], qrels, run)}
        assert id_measures(ordered, relevant, k)[name] == pytest.approx(expected.get(question, 0.0))


def test_without_cutoff_every_rank_counts():
    ranks = ranks_of(["a", "x", "b"], {"a", "b", "gone"})
    assert ranks == [1, 3, None]
    assert (hit_rate(ranks), recall(ranks), reciprocal_rank(ranks)) == (1.0, pytest.approx(2 / 3), 1.0)
    assert ndcg(ranks) == pytest.approx((1 + 1 / 2) / (1 + 1 / math.log2(3) + 1 / 2))
    assert precision(ranks, 4) == 0.5


def test_nothing_found_is_zero_everywhere():
    assert set(id_measures([], ["a"], 5).values()) == {0.0}
    assert set(span_measures([Span("a", 0, 5)], [Span("a", 5, 9), Span("b", 0, 5)], 5).values()) == {0.0}


def test_spans_are_found_by_any_overlap_in_their_document():
    retrieved = [Span("b", 0, 100), Span("a", 0, 10), Span("a", 10, 20)]
    assert find_ranks(retrieved, [Span("a", 9, 12), Span("a", 19, 30), Span("a", 20, 30)]) == [2, 3, None]


def test_overlapping_chunks_over_one_reference_count_once():
    overlapping = [Span("a", 0, 20), Span("a", 10, 30), Span("b", 0, 9)]
    one = span_measures(overlapping, [Span("a", 12, 18)], 3)
    assert (one["recall"], one["ndcg"], one["mrr"]) == (1.0, 1.0, 1.0)
    assert one["precision"] == pytest.approx(2 / 3)


def test_two_references_in_the_first_chunk_are_the_ideal():
    assert span_measures([Span("a", 0, 50)], [Span("a", 1, 2), Span("a", 3, 4)], 3)["ndcg"] == 1.0


def test_a_reference_found_late_costs_ndcg():
    measures = span_measures([Span("b", 0, 9), Span("a", 0, 9)], [Span("a", 1, 2)], 3)
    assert measures["ndcg"] == pytest.approx(1 / math.log2(3))
    assert measures["mrr"] == 0.5
    assert span_measures([Span("b", 0, 9), Span("a", 0, 9)], [Span("a", 1, 2)], 1)["mrr"] == 0.0
