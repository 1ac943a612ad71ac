"""An opened index: search by meaning and by words over the chunks of a project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from llmopt_core.index.bm25 import Bm25
from llmopt_core.index.exact import ScoredPosition, exact_search
from llmopt_core.index.filters import Metadata, Where, matching_documents
from llmopt_core.index.folder import Contents
from llmopt_core.index.vector_store import VectorStore
from llmopt_core.models.base import Vectors
from llmopt_core.types import Chunk, Hit, Span


class Index:
    """Chunks with their vectors and words. Never changes; safe to share between threads.

    Attributes:
        chunks: All chunks, in the order they were given.
        documents: Metadata of every document by name.
        parents: Texts of the larger pieces that chunks stand for (small-to-big).
        fingerprint: Content hash of the chunks, what was embedded of them, and the embedding model.
        embedder_name: The embedding model that made the vectors.
        matrix: All unit vectors in the order of the chunks, shape (n, dimension); read-only.
        is_remote: Whether a server searches the vectors.
    """

    def __init__(self, contents: Contents, store: VectorStore) -> None:
        self.chunks = contents.chunks
        self.documents: Mapping[str, Metadata] = contents.documents
        self.parents: Mapping[Span, str] = contents.parents
        self.fingerprint = str(contents.manifest["fingerprint"])
        self.embedder_name = str(contents.manifest["embedder"])
        self.matrix = contents.vectors
        self.is_remote = store.remote
        self._open_words = contents.words
        self._store = store

    @property
    def is_lost(self) -> bool:
        """Whether the server has its vectors no more, so that it must be opened anew."""
        return self._store.is_lost

    def search_dense(self, vectors: Vectors, k: int, where: Where | None = None) -> list[list[Hit]]:
        """Per question vector the `k` most similar chunks, best first; scores are cosine similarities.

        Without a filter the vector database answers (approximately, see `vector_store.HNSW`). With one, every chunk of
        the matching documents is compared, because a graph search loses matches when few chunks pass.

        Args:
            vectors: Unit vectors, shape (q, dimension).
            k: How many per question.
            where: A metadata filter, see `filters`.

        Raises:
            BadInput: The filter is wrong.
        """
        # No more than there are, which some versions of Chroma refuse.
        k = min(k, len(self.chunks))
        # Contiguous 4-byte numbers are what both searches take without a copy of their own.
        queries = np.ascontiguousarray(vectors, dtype=np.float32)
        if where:
            return [self._hits(matches) for matches in exact_search(self.matrix, queries, k, self._allow(where))]
        return [self._hits(matches) for matches in self._store.search(queries, k)]

    def search_bm25(self, texts: Sequence[str], k: int, where: Where | None = None) -> list[list[Hit]]:
        """Per text the `k` best chunks that share a word with it, best first; scores are BM25.

        Raises:
            BadInput: The filter is wrong.
        """
        mask = self._allow(where) if where else None
        return [self._hits(self._words.search(text, k, mask)) for text in texts]

    def bm25_scores(self, text: str, chunk_ids: Iterable[str]) -> list[float]:
        """BM25 scores of these chunks for a text, 0 where they share no word."""
        scores = self._words.scores(text)
        return [float(scores[self._positions[chunk_id]]) for chunk_id in chunk_ids]

    def vectors(self, chunk_ids: Iterable[str]) -> Vectors:
        """Unit vectors of these chunks, shape (n, dimension)."""
        return np.asarray(self.matrix[[self._positions[chunk_id] for chunk_id in chunk_ids]], dtype=np.float32)

    def parent(self, chunk: Chunk) -> Chunk | None:
        """The larger piece that stands for a chunk; None where it has none, or its text is not known."""
        if chunk.parent is None or chunk.parent not in self.parents:
            return None
        span = chunk.parent
        return Chunk(span.document, span.start, span.end, self.parents[span], heading=chunk.heading)

    def _hits(self, positions: Sequence[ScoredPosition]) -> list[Hit]:
        return [Hit(self.chunks[position], score) for position, score in positions]

    def _allow(self, where: Where) -> npt.NDArray[np.bool_]:
        names = matching_documents(where, self.documents)
        # Filters know documents, not chunks; an array of booleans is what both searches take.
        return np.fromiter((chunk.document in names for chunk in self.chunks), dtype=np.bool_, count=len(self.chunks))

    # When first asked for: a search by meaning need not wait where terms have changed and all are counted anew.
    @cached_property
    def _words(self) -> Bm25:
        return self._open_words()

    # Made when first asked for: most searches never need the way back from an id.
    @cached_property
    def _positions(self) -> dict[str, int]:
        return {chunk.id: position for position, chunk in enumerate(self.chunks)}

    def __repr__(self) -> str:
        facts: dict[str, Any] = {"fingerprint": self.fingerprint, "chunks": len(self.chunks)}
        return f"Index({facts})"
