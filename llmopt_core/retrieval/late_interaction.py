"""Rerank token by token, with every chunk's token vectors made once ever."""

from __future__ import annotations

import asyncio
import hashlib
import struct
import threading
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import lru_cache

import numpy as np

from llmopt_core.cache import Cache, drop_damaged_values
from llmopt_core.execution.lanes import LANES
from llmopt_core.execution.timing import exclude_wait, exclusive
from llmopt_core.index.embedding_cache import vector_key
from llmopt_core.models.base import TokenEmbedder, Vectors
from llmopt_core.models.local.late_interaction import LateInteraction
from llmopt_core.text.valid_text import without_surrogates
from llmopt_core.types import Usage

STAGE = "token-vectors"
FREQUENCIES = "token-frequencies"
# Token vectors are about a hundred times as large as those of chunks.
# 256 MB hold the token vectors of some 5,000 chunks of 128 tokens at 384 bytes; the rest is read from the cache.
MEMORY_BYTES = 256_000_000
# Texts per call of the model: more fill memory with token vectors, fewer leave the processor waiting.
_BATCH = 32

TokenVectors = tuple[list[int], Vectors]


class LateInteractionReranker:
    """Late interaction over the texts of a collection, with the token vectors kept.

    Args:
        embedder: Makes one vector per token.
        texts: The collection; tokens that are rare in it count more.
        key: Identifies the collection.
        cache: Where token vectors and frequencies are kept.
    """

    def __init__(self, embedder: TokenEmbedder, texts: Sequence[str], key: str, cache: Cache) -> None:
        self._store = TokenVectorStore(embedder, cache)
        # Made at first use, since it reads all texts; `lru_cache` keeps it, and the lock lets one thread make it.
        self._make = lru_cache(maxsize=1)(
            lambda: LateInteraction(document_frequencies(key, texts, embedder, cache), len(texts))
        )
        self._making = threading.Lock()

    async def score(self, question: str, passages: Sequence[str]) -> tuple[list[float], Usage]:
        """See `Reranker.score`."""
        return await asyncio.to_thread(self._score, question, passages), Usage()

    async def prepare(self, question: str, passages: Sequence[str]) -> None:
        """Count the tokens of the collection and make the token vectors of these passages, where that is not done."""
        await asyncio.to_thread(self._prepare, passages)

    def _prepare(self, passages: Sequence[str]) -> None:
        # In no lane, because what is called inside takes its own: only the time is to be recorded.
        with exclusive(nullcontext()):
            self._load()
            self._store.vectors(passages)

    def _score(self, question: str, passages: Sequence[str]) -> list[float]:
        with exclusive(nullcontext()):
            # The embedder takes its own lanes.
            question_vectors, *passage_vectors = self._store.vectors([question, *passages])
            model = self._load()
            # A comparison is matrix work: without a lane, ten questions at once would fight for the cores.
            with exclude_wait(LANES.one()):
                return model.score(question_vectors, passage_vectors)

    def _load(self) -> LateInteraction:
        with exclude_wait(self._making):
            return self._make()


def document_frequencies(key: str, texts: Sequence[str], embedder: TokenEmbedder, cache: Cache) -> dict[int, int]:
    """In how many texts each token occurs. Kept in the cache under the key of the index."""
    # The embedder belongs to the key: another tokenizer gives other numbers for the same words.
    key = hashlib.sha256(f"{embedder.name}\0{key}".encode()).hexdigest()
    cached_values = cache.get_many(FREQUENCIES, [key])
    # A row is two numbers of four bytes; another length is a value that was cut.
    values = drop_damaged_values(cache, FREQUENCIES, cached_values, lambda value: len(value) % 8 == 0)
    if key not in values:
        # A set: how many texts have the token, not how often it stands there.
        frequencies = Counter(token for ids in _token_ids(texts, embedder) for token in set(ids))
        # Sorted, so that equal collections give equal bytes.
        table = np.array(sorted(frequencies.items()), dtype=np.int32).reshape(-1, 2)
        values = {key: table.tobytes()}
        cache.put_many(FREQUENCIES, values)
    tokens, counts = np.frombuffer(values[key], dtype=np.int32).reshape(-1, 2).T.tolist()
    return dict(zip(tokens, counts, strict=True))


def _token_ids(texts: Sequence[str], embedder: TokenEmbedder) -> Sequence[Sequence[int]]:
    # Counting needs no vectors, and the tokenizer alone is far faster than the model.
    only_ids = getattr(embedder, "token_ids", None)
    if only_ids is not None:
        return list(only_ids(texts))
    return [ids for ids, _ in embedder.encode_tokens(texts)]


