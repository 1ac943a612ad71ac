"""Metrics that compare the retrieved chunks with the reference spans, by the measures of `retrieval.metrics`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from llmopt_core.evaluation.sample import Meter, Outcome, Sample, Work
from llmopt_core.retrieval.metrics import Ranks, find_ranks, hit_rate, ndcg, recall, reciprocal_rank
from llmopt_core.text.words import shorten
from llmopt_core.types import Evidence, Hit, Span


def _metric(measure: Callable[[Ranks], float]) -> Work:
    async def score(sample: Sample, meter: Meter) -> Outcome:
        hits, references = sample.hits or (), sample.example.references
        ranks = find_ranks([hit.chunk.span for hit in hits], references)
        # None for a source that no chunk overlaps; ranks count from 1.
        count = sum(rank is not None for rank in ranks)
        text = f"{count} of {len(ranks)} sources found in {len(hits)} chunks."
        # Each source with its rank, beside the same hits.
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
