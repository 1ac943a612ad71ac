"""Token vectors of sentences, each sentence embedded once while it is in use."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from llmopt_core.models.base import TokenEmbedder, Vectors
from llmopt_core.text.valid_text import without_surrogates

# At most about 100 MB: a sentence has some 25 tokens of 384 numbers in two bytes.
_CAPACITY = 5_000
# Only those that the model reads as one token of their own are told by it.
_MARKS = tuple("!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~‘’“”–—…。，、！？：；")


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one text.

    Attributes:
        vectors: One unit vector per token.
        words: Which tokens are more than a punctuation mark; all of them where none is.
    """

    vectors: Vectors
    words: npt.NDArray[np.bool_]


class TokenReader:
    """Reads texts with a token embedder, which is loaded at the first text.

    Args:
        embedder: Gives the embedder.
    """

    def __init__(self, embedder: Callable[[], TokenEmbedder]) -> None:
        self._embedder = embedder

    def load(self) -> None:
        """Load the embedder, so that the first text need not wait for it."""
        _store_of(self._embedder())

    def read(self, texts: Sequence[str]) -> list[Tokens]:
        """The tokens of each text, in order; texts not read lately are embedded in one call."""
        model = self._embedder()
        store = _store_of(model)
        tokens_by_text = store.find(texts)
        new = [text for text in dict.fromkeys(texts) if text not in tokens_by_text]  # each new text once, in order
        if new:
            rows = model.encode_tokens([without_surrogates(text) for text in new])
            new_tokens = {
                text: _tokens(ids, vectors, store.marks) for text, (ids, vectors) in zip(new, rows, strict=True)
            }
            store.keep(new_tokens)
            tokens_by_text |= new_tokens
        return [_wide(tokens_by_text[text]) for text in texts]


class _Store:
    """What one embedder has read lately."""

    def __init__(self, model: TokenEmbedder) -> None:
        self._cache: OrderedDict[str, Tokens] = OrderedDict()
        self._lock = threading.Lock()
        # Ids differ between models, so they are asked for.
        self.marks = frozenset(ids[0] for ids, _ in model.encode_tokens(_MARKS) if len(ids) == 1)

    def find(self, texts: Sequence[str]) -> dict[str, Tokens]:
        with self._lock:
            tokens_by_text = {text: self._cache[text] for text in texts if text in self._cache}
            for text in tokens_by_text:
                # The end of the order is what was used last.
                self._cache.move_to_end(text)
        return tokens_by_text

    def keep(self, fresh: dict[str, Tokens]) -> None:
        with self._lock:
            self._cache |= fresh
            while len(self._cache) > _CAPACITY:
                self._cache.popitem(last=False)


_stores: dict[str, _Store] = {}
_making = threading.Lock()


def _store_of(model: TokenEmbedder) -> _Store:
    # Held while one is made: two threads would both embed the marks.
    with _making:
        if model.name not in _stores:
            _stores[model.name] = _Store(model)
        return _stores[model.name]


def _tokens(ids: list[int], vectors: Vectors, marks: frozenset[int]) -> Tokens:
    if not ids:
        # A text of which the model knows no token is like nothing.
        return Tokens(np.zeros((1, vectors.shape[-1]), dtype=np.float16), np.ones(1, dtype=bool))
    words = np.array([token not in marks for token in ids], dtype=bool)
    if not words.any():
        # A text of marks alone is compared by its marks.
        words[:] = True
    return Tokens(vectors.astype(np.float16), words)


def _wide(tokens: Tokens) -> Tokens:
    """Kept in two bytes a number, computed with in four."""
    return Tokens(tokens.vectors.astype(np.float32), tokens.words)
