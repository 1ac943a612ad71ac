"""What the microscope looks at, computed once per document and setting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from llmopt_core.runs.values import Project, SavedDocument
from llmopt_core.types import Chunk, Document, fingerprint
from llmopt_ui.document_text.chunking import sentence_encoder
from llmopt_ui.resources import models, store
from llmopt_ui.session import state

if TYPE_CHECKING:
    from llmopt_core.chunking.spec import ChunkingSpec
    from llmopt_core.index.term_positions import TermPositions
    from llmopt_core.labs.chunking.chunk_ranks import ChunkRank

# As much as one part of a very long document: every move of a slider cuts and ranks it.
RANKED_CHARACTERS = 3_000_000
"""Beyond this much text in a project, only the chunks of the document in sight are ranked."""
# A larger number embeds without a click what may take long, a smaller one asks at almost every change.
EMBEDDED_AT_ONCE = 64
"""So many new chunks are embedded without asking."""


def competing_documents(
    project: Project, documents: Sequence[SavedDocument], document: Document
) -> tuple[list[Document], str]:
    """The documents whose chunks are ranked together, and their key. In a very large project it is the one alone."""
    if sum(item.characters for item in documents) > RANKED_CHARACTERS:
        return [document], fingerprint(document.name, document.version)
    key = fingerprint([[item.name, item.version] for item in documents])
    return _documents(project.id, key, lambda: store().documents(project)), key


# Two, as two projects or a change of one of its documents; each entry holds all texts, so more would fill the memory.
@st.cache_resource(max_entries=2, show_spinner=False)
def _documents(project: int, key: str, _read: Callable[[], list[Document]]) -> list[Document]:
    return _read()


def chunks_of(
    documents: Sequence[Document], key: str, spec: ChunkingSpec, cut_already: Sequence[Chunk] = ()
) -> list[Chunk]:
    """All chunks that compete; those of the document in sight need not be cut again."""
    from llmopt_core.chunking.chunk import chunk_document

    name_of_cut = cut_already[0].document if cut_already else ""

    def make() -> list[Chunk]:
        encode = sentence_encoder(spec)
        # In the order of the documents, wherever the one that was cut already stands among them.
        parts = (cut_already if one.name == name_of_cut else chunk_document(one, spec, encode) for one in documents)
        return [chunk for part in parts for chunk in part]

    return _chunks(key, spec.fingerprint, make)


@st.cache_resource(max_entries=6, show_spinner=False)
def _chunks(documents: str, key: str, _make: Callable[[], list[Chunk]]) -> list[Chunk]:
    return _make()


def word_ranks(documents: Sequence[Document], key: str, spec: ChunkingSpec, question: str) -> dict[str, ChunkRank]:
    """By chunk id its rank by shared words."""
    from llmopt_core.labs.chunking.chunk_ranks import bm25_ranks, words_of

    words = _words(key, lambda: words_of(documents))
    return bm25_ranks(chunks_of(documents, key, spec), question, words)


@st.cache_resource(max_entries=2, show_spinner=False)
def _words(documents: str, _make: Callable[[], dict[str, TermPositions]]) -> dict[str, TermPositions]:
    return _make()


def new_chunks(documents: Sequence[Document], key: str, spec: ChunkingSpec) -> int:
    """How many chunks must be embedded before they can be ranked by meaning."""
    from llmopt_core.labs.chunking.chunk_ranks import count_missing_vectors
    from llmopt_core.models.base import EmbeddingSpec

    place = f"{key}:{spec.fingerprint}"
    # Counting asks the cache for every chunk; vectors that are there are taken to stay.
    if place in state().embedded_chunkings:
        return 0
    missing = count_missing_vectors(chunks_of(documents, key, spec), models().embedder(EmbeddingSpec()), store().cache)
    # Only "none" is kept: any other number changes while a job embeds.
    if not missing:
        state().embedded_chunkings.add(place)
    return missing


def meaning_ranks(
    documents: Sequence[Document],
    key: str,
    spec: ChunkingSpec,
    question: str,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, ChunkRank]:
    """By chunk id its rank by meaning; embeds what has no vector yet."""
    from llmopt_core.labs.chunking.chunk_ranks import dense_ranks
    from llmopt_core.models.base import EmbeddingSpec

    def make() -> dict[str, ChunkRank]:
        embedder = models().embedder(EmbeddingSpec())
        return dense_ranks(chunks_of(documents, key, spec), question, embedder, store().cache, on_progress)

    ranks = _meaning(key, spec.fingerprint, question, make)
    state().embedded_chunkings.add(f"{key}:{spec.fingerprint}")
    return ranks


@st.cache_resource(max_entries=32, show_spinner=False)
def _meaning(
    documents: str, key: str, question: str, _make: Callable[[], dict[str, ChunkRank]]
) -> dict[str, ChunkRank]:
    return _make()
