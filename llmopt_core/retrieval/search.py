"""Searches -> candidates: by meaning, by words, merged."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np

from llmopt_core.execution.lanes import LANES
from llmopt_core.execution.timing import exclude_wait
from llmopt_core.index.exact import unit
from llmopt_core.index.index import Index
from llmopt_core.models.base import Vectors
from llmopt_core.retrieval.fusion import merge_by_ranks, merge_by_scores, merge_by_turns
from llmopt_core.retrieval.select import above
from llmopt_core.retrieval.spec import SearchSpec
from llmopt_core.retrieval.transform import Part, Query
from llmopt_core.types import Hit, StageTrace

VectorOf = Callable[[str], Vectors]
"""Gives the unit vector of a text."""


def search(part: Part, index: Index, spec: SearchSpec, vector_of: VectorOf | None) -> list[StageTrace]:
    """Find candidates: a trace per search, one of their fusion, one of the threshold. The last holds the candidates.

    Args:
        part: What to search.
        index: Where.
        spec: How.
        vector_of: None where texts could not be embedded: then words alone are searched.

    Raises:
        BadInput: The metadata filter is wrong.
    """
    # Nobody waits for a server in another's turn.
    with nullcontext() if index.is_remote else exclude_wait(LANES.one()):
        return _search(part, index, spec, vector_of)


def _search(part: Part, index: Index, spec: SearchSpec, vector_of: VectorOf | None) -> list[StageTrace]:
    query_hits = [_QueryHits.of(query, index, spec, vector_of) for query in part.queries]
    traces = [trace for one in query_hits for trace in one.traces]
    # One list is in its order already.
    if len(traces) > 1:
        traces.append(_fusion(part, query_hits, index, spec))
    # After fusion: by then each chunk has one score, whichever search found it.
    if spec.threshold is not None:
        hits = traces[-1].hits
        # Set for cosines, or for scores of both searches merged: those of words alone are on another scale.
        if vector_of is None and spec.method != "bm25":
            warning = "The score threshold was not applied: it is not meant for scores of words alone."
            return [*traces, StageTrace("filter", "threshold", (part.text,), hits, len(hits), warning=warning)]
        hits_above = tuple(above(hits, spec.threshold))
        traces.append(StageTrace("filter", "threshold", (part.text,), hits_above, len(hits)))
    return traces


def turns(texts: Sequence[str], lists: Sequence[Sequence[Hit]]) -> StageTrace:
    """Merge what the parts of a question found, each in its order, by turns."""
    # How many distinct chunks came in, as two parts often find the same.
    hit_count = len({hit.chunk.id for hits in lists for hit in hits})
    return StageTrace("fusion", "turns", tuple(texts), tuple(merge_by_turns(lists)), hit_count)


@dataclass(frozen=True, slots=True)
class _QueryHits:
    """What one query found: hits by meaning and by words, None where that was not searched."""

    query: Query
    vector: Vectors | None
    dense: list[Hit] | None
    words: list[Hit] | None
    traces: list[StageTrace]

    @classmethod
    def of(cls, query: Query, index: Index, spec: SearchSpec, vector_of: VectorOf | None) -> _QueryHits:
        dense = words = vector = None
        traces: list[StageTrace] = []
        if spec.method != "bm25" and vector_of is not None:
            # Each search times itself: fusion and the other search are told apart in the trace.
            start = time.perf_counter()
            vector = _mean_vector(query, vector_of)
            dense = index.search_dense(vector[None], spec.candidates, spec.filters)[0]
            traces.append(_trace("dense", (query.text, *query.passages), dense, index, start))
        # Also where there are no vectors: by words is better than nothing, and the trace says why.
        if spec.method != "dense" or vector_of is None:
            start = time.perf_counter()
            words = index.search_bm25([query.text], spec.candidates, spec.filters)[0]
            traces.append(_trace("bm25", (query.text,), words, index, start))
        return cls(query, vector, dense, words, traces)

    @property
    def lists(self) -> list[list[Hit]]:
        return [hits for hits in (self.dense, self.words) if hits is not None]


def _mean_vector(query: Query, vector_of: VectorOf) -> Vectors:
    # HyDE (Gao et al. 2022): the mean of the question and the invented passages, scaled to length 1 again for the
    # cosine.
    vectors = np.stack([vector_of(text) for text in (query.text, *query.passages)])
    mean: Vectors = unit(vectors.mean(axis=0)[None])[0]
    return mean


def _trace(method: str, queries: tuple[str, ...], hits: Sequence[Hit], index: Index, start: float) -> StageTrace:
    return StageTrace("search", method, queries, tuple(hits), len(index.chunks), time.perf_counter() - start)


def _fusion(part: Part, results: Sequence[_QueryHits], index: Index, spec: SearchSpec) -> StageTrace:
    start = time.perf_counter()
    hits = _fuse(results, index, spec)[: spec.candidates]
    # Before the cut to `candidates`, so that the trace tells how many were merged.
    hit_count = len({hit.chunk.id for one in results for hits in one.lists for hit in hits})
    return StageTrace("fusion", spec.fusion, (part.text,), tuple(hits), hit_count, time.perf_counter() - start)


def _fuse(results: Sequence[_QueryHits], index: Index, spec: SearchSpec) -> list[Hit]:
    """Merge all lists of these queries; both kinds of search have their weight, however many queries there are."""
    if spec.fusion == "rrf":
        return merge_by_ranks([hits for one in results for hits in one.lists], spec.rrf_k)
    # The weight parts meaning from words; with one of the two missing, what is there counts in full.
    both = spec.method == "hybrid" and all(one.dense is not None for one in results)
    shares = (spec.weight, 1 - spec.weight) if both else (1.0, 1.0)
    # Divided by the number of queries: four wordings must not outvote the words of the question four times.
    weights = [share / len(results) for one in results for share in shares[: len(one.lists)]]
    return merge_by_scores([hits for one in results for hits in _complete_scores(one, index)], weights)


def _complete_scores(results: _QueryHits, index: Index) -> list[list[Hit]]:
    """Both lists with the true scores of what only the other one holds, so that a score stands for every candidate."""
    # One list alone has all its scores.
    if results.dense is None or results.words is None or results.vector is None:
        return results.lists
    # In the order of the lists, so that equal sums keep it.
    chunks = {hit.chunk.id: hit.chunk for hits in results.lists for hit in hits}
    if not chunks:
        return results.lists
    similarities = index.vectors(chunks) @ results.vector
    words = index.bm25_scores(results.query.text, list(chunks))
    dense = [Hit(chunk, float(score)) for chunk, score in zip(chunks.values(), similarities, strict=True)]
    return [dense, [Hit(chunk, score) for chunk, score in zip(chunks.values(), words, strict=True)]]
