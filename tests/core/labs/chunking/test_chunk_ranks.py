"""Ranks of chunks for one question, without an index."""

from __future__ import annotations

import pytest

from llmopt_core.cache import MemoryCache
from llmopt_core.chunking.chunk import chunk_documents
from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.index.bm25 import Bm25
from llmopt_core.labs.chunking.chunk_ranks import bm25_ranks, count_missing_vectors, dense_ranks, ranks_in, words_of
from llmopt_core.models.scripted import HashEmbedder
from llmopt_core.types import Chunk, Document

DOCUMENTS = [
    Document("a", "the harbour is old. snow falls in winter"),
    Document("b", "the harbour was built in 1712"),
]
CHUNKS = [
    Chunk("a", 0, 19, "the harbour is old."),
    Chunk("a", 20, 40, "snow falls in winter"),
    Chunk("b", 0, 29, "the harbour was built in 1712"),
]


def test_every_chunk_has_a_rank_by_meaning_and_is_embedded_once() -> None:
    embedder, cache = HashEmbedder(), MemoryCache()
    assert count_missing_vectors(CHUNKS, embedder, cache) == 3
    ranks = dense_ranks(CHUNKS, "when was the harbour built", embedder, cache)
    assert ranks["b:0-29"].rank == 1
    assert sorted(one.rank for one in ranks.values()) == [1, 2, 3]
    assert count_missing_vectors(CHUNKS, embedder, cache) == 0
    dense_ranks(CHUNKS, "when was the harbour built", embedder, cache)
    assert len(embedder.inputs) == 4


def test_a_chunk_without_a_common_word_has_no_rank_by_words() -> None:
    ranks = bm25_ranks(CHUNKS, "harbour 1712", words_of(DOCUMENTS))
    assert {name: one.rank for name, one in ranks.items()} == {"b:0-29": 1, "a:0-19": 2}
    assert set(ranks_in(CHUNKS, ranks)) == {0, 2}


def test_nothing_competes_where_there_are_no_chunks() -> None:
    assert dense_ranks([], "anything", HashEmbedder(), MemoryCache()) == {}
    assert bm25_ranks([], "anything", words_of([])) == {}


@pytest.mark.parametrize("unit", ["tokens", "characters"])
def test_ranks_by_words_are_those_of_the_index(unit: str) -> None:
    text = "The harbour's two lighthouses don't shine; 1,712 boats came in winter.\n\nSnow fell.\n\n" * 9
    chinese = "港口建于1712年。灯塔仍然屹立。\n\n市场在春天开放，岛上的船带来羊毛。\n\n" * 9
    documents = [Document("en", text + "Only one lighthouse was built later."), Document("zh", chinese)]
    chunks = chunk_documents(documents, ChunkingSpec(method="sentence", size=60, unit=unit))
    for question in ("When were the lighthouses built?", "市场在什么时候开放？"):
        expected = Bm25.of([chunk.text for chunk in chunks]).scores(question)
        ranks = bm25_ranks(chunks, question, words_of(documents))
        got = [ranks[chunk.id].score if chunk.id in ranks else 0.0 for chunk in chunks]
        assert got == pytest.approx(expected.tolist(), rel=1e-4)
