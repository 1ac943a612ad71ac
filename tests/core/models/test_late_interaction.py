from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from llmopt_core.models.local.late_interaction import LateInteraction
from llmopt_core.models.scripted import HashEmbedder


def unit(*rows: list[float]) -> np.ndarray:
    array = np.array(rows, dtype=np.float32)
    return array / np.linalg.norm(array, axis=1, keepdims=True)


def over(*passages: Sequence[int]) -> LateInteraction:
    return LateInteraction(Counter(token for ids in passages for token in set(ids)), len(passages))


def test_the_score_is_the_weighted_mean_of_the_best_matches():
    """By hand: weights log(11/1.5) and log(11/10.5); best cosines 0.8 and 1."""
    question = ([7, 8], unit([1, 0], [0, 1]))
    passage = ([1, 2, 3], unit([4, 3], [0, 1], [-1, 0]))
    rare, common = np.log(11 / 1.5), np.log(11 / 10.5)

    (score,) = LateInteraction({7: 1, 8: 10}, 10).score(question, [passage])

    assert score == pytest.approx((rare * 0.8 + common * 1.0) / (rare + common), abs=1e-6)


def test_a_token_of_every_passage_counts_nothing_beside_a_rare_one():
    weights = over([1, 2, 2], [1, 3], [1]).weights([1, 2, 9])

    assert weights[0] < weights[1] < weights[2]
    assert weights.sum() == pytest.approx(1.0)


def test_where_all_tokens_are_everywhere_each_counts_the_same():
    # log((1 + 1) / (1 + 0.5)) is above 0 for one passage; a frequency above the corpus's size makes it 0.
    assert LateInteraction({1: 9, 2: 9}, 2).weights([1, 2]) == pytest.approx([0.5, 0.5])


def test_nothing_to_compare_scores_zero():
    empty = ([], np.zeros((0, 2), dtype=np.float32))
    one = ([1], unit([1, 0]))
    reranker = over()

    assert reranker.score(empty, [one, empty]) == [0.0, 0.0]
    assert reranker.score(one, [empty]) == [0.0]
    assert reranker.score(one, []) == []


def test_it_ranks_the_passage_that_shares_the_rare_word_first():
    embedder = HashEmbedder()
    passages = ["the cat sat on the mat", "the dog ran to the park", "the quokka sat in the park"]
    tokens = embedder.encode_tokens(passages)
    (question,) = embedder.encode_tokens(["the quokka"])

    scores = over(*(ids for ids, _ in tokens)).score(question, tokens)

    assert int(np.argmax(scores)) == 2
