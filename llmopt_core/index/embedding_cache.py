"""Texts -> vectors, each distinct text embedded once ever."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from llmopt_core.cache import Cache
from llmopt_core.errors import EndpointError
from llmopt_core.models.base import Embedder, Vectors

STAGE = "embedding"
BATCH = 256

OnProgress = Callable[[int, int], None]
"""Called with done and total."""


def encode_cached(
    texts: Sequence[str], embedder: Embedder, cache: Cache, on_progress: OnProgress | None = None
) -> Vectors:
    """Vectors of all texts, shape (len(texts), dimension); only texts the cache does not know go to the embedder.

    What is new is embedded longest first, in batches that are kept as they finish, so that a process killed on the way
    loses one batch at most.

    Args:
        texts: May hold a text several times.
        embedder: Its name is part of the key of every vector.
        cache: Where vectors are kept, 4 bytes per dimension.
        on_progress: Called with the number of distinct texts done and their total.

    Raises:
        EndpointError: The embedder failed, or gave vectors of the wrong shape or with values that are no numbers.
    """
    keys = [_key(embedder, text) for text in texts]
    distinct = dict(zip(keys, texts, strict=True))
    known = {key: np.frombuffer(value, dtype=np.float32) for key, value in cache.get_many(STAGE, distinct).items()}
    missing = sorted(distinct.keys() - known.keys(), key=lambda key: (-len(distinct[key]), key))
    _report(on_progress, len(known), len(distinct))
    for batch in _batches(missing):
        vectors = _checked(embedder, embedder.encode([_encodable(distinct[key]) for key in batch]), len(batch))
        cache.put_many(STAGE, {key: vector.tobytes() for key, vector in zip(batch, vectors, strict=True)})
        known.update(zip(batch, vectors, strict=True))
        _report(on_progress, len(known), len(distinct))
    rows = [known[key] for key in keys]
    return np.array(rows, dtype=np.float32).reshape(len(rows), embedder.dimension)


def count_new(texts: Sequence[str], embedder: Embedder, cache: Cache) -> int:
    """How many distinct texts the cache holds no vector of."""
    keys = {_key(embedder, text) for text in texts}
    return len(keys - cache.get_many(STAGE, keys).keys())


def _key(embedder: Embedder, text: str) -> str:
    return hashlib.sha256(f"{embedder.name}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()


def _encodable(text: str) -> str:
    """The text with lone surrogates replaced, which no tokenizer takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _batches(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), BATCH):
        yield keys[start : start + BATCH]


def _checked(embedder: Embedder, vectors: Vectors, expected: int) -> Vectors:
    vectors = np.asarray(vectors, dtype=np.float32)
    if vectors.shape != (expected, embedder.dimension):
        raise EndpointError(
            f"The embedding model {embedder.name} gave vectors of shape {vectors.shape} where "
            f"({expected}, {embedder.dimension}) was expected; check that the model name is right.",
            kind="bad-answer",
        )
    if not np.isfinite(vectors).all():
        raise EndpointError(f"The embedding model {embedder.name} gave a vector that is no number.", kind="bad-answer")
    return vectors


def _report(on_progress: OnProgress | None, done: int, total: int) -> None:
    if on_progress is not None:
        on_progress(done, total)
