"""The stage cache with types: what goes in comes out, with its model calls counted as answered from the cache."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from llmopt_core.cache import Cache
from llmopt_core.models.calls.batched_cache import BatchedCache
from llmopt_core.retrieval.result import Retrieval
from llmopt_core.runs.codec import pack, pack_trace, unpack, unpack_trace
from llmopt_core.types import Answer, Chunk, Score, Usage


class StageCache:
    """Chunks, hits, answers and scores by key. A value that cannot be read counts as absent."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        # Answers that end at the same moment share a transaction: each takes a write to the disk.
        self._batch = BatchedCache(cache, "answer")

    def chunks(self, key: str) -> list[Chunk] | None:
        """All chunks of a project."""
        chunks: list[Chunk] | None = self._get("chunks", key, list[Chunk])
        return chunks

    def put_chunks(self, key: str, chunks: list[Chunk]) -> None:
        """Keep chunks."""
        self._cache.put_many("chunks", {key: pack(chunks, list[Chunk])})

    def retrieval(self, key: str) -> Retrieval | None:
        """What a question found, with its trace."""
        data = self._cache.get_many("hits", [key]).get(key)
        if data is None:
            return None
        try:
            # JSON on one line, so the first line break ends it; the packed rest may hold any byte.
            category, trace_data = data.split(b"\n", 1)
            trace, hits = unpack_trace(trace_data)
            return Retrieval(hits, trace, json.loads(category))
        # Another version's bytes may fail in any way, and the search is only made anew.
        except Exception:
            return None

    def put_retrieval(self, key: str, retrieval: Retrieval) -> None:
        """Keep what a question found."""
        value = json.dumps(retrieval.category).encode() + b"\n" + pack_trace(retrieval.trace, retrieval.hits)
        self._cache.put_many("hits", {key: value})

    def answer(self, key: str) -> Answer | None:
        """An answer with the usage it had when it was made."""
        answer: Answer | None = self._get("answer", key, Answer)
        return answer

    async def put_answer(self, key: str, answer: Answer) -> None:
        """Keep an answer; the event loop does not wait for the disk."""
        await self._batch.put(key, pack(answer, Answer))

    def scores(self, keys: Mapping[str, str]) -> dict[str, tuple[Score, Usage]]:
        """Known scores by metric; `keys` maps metric to key."""
        entries = self._cache.get_many("score", keys.values())
        scores = {metric: read_value(entries.get(key), tuple[Score, Usage]) for metric, key in keys.items()}
        return {metric: value for metric, value in scores.items() if value is not None}

    def put_scores(self, values: Mapping[str, tuple[Score, Usage]]) -> None:
        """Keep scores by key."""
        self._cache.put_many("score", {key: pack(value, tuple[Score, Usage]) for key, value in values.items()})

    def _get(self, stage: str, key: str, kind: Any) -> Any:
        return read_value(self._cache.get_many(stage, [key]).get(key), kind)


def read_value(data: bytes | None, kind: Any) -> Any:
    """A value of the cache; None where there is none, or it cannot be read."""
    if data is None:
        return None
    try:
        return unpack(data, kind)
    except Exception:
        # Written by another version of the program: made anew.
        return None
