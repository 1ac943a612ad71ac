"""Texts -> vectors, each distinct text embedded once ever."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from llmopt_core.cache import CLAIM_POLL_SECONDS, Cache, SupportsClaim, drop_damaged_values
from llmopt_core.errors import EndpointError
from llmopt_core.models.base import Embedder, Vectors
from llmopt_core.models.prefixes import query_side
from llmopt_core.text.valid_text import without_surrogates

STAGE = "embedding"
# Stored batch by batch, so that little is lost where a long embedding is stopped.
# Smaller ones write to the cache more often, and leave a model or an endpoint fewer texts to work on at once.
BATCH = 256
# Keys looked up at once: bounds the bytes that are held twice, in the answer of the cache and in the matrix.
_READ = 4096

OnProgress = Callable[[int, int], None]
"""Called with done and total."""


def encode_with_cache(
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
    keys = [vector_key(embedder.name, text) for text in texts]
    first: dict[str, int] = {}
    for place, key in enumerate(keys):
        first.setdefault(key, place)
    rows = _Rows(len(keys))
    missing = _fill_from_cache(rows, first, cache)
    # Longest first: like lengths are padded alike, and a batch too large for the memory fails at once, not after an
    # hour.
    # By key among equals, so that two processes work in the same order.
    missing.sort(key=lambda key: (-len(texts[first[key]]), key))
    count = len(first) - len(missing)
    # Before the first batch, so that what the cache has is seen at once.
    _report(on_progress, count, len(first))
    for batch in _batches(missing, BATCH):
        for vectors in _encode_once({key: texts[first[key]] for key in batch}, embedder, cache):
            for key, vector in vectors.items():
                rows.put(first[key], vector)
            count += len(vectors)
            _report(on_progress, count, len(first))
    # At the end, when the rows of all first places are written.
    for place, key in enumerate(keys):
        rows.repeat(first[key], place)
    # Without any text no vector tells the width.
    return rows.matrix if rows.matrix is not None else np.zeros((0, embedder.dimension), dtype=np.float32)


def encode_both(texts: Sequence[str], is_passage: Sequence[bool], embedder: Embedder, cache: Cache) -> Vectors:
    """Vectors of questions and passages together; a model with prefixes embeds the two in different ways."""
    queries = query_side(embedder)
    # A model without prefixes embeds both alike: one call instead of two.
    if queries is embedder:
        return encode_with_cache(texts, embedder, cache)
    vectors: Vectors | None = None
    for side, kind in ((queries, False), (embedder, True)):
        places = [place for place, passage in enumerate(is_passage) if passage is kind]
        if places:
            rows = encode_with_cache([texts[place] for place in places], side, cache)
            vectors = np.zeros((len(texts), rows.shape[1]), dtype=np.float32) if vectors is None else vectors
            vectors[places] = rows
    # Nothing at all was to be embedded: an empty matrix, by the same rules.
    return encode_with_cache(texts, embedder, cache) if vectors is None else vectors


def encode_queries(texts: Sequence[str], embedder: Embedder, cache: Cache) -> Vectors:
    """Vectors of questions; see `encode_with_cache`."""
    return encode_with_cache(texts, query_side(embedder), cache)


def _encode_once(texts: Mapping[str, str], embedder: Embedder, cache: Cache) -> Iterator[dict[str, Vectors]]:
    """Vectors by key as they come: of texts that nobody else embeds at this moment, then of those that somebody did."""
    # The token tells these claims from another's, also from another thread's of this process.
    claims, token, pending = (cache if isinstance(cache, SupportsClaim) else None), uuid.uuid4().hex, dict(texts)
    while pending:
        # A cache without claims (in memory) is this process's own: all is to be made here.
        own_claims = set(pending) if claims is None else claims.claim_many(STAGE, dict.fromkeys(pending, token))
        try:
            # After the claim, not before: what another process finished in between is seen now, and not paid for twice.
            cached_rows = {} if claims is None else cache.get_many(STAGE, pending)
            if cached_rows:
                yield {key: np.frombuffer(value, dtype=np.float32) for key, value in cached_rows.items()}
            own = [key for key in pending if key in own_claims and key not in cached_rows]
            if own:
                try:
                    raw_vectors = embedder.encode([without_surrogates(pending[key]) for key in own])
                except Exception as error:
                    # What an endpoint was paid for before it failed, or before the budget was reached, is kept.
                    # Set by what calls an endpoint in several requests; a local model has no such attribute.
                    partial_vectors: dict[int, Vectors] = getattr(error, "vectors", {})
                    cache.put_many(STAGE, {own[place]: row.tobytes() for place, row in partial_vectors.items()})
                    raise
                vectors = _check(embedder, raw_vectors, len(own))
                new_vectors = dict(zip(own, vectors, strict=True))
                cache.put_many(STAGE, {key: vector.tobytes() for key, vector in new_vectors.items()})
                yield new_vectors
        finally:
            # Also after a failure: another process must not wait for work that nobody does.
            if claims is not None and own_claims:
                claims.release_many(STAGE, dict.fromkeys(own_claims, token))
        # What another process holds a claim on; it is asked for again until it is there or free.
        pending = {key: text for key, text in pending.items() if key not in cached_rows and key not in own}
        if pending:
            yield {}  # So that who waits for another process can be told, and cancelled.
            time.sleep(CLAIM_POLL_SECONDS)


def find_missing_vectors(texts: Sequence[str], embedder: Embedder, cache: Cache) -> list[int]:
    """Positions of the texts that the cache holds no vector of; `texts` holds each once."""
    missing: list[int] = []
    for start in range(0, len(texts), _READ):
        keys = [vector_key(embedder.name, text) for text in texts[start : start + _READ]]
        cached_rows = cache.get_many(STAGE, keys)
        missing += [start + place for place, key in enumerate(keys) if key not in cached_rows]
    return missing


def count_new(texts: Sequence[str], embedder: Embedder, cache: Cache) -> int:
    """How many distinct texts the cache holds no vector of."""
    return len(find_missing_vectors(list(dict.fromkeys(texts)), embedder, cache))


def vector_key(model: str, text: str) -> str:
    """The key of what a model makes of a text."""
    # `surrogatepass`: texts of damaged files hold half characters, and a key must be made of them all the same.
    # `\0` is in no model's name, so no name and text can be taken for another pair.
    return hashlib.sha256(f"{model}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()


def _batches(keys: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


class _Rows:
    """The vectors of all texts, each written straight to its row, so that none is in memory twice."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.matrix: Vectors | None = None

    @property
    def width(self) -> int | None:
        """Numbers in a vector; None before the first."""
        return None if self.matrix is None else int(self.matrix.shape[1])

    def put(self, place: int, vector: Vectors) -> None:
        # The first vector tells the length: asking an endpoint for it would be a call of its own.
        if self.matrix is None:
            # `empty`: every row is written, either here or as a repetition.
            self.matrix = np.empty((self._count, len(vector)), dtype=np.float32)
        self.matrix[place] = vector

    def repeat(self, first: int, place: int) -> None:
        if first != place and self.matrix is not None:
            self.matrix[place] = self.matrix[first]


