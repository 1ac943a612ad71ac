"""Chunks kept as numbers, and each distinct text embedded once, the longest first, with what is known told first."""

from __future__ import annotations

from typing import Any

import pytest

from llmopt_core.cache import MemoryCache
from llmopt_core.chunking.chunk import chunk_documents
from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.index.embedding_cache import encode_with_cache
from llmopt_core.labs.chunking import embedding
from llmopt_core.labs.chunking.chunk_tables import chunk_all
from llmopt_core.labs.chunking.embedding import DistinctTexts, embed_all
from llmopt_core.labs.chunking.progress import Reporter
from llmopt_core.models.scripted import HashEmbedder
from llmopt_core.types import Chunk, Document

DOCUMENTS = [
    Document(
        "a.md", "# Harbour\n\nThe harbour was built in 1712. 😀 Two lighthouses stand there.\n\n## Market\n\nIt is big."
    ),
    Document("b.txt", "Barges carry coal. Barges carry coal.\n\nThe river freezes."),
]
CHUNKINGS = [
    ChunkingSpec(method="small-to-big", size=24),
    ChunkingSpec(method="sentence", size=12, overlap=3),
    ChunkingSpec(method="sentence", size=12),
]


def text_of(chunk: Chunk) -> str:
    return chunk.text


def distinct(questions: tuple[str, ...] = ("When?", "The river freezes.", "When?")) -> DistinctTexts:
    return DistinctTexts(chunk_all(DOCUMENTS, CHUNKINGS, None, lambda _done, _total: None), text_of, questions)


def test_chunks_come_back_as_they_were_cut() -> None:
    for cut, chunking in zip(chunk_all(DOCUMENTS, CHUNKINGS, None, lambda _d, _t: None), CHUNKINGS, strict=True):
        assert list(cut) == chunk_documents(DOCUMENTS, chunking)
        assert cut[1:3] == list(cut)[1:3]


def test_every_text_stands_there_once_the_longest_first() -> None:
    texts = distinct()
    told = texts.some(range(len(texts)))
    target = {chunk.text for chunking in CHUNKINGS for chunk in chunk_documents(DOCUMENTS, chunking)}
    assert sorted(told) == sorted(target | {"When?", "The river freezes."})
    assert [len(text) for text in told] == texts.lengths.tolist() == sorted(texts.lengths.tolist(), reverse=True)


@pytest.mark.parametrize("at_once", [1, 3, 4096])
def test_only_what_is_new_is_embedded_and_progress_counts_all(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "_AT_ONCE", at_once)
    embedder, cache, texts = HashEmbedder(), MemoryCache(), distinct()
    every = texts.some(range(len(texts)))
    encode_with_cache(every[2:4], embedder, cache)
    steps: list[dict[str, Any]] = []
    embed_all(texts, embedder, cache, Reporter(steps.append))
    assert sorted(embedder.inputs) == sorted(every)
    assert steps[0]["done"] == steps[0]["cached"] == 2
    assert [step["done"] for step in steps] == sorted(step["done"] for step in steps)
    assert steps[-1]["done"] == steps[-1]["total"] == len(every)
    embed_all(texts, embedder, cache, Reporter())
    assert len(embedder.inputs) == len(every)
