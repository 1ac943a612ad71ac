"""Documents -> the index a configuration searches, with what a model writes for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from llmopt_core.chunking.chunk import chunk_documents
from llmopt_core.experiments import keys
from llmopt_core.experiments.stages import StageCache
from llmopt_core.index.build import build_index, index_to_read
from llmopt_core.index.embedding_cache import encode_with_cache
from llmopt_core.index.index import Index
from llmopt_core.models.base import Vectors
from llmopt_core.models.registry import Models
from llmopt_core.retrieval.embedded_texts import EmbeddedTexts, count_missing, write_texts
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.types import Chunk, Document

OnProgress = Callable[[int, int], None]


def chunk_with_cache(retrieval: RetrievalSpec, documents: Sequence[Document], models: Models) -> list[Chunk]:
    """All chunks, cut once per documents and settings."""
    cached_chunks = read_chunks(retrieval, documents, models)
    if cached_chunks is not None:
        return cached_chunks

    # Called by semantic chunking alone, so that no other method loads a model.
    def encode(texts: Sequence[str]) -> Vectors:
        return encode_with_cache(texts, models.embedder(retrieval.embedding), models.cache)

    chunks: list[Chunk] = chunk_documents(documents, retrieval.chunking, encode)
    StageCache(models.cache).put_chunks(_chunks_key(retrieval, documents, models), chunks)
    return chunks


def read_chunks(retrieval: RetrievalSpec, documents: Sequence[Document], models: Models) -> list[Chunk] | None:
    """All chunks, where they were cut before."""
    return StageCache(models.cache).chunks(_chunks_key(retrieval, documents, models))


def _chunks_key(retrieval: RetrievalSpec, documents: Sequence[Document], models: Models) -> str:
    embedding = keys.embedding_identity(retrieval.embedding, models)
    return keys.chunks_key(documents, retrieval.chunking, embedding)


def prepare_index(
    retrieval: RetrievalSpec,
    documents: Sequence[Document],
    models: Models,
    on_progress: OnProgress | None = None,
    texts: Sequence[str] | None = None,
) -> Index:
    """Chunk, embed and index the documents, or open what is there. Blocks; run it in a thread.

    `texts` are what is embedded of each chunk, where a model wrote that (see `write_chunk_texts`).

    Raises:
        BadInput: There are no documents or no text in them.
        StorageError: The workspace cannot be written.
    """
    chunks = chunk_with_cache(retrieval, documents, models)
    embedder = models.embedder(retrieval.embedding)
    return build_index(
        chunks, retrieval.embedding, embedder, models.settings, models.cache,
        texts=texts, documents=documents, on_progress=on_progress,
    )  # fmt: skip


def read_index(retrieval: RetrievalSpec, documents: Sequence[Document], models: Models) -> Index | None:
    """The index where it is on disk, to look at; loads no model. None where it must be prepared first."""
    if retrieval.embedding.writer_model is not None:
        return None
    chunks = chunk_with_cache(retrieval, documents, models)
    embedder = models.embedder_at_use(retrieval.embedding)
    return index_to_read(chunks, retrieval.embedding, embedder, models.settings, documents)


async def write_chunk_texts(
    retrieval: RetrievalSpec,
    documents: Sequence[Document],
    models: Models,
    *,
    limit: int | None = None,
    on_progress: OnProgress | None = None,
) -> EmbeddedTexts | None:
    """What is embedded of each chunk where a chat model writes it; None where it is the text itself.

    Raises:
        EndpointError: The model failed for every chunk.
        OutOfBudget: The budget leaves no room for the next text; what was written is kept.
    """
    writer = retrieval.embedding.writer_model
    if writer is None:
        return None
    # Cutting takes seconds of processor time, during which no answer would go on.
    chunks = await asyncio.to_thread(chunk_with_cache, retrieval, documents, models)
    return await write_texts(
        chunks, retrieval.embedding, models,
        identity=keys.model_identity(writer, models), limit=limit, on_progress=on_progress,
    )  # fmt: skip


def texts_to_write(retrieval: RetrievalSpec, documents: Sequence[Document], models: Models) -> int:
    """How many chunks a model must still write for before the index can be built."""
    writer = retrieval.embedding.writer_model
    if writer is None:
        return 0
    chunks = chunk_with_cache(retrieval, documents, models)
    return count_missing(chunks, retrieval.embedding, models.cache, keys.model_identity(writer, models))
