"""The last choices: which candidates are good enough, different enough, and what is handed over for them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from llmopt_core.index.index import Index
from llmopt_core.models.base import Vectors
from llmopt_core.types import Hit


def above(hits: Sequence[Hit], threshold: float | None) -> list[Hit]:
    """Those whose score is at least the threshold."""
    return [hit for hit in hits if threshold is None or hit.score >= threshold]


def diverse(hits: Sequence[Hit], vectors: Vectors, relevance: float) -> list[Hit]:
    """Order by maximal marginal relevance (Carbonell and Goldstein 1998).

    Each step takes the candidate of highest `relevance * score - (1 - relevance) * similarity`, where the score is
    scaled to 0..1 over all candidates and the similarity is the cosine to the nearest one already chosen.

    Args:
        hits: Candidates, best first.
        vectors: Their unit vectors, shape (len(hits), dimension).
        relevance: Weight of relevance against diversity, 0 to 1.
    """
    # Scores of BM25 or of a reranker have any range; the similarity subtracted from them goes to 1 at most.
    scores = _scale(hits)
    nearest = np.zeros(len(hits), dtype=np.float32)  # the first is chosen by its score alone
    positions: list[int] = []
    while len(positions) < len(hits):
        marginal_relevance = relevance * scores - (1 - relevance) * nearest
        # Taken ones out of the race: their similarity to themselves alone would not always do it.
        marginal_relevance[positions] = -np.inf
        positions.append(int(np.argmax(marginal_relevance)))
        similarity = vectors @ vectors[positions[-1]]
        # Not the maximum with the zeros of the start, which would hide a negative similarity.
        nearest = similarity if len(positions) == 1 else np.maximum(nearest, similarity)
    return [hits[position] for position in positions]


def parents(hits: Sequence[Hit], index: Index) -> tuple[list[Hit], str]:
    """Each chunk replaced by the larger piece it stands for, each piece once, with a warning where one is unknown."""
    hits_by_id: dict[str, Hit] = {}
    unknown_count = 0
    for hit in hits:
        parent = index.parent(hit.chunk)
        unknown_count += hit.chunk.parent is not None and parent is None
        chunk = parent or hit.chunk
        # `setdefault`: the larger piece stands where its best child stood, with its score.
        hits_by_id.setdefault(chunk.id, Hit(chunk, hit.score))
    warning = f"{unknown_count} chunks are handed over without the text around them, which the index does not have."
    return list(hits_by_id.values()), warning if unknown_count else ""


def _scale(hits: Sequence[Hit]) -> Vectors:
    scores = np.array([hit.score for hit in hits], dtype=np.float32)
    # All equal: their range is 0, and nothing distinguishes them but diversity.
    if not len(scores) or scores.min() == scores.max():
        return np.ones_like(scores)
    return np.asarray((scores - scores.min()) / (scores.max() - scores.min()), dtype=np.float32)