def _fill_from_cache(rows: _Rows, first: Mapping[str, int], cache: Cache) -> list[str]:
    """Write the vectors that the cache has; gives the keys of the others."""
    missing: list[str] = []
    for part in _batches(list(first), _READ):
        stored_values = cache.get_many(STAGE, part)
        # A vector that was cut (a full disk, a crash) is removed and made again.
        length = _usual_length(stored_values, rows.width)
        valid_values = drop_damaged_values(cache, STAGE, stored_values, partial(_has_length, length))
        for key, value in valid_values.items():
            rows.put(first[key], np.frombuffer(value, dtype=np.float32))
        missing += [key for key in part if key not in valid_values]
    return missing


def _usual_length(entries: Mapping[str, bytes], width: int | None) -> int:
    """Bytes of a vector, as most have them."""
    # By majority, as nobody has said the length yet: one damaged value among thousands must not set it.
    if width is not None:
        return 4 * width
    lengths = Counter(len(value) for value in entries.values() if len(value) % 4 == 0)
    return lengths.most_common(1)[0][0] if lengths else 0


def _has_length(length: int, value: bytes) -> bool:
    return len(value) == length


def _check(embedder: Embedder, vectors: Vectors, count: int) -> Vectors:
    vectors = np.asarray(vectors, dtype=np.float32)
    # A service that answers with another model, or leaves out a text, would shift every vector to a wrong chunk.
    if vectors.shape != (count, embedder.dimension):
        raise EndpointError(
            f"The embedding model {embedder.name} gave vectors of shape {vectors.shape} where "
            f"({count}, {embedder.dimension}) was expected; check that the model name is right.",
            kind="bad-answer",
        )
    # One NaN makes every comparison with it false: the chunk would never be found, without an error.
    if not np.isfinite(vectors).all():
        raise EndpointError(f"The embedding model {embedder.name} gave a vector that is no number.", kind="bad-answer")
    return vectors


def _report(on_progress: OnProgress | None, count: int, total: int) -> None:
    if on_progress is not None:
        on_progress(count, total)
