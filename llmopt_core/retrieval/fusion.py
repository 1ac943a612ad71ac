"""Several ranked lists -> one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest

from llmopt_core.types import Hit


# 60 is the constant of the paper: it flattens the top, so that being found by both lists beats a first place in one.
def merge_by_ranks(lists: Sequence[Sequence[Hit]], k: int = 60) -> list[Hit]:
    """Merge by ranks: a chunk scores the sum of 1 / (k + rank) over the lists that hold it (Cormack et al. 2009)."""
    scores: dict[str, float] = {}
    for hits in lists:
        for rank, hit in enumerate(hits, start=1):
            scores[hit.chunk.id] = scores.get(hit.chunk.id, 0.0) + 1.0 / (k + rank)
    return _rank(lists, scores)


def merge_by_scores(lists: Sequence[Sequence[Hit]], weights: Sequence[float]) -> list[Hit]:
    """Merge by scores: each list's scores divided by its best, times its weight, added up.

    A chunk that a list does not hold, or holds below zero, scores nothing there.
    """
    scores = dict.fromkeys((hit.chunk.id for hits in lists for hit in hits), 0.0)
    for hits, weight in zip(lists, weights, strict=True):
        # By its best, because BM25 has no upper end: a cosine of .6 and a BM25 of 14 count the same then.
        top = max((hit.score for hit in hits), default=0.0)
        # A best of zero or below divides by nothing or turns the order round; such a list says nothing.
        for hit in hits if top > 0 else ():
            scores[hit.chunk.id] += weight * max(hit.score, 0.0) / top
    return _rank(lists, scores)


def merge_by_turns(lists: Sequence[Sequence[Hit]]) -> list[Hit]:
    """Merge by turns: the best of each list, then the second of each; scores are 1 / (turns waited)."""
    hits_by_id: dict[str, Hit] = {}
    # `setdefault`: a chunk keeps the turn in which it was first named.
    for hit in (hit for turn in zip_longest(*lists) for hit in turn if hit is not None):
        hits_by_id.setdefault(hit.chunk.id, Hit(hit.chunk, 1.0 / (len(hits_by_id) + 1)))
    return list(hits_by_id.values())


def _rank(lists: Sequence[Iterable[Hit]], scores: Mapping[str, float]) -> list[Hit]:
    """Best first; equal scores in the order in which the lists name them."""
    # A dict by id, since two lists name equal chunks; it keeps the order in which `sorted`, being stable, leaves
    # equals.
    chunks = {hit.chunk.id: hit.chunk for hits in lists for hit in hits}
    return sorted((Hit(chunk, scores[chunk_id]) for chunk_id, chunk in chunks.items()), key=lambda hit: -hit.score)
