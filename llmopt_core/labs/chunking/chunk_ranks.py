"""At which rank a question finds each chunk, without building an index: for looking at one question at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from llmopt_core.cache import Cache
from llmopt_core.index.embedding_cache import count_new, encode_queries, encode_with_cache
from llmopt_core.index.term_positions import Ints, TermPositions, bm25_scores
from llmopt_core.models.base import Embedder
from llmopt_core.types import Chunk, Document
from llmopt_core.types.grouping import group_values

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class ChunkRank:
    """One chunk's place: rank from 1 and the score that decided it."""

    rank: int
    score: float


def dense_ranks(
    chunks: Sequence[Chunk], question: str, embedder: Embedder, cache: Cache, on_progress: OnProgress | None = None
) -> dict[str, ChunkRank]:
    """By chunk id its rank by cosine similarity; equal scores keep the order of the chunks.

    Args:
        chunks: All chunks that compete.
        question: What is asked.
        embedder: The embedding model.
        cache: Vectors known from earlier; new ones are kept there.
        on_progress: Called with the number of distinct texts embedded and their total.

    Raises:
        EndpointError: The embedder failed.
    """
    if not chunks:
        return {}
    vectors = encode_with_cache([chunk.full_text for chunk in chunks], embedder, cache, on_progress)
    question_vectors = encode_queries([question], embedder, cache)
    # Unit vectors: their product is the cosine.
    return _rank(chunks, (vectors @ question_vectors[0]).tolist())


def bm25_ranks(chunks: Sequence[Chunk], question: str, words: Mapping[str, TermPositions]) -> dict[str, ChunkRank]:
    """By chunk id its rank by shared words; chunks that share none have no rank.

    Args:
        chunks: All chunks that compete.
        question: What is asked.
        words: Of each document, by name; the same for every chunking.
    """
    by_document = group_values((chunk.document, position) for position, chunk in enumerate(chunks))
    # Counted over whole documents and looked up by place, so that another chunking counts no word again.
    texts = [(words[name], *_edges([chunks[i] for i in positions])) for name, positions in by_document.items()]
    scores = np.zeros(len(chunks))
    # Back to the order of the chunks, which the grouping by document has changed.
    scores[[i for positions in by_document.values() for i in positions]] = bm25_scores(question, texts)
    # Zero means no word in common: such a chunk was not found, at whatever rank.
    return {name: rank for name, rank in _rank(chunks, scores.tolist()).items() if rank.score > 0}


def words_of(documents: Sequence[Document]) -> dict[str, TermPositions]:
    """The words of each document by its name, to be counted for many chunkings."""
    return {document.name: TermPositions(document.text) for document in documents}


def _edges(chunks: Sequence[Chunk]) -> tuple[Ints, Ints]:
    starts = np.fromiter((chunk.start for chunk in chunks), np.int64, len(chunks))
    return starts, np.fromiter((chunk.end for chunk in chunks), np.int64, len(chunks))


def count_missing_vectors(chunks: Sequence[Chunk], embedder: Embedder, cache: Cache) -> int:
    """How many distinct chunk texts the cache holds no vector of."""
    return count_new([chunk.full_text for chunk in chunks], embedder, cache)


def ranks_in(chunks: Sequence[Chunk], ranks: Mapping[str, ChunkRank]) -> dict[int, ChunkRank]:
    """The ranks by position in `chunks`."""
    return {i: ranks[chunk.id] for i, chunk in enumerate(chunks) if chunk.id in ranks}


def _rank(chunks: Sequence[Chunk], scores: Sequence[float]) -> dict[str, ChunkRank]:
    # Stable: chunks of equal score keep their order, so two looks at one question agree.
    order = np.argsort(-np.asarray(scores), kind="stable").tolist()
    return {chunks[i].id: ChunkRank(rank, float(scores[i])) for rank, i in enumerate(order, start=1)}
