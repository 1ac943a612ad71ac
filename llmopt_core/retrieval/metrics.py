"""How well a ranking finds what it should. Pure functions of ranks, the same for every stage and every chunking.

`find_ranks` and `ranks_of` say at which rank each relevant item is first met; all measures but precision follow from
that. For relevant ids they equal trec_eval's. For reference spans a chunk is relevant if it overlaps one, and each
reference counts once: a second chunk over the same span brings nothing new, so overlapping chunks cannot lift a value.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from llmopt_core.types import Span

Ranks = Sequence[int | None]
"""Per relevant item the rank (from 1) at which it is first met, None where it never is."""


def overlaps(a: Span, b: Span) -> bool:
    """Whether two spans share at least one character of one document."""
    # Half open, so spans that only touch share no character.
    return a.document == b.document and max(a.start, b.start) < min(a.end, b.end)


def find_ranks(retrieved: Sequence[Span], references: Sequence[Span]) -> list[int | None]:
    """Per reference the rank of the first retrieved span that overlaps it."""
    return [
        next((rank for rank, span in enumerate(retrieved, start=1) if overlaps(span, reference)), None)
        for reference in references
    ]


def ranks_of(retrieved: Sequence[str], relevant: Collection[str]) -> list[int | None]:
    """Per relevant id its rank."""
    # Reversed, so that of an id that is retrieved twice the better rank remains.
    positions = {name: rank for rank, name in reversed(list(enumerate(retrieved, start=1)))}
    # A set, because an id that the judgements name twice is still one; sorted, so that the order does not depend on
    # hashes.
    return [positions.get(name) for name in sorted(set(relevant))]


def hit_rate(ranks: Ranks, k: int | None = None) -> float:
    """1.0 where anything relevant is among the first `k`."""
    return float(bool(_ranks_within(ranks, k)))


def recall(ranks: Ranks, k: int | None = None) -> float:
    """Share of the relevant items that are among the first `k`."""
    return len(_ranks_within(ranks, k)) / len(ranks) if ranks else 0.0


def reciprocal_rank(ranks: Ranks, k: int | None = None) -> float:
    """One over the rank of the first relevant item; 0.0 where none is among the first `k`."""
    # 1 / infinity is the 0.0 of no hit.
    return 1 / min(_ranks_within(ranks, k), default=math.inf)


def ndcg(ranks: Ranks, k: int | None = None) -> float:
    """Normalised discounted cumulative gain with a gain of 1 at each rank where something relevant is first met.

    The discount is log2(1 + rank). The ideal has the same gains at the top: items first met at one rank (two
    references in one chunk) count as one there, items never met as one each.
    """
    if not ranks:
        return 0.0
    # Never more gains than can be had: two references in one chunk are met at one rank, whoever ranks.
    ideal = len({rank for rank in ranks if rank is not None}) + sum(rank is None for rank in ranks)
    return _gain(set(_ranks_within(ranks, k))) / _gain(range(1, min(ideal, k or ideal) + 1))


def precision(ranks: Ranks, k: int) -> float:
    """Share of `k` places taken by relevant items, each once. Fewer retrieved than `k` are no excuse."""
    return len(set(_ranks_within(ranks, k))) / k


def span_precision(retrieved: Sequence[Span], references: Sequence[Span], k: int) -> float:
    """Share of `k` places taken by spans that overlap a reference; here several spans may overlap the same one."""
    return sum(any(overlaps(span, reference) for reference in references) for span in retrieved[:k]) / k


def span_measures(retrieved: Sequence[Span], references: Sequence[Span], k: int) -> dict[str, float]:
    """`hit_rate`, `recall`, `precision`, `mrr` and `ndcg` of the first `k` spans against at least one reference."""
    ranks = find_ranks(retrieved[:k], references)
    return _measures(ranks, k) | {"precision": span_precision(retrieved, references, k)}


def id_measures(retrieved: Sequence[str], relevant: Collection[str], k: int) -> dict[str, float]:
    """`hit_rate`, `recall`, `precision`, `mrr` and `ndcg` of the first `k` ids against at least one relevant id."""
    return _measures(ranks_of(retrieved, relevant), k)


def _measures(ranks: Ranks, k: int) -> dict[str, float]:
    return {
        "hit_rate": hit_rate(ranks, k),
        "recall": recall(ranks, k),
        "precision": precision(ranks, k),
        "mrr": reciprocal_rank(ranks, k),
        "ndcg": ndcg(ranks, k),
    }


def _ranks_within(ranks: Ranks, k: int | None) -> list[int]:
    return [rank for rank in ranks if rank is not None and (k is None or rank <= k)]


def _gain(ranks: Collection[int]) -> float:
    return sum(1 / math.log2(1 + rank) for rank in ranks)
