"""Metrics that compare the retrieved chunks with the reference spans.

A chunk is relevant if it overlaps a reference span. Each reference counts once: a second chunk over the same span
brings nothing new, so overlapping chunks cannot lift a value above 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from llmopt_core.evaluation.sample import Meter, Outcome, Sample, Work
from llmopt_core.evaluation.text import shorten
from llmopt_core.types import Evidence, Hit, Span


def overlaps(a: Span, b: Span) -> bool:
    """Whether two spans share at least one character of one document."""
    return a.document == b.document and max(a.start, b.start) < min(a.end, b.end)


def found_at(hits: Sequence[Hit], references: Sequence[Span]) -> list[int | None]:
    """Per reference the rank (from 1) of the first hit that overlaps it; None where no hit does."""
    return [next((n for n, hit in enumerate(hits, 1) if overlaps(hit.chunk.span, r)), None) for r in references]


def hit_rate(ranks: Sequence[int | None]) -> float:
    """1.0 where any reference was found."""
    return float(any(rank is not None for rank in ranks))


def recall(ranks: Sequence[int | None]) -> float:
    """Share of the references that were found."""
    return sum(rank is not None for rank in ranks) / len(ranks)


def reciprocal_rank(ranks: Sequence[int | None]) -> float:
    """One over the rank of the first relevant chunk; 0.0 where none was found."""
    found = [rank for rank in ranks if rank is not None]
    return 1 / min(found) if found else 0.0


def ndcg(ranks: Sequence[int | None]) -> float:
    """Normalised discounted cumulative gain with a gain of 1 at the rank where each reference is first met.

    The ideal meets the same references with the fewest chunks, all at the top: references first met in one chunk
    count as one there, the ones never met as one each.
    """
    met = {rank for rank in ranks if rank is not None}
    ideal = len(met) + sum(rank is None for rank in ranks)
    gained = sum(1 / math.log2(1 + rank) for rank in met)
    return gained / sum(1 / math.log2(1 + rank) for rank in range(1, ideal + 1))


def _metric(measure: Callable[[Sequence[int | None]], float]) -> Work:
    async def score(sample: Sample, meter: Meter) -> Outcome:
        hits, references = sample.hits or (), sample.example.references
        ranks = found_at(hits, references)
        found = sum(rank is not None for rank in ranks)
        text = f"{found} of {len(ranks)} reference spans found in {len(hits)} chunks."
        return Outcome(measure(ranks), text, tuple(map(_evidence, ranks, references, [hits] * len(ranks))))

    return score


def _evidence(rank: int | None, reference: Span, hits: Sequence[Hit]) -> Evidence:
    where = f"{reference.document}, characters {reference.start} to {reference.end}"
    if rank is None:
        return Evidence(where, False, "No retrieved chunk overlaps it.")
    chunk = hits[rank - 1].chunk
    return Evidence(where, True, f"Chunk {rank} overlaps it.", shorten(chunk.text))


RETRIEVAL_WORK: Mapping[str, Work] = {
    "hit_rate": _metric(hit_rate),
    "recall": _metric(recall),
    "mrr": _metric(reciprocal_rank),
    "ndcg": _metric(ndcg),
}
