"""Where each gold chunk stood after every stage, and why it was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from llmopt_core.index.filters import matching_documents
from llmopt_core.index.index import Index
from llmopt_core.models.base import Vectors
from llmopt_core.retrieval.analysis.inspect import Column, Trace, columns, is_gold, rank_in
from llmopt_core.retrieval.metrics import overlaps
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.types import Chunk, Span


@dataclass(frozen=True, slots=True)
class GoldTrace:
    """One gold chunk on its way.

    Attributes:
        ranks: By stage (the names of `inspect.columns`) the rank from 1, None where it is not there.
        loss_stage: The stage that dropped it; empty where it was handed over.
        why: In words for the user; empty where it was handed over.
    """

    chunk: Chunk
    ranks: Mapping[str, int | None]
    loss_stage: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class GoldTraces:
    """What became of the references of one question.

    Attributes:
        traces: One per chunk of the index that overlaps a reference.
        unindexed_references: References that no chunk overlaps: they stand in no document that was indexed.
    """

    traces: tuple[GoldTrace, ...]
    unindexed_references: tuple[Span, ...]


def trace_gold(
    trace: Trace,
    references: Iterable[Span],
    index: Index,
    spec: RetrievalSpec,
    encode: Callable[[Sequence[str]], Vectors] | None = None,
) -> GoldTraces:
    """Follow every gold chunk through the stages of one question.

    Args:
        trace: The stages.
        references: Where the answer stands.
        index: What was searched.
        spec: The settings in force (`RetrievalSpec.for_category`).
        encode: Texts -> unit vectors; with it the true rank of chunks that no search found is told.
    """
    references = tuple(references)
    gold = [chunk for chunk in index.chunks if is_gold(chunk, references)]
    traces = tuple(_trace_chunk(chunk, columns(trace), index, spec, encode) for chunk in gold)
    missing = tuple(span for span in references if not any(overlaps(chunk.span, span) for chunk in gold))
    return GoldTraces(traces, missing)


def _trace_chunk(
    chunk: Chunk,
    stages: Sequence[Column],
    index: Index,
    spec: RetrievalSpec,
    encode: Callable[[Sequence[str]], Vectors] | None,
) -> GoldTrace:
    ranks = {column.name: rank_in(chunk, column.stage.hits) for column in stages}
    # No stage at all (nothing was searched), or the last one still has it: there is no loss to explain.
    if not stages or ranks[stages[-1].name] is not None:
        return GoldTrace(chunk, ranks)
    holders = [column for column in stages if ranks[column.name] is not None]
    if not holders:
        searches = [column for column in stages if column.stage.stage == "search"]
        return GoldTrace(chunk, ranks, "search", _explain_miss(chunk, searches, index, spec, encode))
    # The last step that still had it; where several searches of that step did, the one that ranked it best.
    before = max(holders, key=lambda column: (_step(column, stages), -(ranks[column.name] or 0)))
    # Several searches stand beside each other, not behind each other: one that lacks the chunk has not dropped it.
    later = [c for c in stages if c.stage.stage != "search" and _step(c, stages) > _step(before, stages)]
    first = [c for c in later if _step(c, stages) == _step(later[0], stages)]
    # The parts of a question have a column each in that step; the one that continues the part which held it says why.
    drop = next((c for c in first if c.stage.queries[:1] == before.stage.queries[:1]), first[0])
    return GoldTrace(chunk, ranks, drop.name, _explain_drop(drop, before, ranks, stages))


def _step(column: Column, stages: Sequence[Column]) -> int:
    """Which step of the line a column is; parts of a question go through the same steps beside each other."""
    # A list and its order, not a set: the place of a kind among the kinds is the number of the step.
    kinds = list(dict.fromkeys((other.stage.stage, other.stage.method) for other in stages))
    return kinds.index((column.stage.stage, column.stage.method))


def _explain_drop(at: Column, before: Column, ranks: Mapping[str, int | None], stages: Sequence[Column]) -> str:
    rank, count = ranks[before.name], len(at.stage.hits)
    if at.stage.stage == "fusion":
        return f"Rank {rank} by {before.name}, but after fusion not among the {count} candidates kept."
    if at.stage.stage == "filter":
        return f"Rank {rank} by {before.name}, but its score is below the threshold."
    if at.stage.stage == "rerank":
        # A reranker drops nothing by its scores, only by how many candidates it takes.
        return f"Rank {rank} by {before.name}, but only the best {count} candidates were reranked."
    if at.stage.method == "mmr":
        return f"Rank {rank} after {before.name}, but too like chunks already chosen (MMR)."
    reranking_note = _rank_before_reranking(before, ranks, stages)
    amount = "1 chunk is" if count == 1 else f"{count} chunks are"
    return f"Rank {rank} after {before.name}{reranking_note}, but only {amount} handed over."


def _rank_before_reranking(before: Column, ranks: Mapping[str, int | None], stages: Sequence[Column]) -> str:
    """For a chunk that its reranker pushed down: from where."""
    place = stages.index(before)
    if before.stage.stage != "rerank" or place == 0:
        return ""
    # Told only where the reranker made it worse: that is what a reader can change.
    rank_before, rank_after = ranks[stages[place - 1].name], ranks[before.name]
    return f" (it was {rank_before} before it)" if rank_before and rank_after and rank_before < rank_after else ""


def _explain_miss(
    chunk: Chunk,
    searches: Sequence[Column],
    index: Index,
    spec: RetrievalSpec,
    encode: Callable[[Sequence[str]], Vectors] | None,
) -> str:
    if spec.search.filters and chunk.document not in matching_documents(spec.search.filters, index.documents):
        return f"The filter leaves out its document, {chunk.document}."
    places = [place for column in searches if (place := _true_rank(chunk, column, index, encode))]
    place_note = f" It stands at {', '.join(places)}." if places else ""
    return f"No search has it among its {max(spec.search.candidates, spec.top_k)} candidates.{place_note}"


def _true_rank(chunk: Chunk, column: Column, index: Index, encode: Callable[[Sequence[str]], Vectors] | None) -> str:
    if column.stage.method == "bm25":
        scores = np.array(index.bm25_scores(column.stage.queries[0], [other.id for other in index.chunks]))
    elif encode is not None:
        # The same mean as the search's (HyDE averages its passages with the question); its length changes no rank.
        scores = index.matrix @ np.mean(encode(list(column.stage.queries)), axis=0)
    else:
        # Where nothing embeds, the rank by meaning is not known, and left out of the sentence.
        return ""
    position = index.chunks.index(chunk)
    # Every chunk without a shared word has the score 0, and a rank among those would say nothing.
    if column.stage.method == "bm25" and scores[position] <= 0:
        return f"no rank by {column.name} (no word in common)"
    # One more than those that are better: equals share a rank.
    return f"rank {int((scores > scores[position]).sum()) + 1} by {column.name}"