class TokenVectorStore:
    """Token vectors of texts, each text embedded once ever. Safe to share between threads.

    They are kept as bytes with one scale per token, a quarter of their size: all in the cache, the most recently used
    also in memory.
    """

    def __init__(self, embedder: TokenEmbedder, cache: Cache) -> None:
        self._embedder = embedder
        self._cache = cache

    def vectors(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Per text its token ids and unit vectors."""
        keys = [vector_key(self._embedder.name, text) for text in texts]
        # Looked up before the lock is taken: what is known must not wait for what another question embeds.
        values = self._read(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in values}
        if missing:
            # Questions asked at once share most candidates: whoever waited finds them made.
            with exclude_wait(_EMBEDDING):
                values |= self._read(list(missing))
                values |= self._embed({key: text for key, text in missing.items() if key not in values})
        return [_unpack(values[key]) for key in keys]

    def _read(self, keys: Sequence[str]) -> dict[str, bytes]:
        memory_values = _memory.get_many(keys)
        missing_keys = [key for key in dict.fromkeys(keys) if key not in memory_values]
        cached_values = self._cache.get_many(STAGE, missing_keys) if missing_keys else {}
        # Cut values (a full disk, a killed process) count as missing and are made again.
        valid_values = drop_damaged_values(self._cache, STAGE, cached_values, _is_packed)
        _memory.put_many(valid_values)
        return memory_values | valid_values

    def _embed(self, missing: Mapping[str, str]) -> dict[str, bytes]:
        values: dict[str, bytes] = {}
        # Longest first: a batch is padded to its longest text, so texts of like length belong together.
        keys = sorted(missing, key=lambda key: -len(missing[key]))
        for start in range(0, len(keys), _BATCH):
            batch = keys[start : start + _BATCH]
            # The model's tokenizer refuses half characters; the key above is of the text as it is.
            texts = [without_surrogates(missing[key]) for key in batch]
            new = {key: _pack(*tokens) for key, tokens in zip(batch, self._embedder.encode_tokens(texts), strict=True)}
            # Batch by batch: what was embedded before a stop or a crash is kept.
            self._cache.put_many(STAGE, new)
            _memory.put_many(new)
            values |= new
        return values


class ByteMemory:
    """The most recently used values, up to a number of bytes. Safe to share between threads."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._values: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Those values that are there."""
        with self._lock:
            values = {key: self._values[key] for key in keys if key in self._values}
            for key in values:
                self._values.move_to_end(key)
            return values

    def put_many(self, values: Mapping[str, bytes]) -> None:
        """Add values and drop the least recently used."""
        with self._lock:
            for key, value in values.items():
                # A value that is put again counts once.
                self._size += len(value) - len(self._values.pop(key, b""))
                self._values[key] = value
            # A single value above the limit leaves at once as well: nothing is kept then, and nothing fails.
            while self._size > self._limit:
                self._size -= len(self._values.popitem(last=False)[1])


_memory = ByteMemory(MEMORY_BYTES)
_EMBEDDING = threading.Lock()


def _pack(ids: Sequence[int], vectors: Vectors) -> bytes:
    """Counts, ids, one scale per token, and the vectors as signed bytes."""
    vectors = np.asarray(vectors, dtype=np.float32)
    # 127 steps to each side of zero; a token vector of zeros would divide by zero without the least scale.
    scales = np.asarray(np.maximum(np.abs(vectors).max(axis=1, initial=0.0), 1e-12) / 127, dtype=np.float32)
    # `rint`, because a plain cast cuts towards zero and shortens every vector.
    small = np.rint(vectors / scales[:, None]).astype(np.int8)
    head = struct.pack("<ii", *vectors.shape)
    data: bytes = (
        head + np.asarray(ids, dtype=np.int32).tobytes() + scales.astype(np.float32).tobytes() + small.tobytes()
    )
    return data


def _is_packed(value: bytes) -> bool:
    """Whether a stored value is as long as it says."""
    if len(value) < 8:
        return False
    count, dimension = struct.unpack_from("<ii", value)
    # Per token 4 bytes of id, 4 of scale and one for each dimension.
    return bool(count >= 0 and dimension >= 0 and len(value) == 8 + count * (8 + dimension))


def _unpack(data: bytes) -> TokenVectors:
    count, dimension = struct.unpack_from("<ii", data)
    ids = np.frombuffer(data, dtype=np.int32, count=count, offset=8).tolist()
    scales = np.frombuffer(data, dtype=np.float32, count=count, offset=8 + 4 * count)
    small = np.frombuffer(data, dtype=np.int8, offset=8 + 8 * count)
    return ids, small.reshape(count, dimension) * scales[:, None]
