"""A document cut into chunks and measured, computed once per document and setting."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

import streamlit as st

from llmopt_core.types import Document, fingerprint
from llmopt_ui.resources import models, store

if TYPE_CHECKING:
    from llmopt_core.chunking.microscope import DocumentChunking
    from llmopt_core.chunking.semantic import Encode
    from llmopt_core.chunking.spec import ChunkingSpec

_SLOW_CHARACTERS = 3_000_000
"""Beyond these, cutting is something to wait for."""


def cutting_of(document: Document, spec: ChunkingSpec, version: str = "") -> DocumentChunking:
    """The document cut and measured. Its version, where it is known, need not be made from the text again."""
    key = fingerprint(document.name, version or document.version)
    # A function instead of the text: the cache hashes what it is given, and hashing millions of characters at every
    # drawing would cost more than it saves.
    return _cutting(key, spec.fingerprint, lambda: _compute_cutting(document, spec))


# As many moves of a slider can be taken back without cutting again; each keeps the chunks of one document.
@st.cache_resource(max_entries=48, show_spinner=False)
def _cutting(document: str, key: str, _make: Callable[[], DocumentChunking]) -> DocumentChunking:
    return _make()


def _compute_cutting(document: Document, spec: ChunkingSpec) -> DocumentChunking:
    from llmopt_core.chunking.microscope import inspect_chunking

    waiting = "Embedding the sentences …" if spec.method == "semantic" else "Cutting …"
    slow = spec.method == "semantic" or len(document.text) > _SLOW_CHARACTERS
    with st.spinner(waiting) if slow else nullcontext():
        return inspect_chunking(document, spec, encode=sentence_encoder(spec))


def sentence_encoder(spec: ChunkingSpec) -> Encode | None:
    """Sentences to vectors, where the method asks for them."""
    if spec.method != "semantic":
        return None
    from llmopt_core.index.embedding_cache import encode_with_cache
    from llmopt_core.models.base import EmbeddingSpec

    # Taken here, in the session's thread; vectors of sentences are kept, so another size embeds nothing anew.
    embedder, cache = models().embedder(EmbeddingSpec()), store().cache
    return lambda texts: encode_with_cache(texts, embedder, cache)
