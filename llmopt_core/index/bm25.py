"""Search by words: BM25 over the terms of `analyse`, kept by bm25s."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from llmopt_core.index.analysis import analyse
from llmopt_core.index.exact import ScoredPosition, best

__all__ = ["Bm25", "analyse"]

# The usual values of BM25 (Robertson and Zaragoza 2009).
K1, B = 1.2, 0.75
# A file of this name stands for an index without any term, which bm25s cannot make.
_EMPTY = "empty"


class Bm25:
    """A BM25 index of texts, in their order (Lucene's form: Robertson weights with the non-negative IDF)."""

    def __init__(self, inner: Any, size: int) -> None:
        self._inner = inner
        self._size = size

    @classmethod
    def of(cls, texts: Sequence[str]) -> Bm25:
        """Index the texts."""
        import bm25s  # slow to load, and most commands search nothing

        # Numbers instead of words: millions of equal words would each be a text of their own in memory.
        vocabulary: dict[str, int] = {}
        terms = [[vocabulary.setdefault(term, len(vocabulary)) for term in analyse(text)] for text in texts]
        # Texts of signs alone, such as a table of dashes: bm25s fails on an empty vocabulary.
        if not vocabulary:
            return cls(None, len(texts))
        inner = bm25s.BM25(method="lucene", k1=K1, b=B)
        inner.index((terms, vocabulary), show_progress=False)
        return cls(inner, len(texts))

    def search(self, text: str, k: int, mask: npt.NDArray[np.bool_] | None = None) -> list[ScoredPosition]:
        """The best `k` positions that share a term with the text, with their scores."""
        scores = self.scores(text)
        # What shares no word is no hit, however few hits there are; -inf is what `best` leaves out.
        scores = np.where(scores > 0, scores, -np.inf)
        return best(scores if mask is None else np.where(mask, scores, -np.inf), k)

    def scores(self, text: str) -> npt.NDArray[np.float32]:
        """The score of every position, 0 where it shares no term with the text."""
        # A word that no text has is not in the vocabulary, so it has no scores to be looked up.
        terms = [term for term in analyse(text) if self._inner is not None and term in self._inner.vocab_dict]
        if not terms:
            return np.zeros(self._size, dtype=np.float32)
        return cast(npt.NDArray[np.float32], self._inner.get_scores(terms))

    def save(self, folder: Path) -> None:
        """Write into a new folder."""
        folder.mkdir(parents=True)
        if self._inner is None:
            (folder / _EMPTY).write_text(json.dumps(self._size))
        else:
            self._inner.save(folder, show_progress=False)

    @classmethod
    def load(cls, folder: Path) -> Bm25:
        """Read what `save` wrote."""
        if (folder / _EMPTY).exists():
            return cls(None, json.loads((folder / _EMPTY).read_text()))
        import bm25s

        inner = bm25s.BM25.load(folder, show_progress=False)
        # Of its own file, and not of the manifest: the two must agree, and a damaged one is found out.
        return cls(inner, int(inner.scores["num_docs"]))
