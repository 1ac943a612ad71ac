"""Ranks of chunks for one question, without an index."""

from __future__ import annotations

from llmopt_core.cache import MemoryCache
from llmopt_core.experiments.chunk_ranks import bm25_ranks, dense_ranks, ranks_in, still_to_embed, words_of
from llmopt_core.models.scripted import HashEmbedder
from llmopt_core.types import Chunk

CHUNKS = [
    Chunk("a", 0, 20, "the harbour is old"),
    Chunk("a", 20, 40, "snow falls in winter"),
    Chunk("b", 0, 20, "the harbour was built in 1712"),
]


def test_every_chunk_has_a_rank_by_meaning_and_is_embedded_once() -> None:
    embedder, cache = HashEmbedder(), MemoryCache()
    assert still_to_embed(CHUNKS, embedder, cache) == 3
    ranks = dense_ranks(CHUNKS, "when was the harbour built", embedder, cache)
    assert ranks["b:0-20"].rank == 1
    assert sorted(found.rank for found in ranks.values()) == [1, 2, 3]
    assert still_to_embed(CHUNKS, embedder, cache) == 0
    dense_ranks(CHUNKS, "when was the harbour built", embedder, cache)
    assert len(embedder.encoded) == 4


def test_a_chunk_without_a_common_word_has_no_rank_by_words() -> None:
    ranks = bm25_ranks(CHUNKS, "harbour 1712", words_of(CHUNKS))
    assert {name: found.rank for name, found in ranks.items()} == {"b:0-20": 1, "a:0-20": 2}
    assert set(ranks_in(CHUNKS, ranks)) == {0, 2}


def test_nothing_competes_where_there_are_no_chunks() -> None:
    assert dense_ranks([], "anything", HashEmbedder(), MemoryCache()) == {}
    assert bm25_ranks([], "anything", words_of([])) == {}
