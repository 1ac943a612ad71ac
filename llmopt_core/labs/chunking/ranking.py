"""Questions -> scores of everything that can be handed over, exactly and without an index on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from llmopt_core.index.bm25 import Bm25
from llmopt_core.index.exact import best
from llmopt_core.labs.chunking.chunk_tables import SearchUnits
from llmopt_core.models.base import Vectors

Scores = npt.NDArray[np.float32]
# Scores are made in blocks, so that memory does not grow with the number of questions.
# Numbers of 4 bytes: 32 MB a block; smaller ones call the matrix product more often, larger ones take memory.
_BLOCK = 8_000_000


class Searcher(Protocol):
    """Scores every chunk of one chunking for each question."""

    def scores(self, questions: range) -> Scores:
        """Shape (len(questions), chunks); minus infinity where a chunk is not found at all."""
        ...


class DenseSearcher:
    """Cosine similarity with every chunk.

    Args:
        chunks: One unit vector per chunk.
        questions: One unit vector per question.
    """

    def __init__(self, chunks: Vectors, questions: Vectors) -> None:
        self._chunks, self._questions = chunks, questions

    def scores(self, questions: range) -> Scores:
        """See `Searcher.scores`."""
        rows = self._questions[questions.start : questions.stop]
        products: Scores = np.asarray(rows @ self._chunks.T, dtype=np.float32)
        return products


class WordSearcher:
    """BM25; a chunk that shares no word with the question is not found."""

    # The index is built once; questions are counted one by one.
    def __init__(self, texts: Sequence[str], questions: Sequence[str]) -> None:
        self._inner = Bm25.of(texts)
        self._questions = questions

    def scores(self, questions: range) -> Scores:
        """See `Searcher.scores`."""
        rows = np.stack([self._inner.scores(self._questions[number]) for number in questions])
        # Zero becomes minus infinity: no shared word is not the last rank, but none.
        return np.where(rows > 0, rows, np.float32(-np.inf))


class Ranking:
    """What one question finds, best first; equal scores in document order."""

    def __init__(self, scores: Scores) -> None:
        self._scores = scores

    def first(self, k: int) -> list[int]:
        """Positions in `SearchUnits.context_spans` of the best `k`."""
        return [place for place, _ in best(self._scores, k)]

    def rank(self, place: int) -> int | None:
        """The rank of one of them; None where it is not found at all."""
        # One place is asked for now and then, so it is counted instead of sorting all scores.
        score = self._scores[place]
        if not np.isfinite(score):
            return None
        # Equal scores before it in the documents stand above it, as in `first`.
        return 1 + int((self._scores > score).sum()) + int((self._scores[:place] == score).sum())


def rankings(searcher: Searcher, pieces: SearchUnits, questions: int) -> Iterator[Ranking]:
    """One per question, computed in blocks that bound the memory.

    What is handed over for several chunks counts by the best of them.
    """
    # As many questions as fill a block; at least one, even of a corpus that is larger than it.
    step = max(1, _BLOCK // max(1, len(pieces.chunks)))
    # Every chunk is handed over itself: there is nothing to join, which spares a copy of the block.
    alone = len(pieces.context_spans) == len(pieces.chunks)
    # Where a new owner begins; chunks of one owner stand side by side.
    begins = np.flatnonzero(np.diff(pieces.owner, prepend=-1))
    for start in range(0, questions, step):
        block = searcher.scores(range(start, min(start + step, questions)))
        if not alone:
            # The best of the children decides for their parent.
            block = np.maximum.reduceat(block, begins, axis=1)
        yield from map(Ranking, block)
