"""Exact search: every vector is compared. Fast enough up to some 100,000 vectors, and the measure for the rest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from llmopt_core.models.base import Vectors

ScoredPosition = tuple[int, float]
"""Position of a chunk in its index, and its score."""


def best(scores: npt.NDArray[np.floating], k: int) -> list[ScoredPosition]:
    """The `k` highest finite scores with their positions, best first; equal scores in order of position."""
    k = min(k, len(scores))
    if k <= 0:
        return []
    # argpartition picks arbitrary ones among equals at the border, so all equals of the last are drawn in.
    # Partition instead of sorting: of 100,000 scores only ten are wanted.
    border = np.partition(scores, len(scores) - k)[len(scores) - k]
    # What a filter or BM25 ruled out has -inf, and must not fill up the places.
    positions = np.flatnonzero((scores >= border) & np.isfinite(scores))
    # `lexsort` goes by its last key first: by score, and among equals by position, so that two runs give one order.
    order = positions[np.lexsort((positions, -scores[positions]))][:k]
    return [(int(position), float(scores[position])) for position in order]


def exact_search(
    matrix: Vectors, queries: Vectors, k: int, mask: npt.NDArray[np.bool_] | None = None
) -> list[list[ScoredPosition]]:
    """Per query the `k` rows of highest cosine similarity.

    Args:
        matrix: Unit vectors, shape (n, dimension).
        queries: Unit vectors, shape (q, dimension).
        k: How many per query.
        mask: Rows that may be found, shape (n,); None for all.
    """
    similarities = np.asarray(queries @ matrix.T, dtype=np.float32)
    if mask is not None:
        # -inf and not 0, since a cosine may be negative.
        similarities = np.where(mask, similarities, -np.inf)
    return [best(row, k) for row in similarities]


def unit(vectors: Vectors) -> Vectors:
    """Rows scaled to length 1; zero rows stay zero."""
    # A zero vector has no direction; divided by its length it would be "not a number", which compares with nothing.
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)
