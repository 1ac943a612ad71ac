"""Chunks that are longer than what the embedding model reads: said, since nothing else shows it."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.chunking.window import beyond_window
from llmopt_core.experiments.chunk_sweep.cut import window_of
from llmopt_core.models.registry import Models
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.types import Chunk, Document

# No tokenizer makes more of a character: four bytes.
_MOST_PER_CHARACTER = 4


def window_note(
    retrieval: RetrievalSpec, chunks: Sequence[Chunk], documents: Sequence[Document], models: Models
) -> str:
    """One sentence where chunks are longer than the window of the embedding model; else empty. Loads no model."""
    tokens = models.window(retrieval.embedding)
    if tokens is None or retrieval.search.method == "bm25" or retrieval.embedding.written_by is not None:
        return ""
    window = window_of(retrieval.embedding, tokens)
    long = [chunk for chunk in chunks if _MOST_PER_CHARACTER * len(chunk.text) > window.tokens]
    if not long:
        return ""
    texts = {document.name: document.text for document in documents}
    found = beyond_window(long, texts, window.tokenizer, window.tokens)
    if not found.chunks_cut:
        return ""
    share = found.characters_cut / sum(len(chunk.text) for chunk in chunks)
    return (
        f"{found.chunks_cut:,} of {len(chunks):,} chunks are longer than the {window.tokens:,} tokens that "
        f"{retrieval.embedding.model.rsplit('/', 1)[-1]} reads: {100 * share:.2g} % of the text is not found by "
        "meaning. Take smaller chunks."
    )
