"""Late interaction: a question and a passage meet token by token.

MaxSim after ColBERT (Khattab and Zaharia 2020), with each question token weighted by its inverse document frequency.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from llmopt_core.models.base import Vectors

Tokens = tuple[Sequence[int], Vectors]


class LateInteraction:
    """Scores passages by how well they match each token of a question; rare tokens count more.

    Args:
        document_frequency: Token id -> in how many passages of the corpus it occurs.
        passages: Number of passages in the corpus.
    """

    def __init__(self, document_frequency: Mapping[int, int], passages: int) -> None:
        self._frequency = document_frequency
        self._passages = passages

    def score(self, question: Tokens, passages: Sequence[Tokens]) -> list[float]:
        """One score per passage, between -1 and 1.

        It is the weighted mean, over the question's tokens, of the highest cosine with any token of the passage.
        Question and passages come from `TokenEmbedder.encode_tokens`.
        """
        ids, vectors = question
        if not len(ids):
            return [0.0] * len(passages)
        weights = self.weights(ids)
        return [self._one(vectors, weights, passage) for _, passage in passages]

    def weights(self, ids: Sequence[int]) -> Vectors:
        """Weight per question token, log((N + 1) / (df + 0.5)) and at least 0; they add up to 1."""
        counts = np.array([self._frequency.get(token, 0) for token in ids], dtype=np.float32)
        # The half keeps a token that no passage has finite; below 0 it would count against a passage to hold it.
        idf = np.maximum(np.log((self._passages + 1) / (counts + 0.5)), 0.0)
        total = float(idf.sum())
        # Every token of the question is in every passage: none is more telling than another.
        weights = idf / total if total > 0 else np.full(len(ids), 1.0 / len(ids))
        return np.asarray(weights, dtype=np.float32)

    @staticmethod
    def _one(question: Vectors, weights: Vectors, passage: Vectors) -> float:
        if not len(passage):
            return 0.0
        # Unit vectors, so the product is the cosine.
        return float((question @ passage.T).max(axis=1) @ weights)
