"""What an index is to hold, and under which keys, before anything is embedded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.index.folder import FORMAT
from llmopt_core.index.index_inventory import SERVER_ENDING
from llmopt_core.index.vector_store import (
    HNSW,
)
from llmopt_core.models.base import Embedder, EmbeddingSpec
from llmopt_core.settings import Settings
from llmopt_core.types import Chunk, Document, Span, fingerprint

# The version of the terms when they were part of the fingerprint. Now the folder of an index holds words of several
# versions (`word_files`), and its fingerprint stays, so that no vector is made or paid for again.
_FIRST_TERMS = 2


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """What decides an index: its chunks, the texts that are embedded, and where they are kept."""

    chunks: Sequence[Chunk]
    texts: Sequence[str]
    documents: dict[str, dict[str, Any]]
    parents: dict[Span, str]
    fingerprint: str
    folder: Path
    settings: Settings

    def word_texts(self) -> list[str]:
        """What is searched by words of each chunk: its text, with its heading where that is embedded."""
        # Of a summary that a model wrote only the vector is made: its words would answer for words that are not in the
        # text.
        pairs = zip(self.chunks, self.texts, strict=True)
        return [text if chunk.text in text else chunk.text for chunk, text in pairs]


def plan_index(  # noqa: PLR0917
    chunks: Sequence[Chunk],
    embedding: EmbeddingSpec,
    embedder: Embedder,
    settings: Settings,
    texts: Sequence[str] | None,
    documents: Sequence[Document],
) -> IndexPlan:
    """The plan of an index, made without embedding anything."""
    if not chunks:
        raise BadInput("There is no text to index; add a document that has some.")
    texts = _texts_to_embed(chunks, embedding) if texts is None else texts
    if len(texts) != len(chunks):
        raise BadInput(f"There are {len(chunks)} chunks but {len(texts)} texts to embed for them.")
    # Only the documents of these chunks: metadata of others must not make this another index.
    names = {chunk.document for chunk in chunks}
    by_name = {document.name: document for document in documents}
    # Sorted, because the order belongs to the fingerprint below and says nothing.
    metadata = {name: dict(by_name[name].metadata) if name in by_name else {} for name in sorted(names)}
    parents = _parent_texts(chunks, by_name)
    rows = [[chunk.id, chunk.text, chunk.heading, text] for chunk, text in zip(chunks, texts, strict=True)]
    spans = [[s.document, s.start, s.end, text] for s, text in parents.items()]
    # All that changes what a search by meaning finds. Not the server's address: the same content is the same index
    # everywhere.
    key = fingerprint(
        "index", FORMAT, _FIRST_TERMS, HNSW, rows, [_parent_id(c) for c in chunks], spans, metadata,
        embedding.model_dump(mode="json"), embedder.name,
    )  # fmt: skip
    # A folder of its own for vectors on a server: it has no database, and must not be taken for one that lost it.
    folder = settings.home / "indexes" / (f"{key}{SERVER_ENDING}" if settings.chroma_url else key)
    return IndexPlan(chunks, texts, metadata, parents, key, folder, settings)


def text_to_embed(chunk: Chunk, of: str) -> str:
    """What is embedded of a chunk, by `EmbeddingSpec.of`; where that is a written text, the chunk's own."""
    # `full_text` has the names of the columns where a chunk begins below a table's header.
    return f"{chunk.heading}\n{chunk.text}" if of == "heading" and chunk.heading else chunk.full_text


def _texts_to_embed(chunks: Sequence[Chunk], embedding: EmbeddingSpec) -> list[str]:
    if embedding.of in ("text", "heading"):
        return [text_to_embed(chunk, embedding.of) for chunk in chunks]
    raise BadInput(f"To embed the {embedding.of} of each chunk, it must be written first and given as texts.")


def _parent_texts(chunks: Sequence[Chunk], documents: dict[str, Document]) -> dict[Span, str]:
    # Each larger piece once, in the order of the chunks; the pieces of a document that was not given stay unknown.
    spans = dict.fromkeys(chunk.parent for chunk in chunks if chunk.parent and chunk.parent.document in documents)
    return {span: documents[span.document].text[span.start : span.end] for span in spans if span}


def _parent_id(chunk: Chunk) -> list[int] | None:
    return [chunk.parent.start, chunk.parent.end] if chunk.parent else None
