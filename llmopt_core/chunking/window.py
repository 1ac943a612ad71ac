"""How long chunks are, and what of them an embedding model never sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from llmopt_core.chunking.measure import measure_for
from llmopt_core.chunking.token_starts import Ints
from llmopt_core.models.base import BUILTIN_EMBEDDING, EmbeddingSpec
from llmopt_core.types import Chunk
from llmopt_core.types.grouping import group_values

CONTEXT_TOKENIZER = "cl100k_base"
# Every text begins and ends with a special token for the models of the BERT family.
_SPECIAL = 2


@dataclass(frozen=True, slots=True)
class Window:
    """What an embedding model reads of a text: so many tokens of this tokenizer."""

    tokens: int
    tokenizer: str


def window_of(embedding: EmbeddingSpec, max_tokens: int) -> Window:
    """The window of a model. For local models other than the built-in one the tokens are counted as its tokens."""
    # The tokenizer behind an endpoint is not known; cl100k is near enough to tell that a chunk is too long.
    if embedding.endpoint:
        return Window(max_tokens, CONTEXT_TOKENIZER)
    # At least one token, however small a limit a model names.
    return Window(max(1, max_tokens - _SPECIAL), BUILTIN_EMBEDDING)


@dataclass(frozen=True, slots=True)
class TruncationReport:
    """What lies beyond a model's window.

    Attributes:
        lengths: Tokens of each chunk.
        window: Tokens the model sees.
        truncated_chunks: Chunks longer than that.
        truncated_characters: Characters of them that are not embedded.
        share_cut: Those as a share (0 to 1) of the characters of all chunks.
    """

    lengths: tuple[int, ...]
    window: int
    truncated_chunks: int
    truncated_characters: int
    share_cut: float


def chunk_lengths(chunks: Sequence[Chunk], texts: Mapping[str, str], unit: str) -> Ints:
    """Tokens (or characters) of each chunk, counted inside its document.

    Args:
        chunks: In any order.
        texts: Document texts by name.
        unit: `characters` or the name of a tokenizer.
    """
    lengths = np.zeros(len(chunks), np.int64)
    for name, (positions, starts, ends) in _by_document(chunks).items():
        lengths[positions] = measure_for(texts[name], unit).lengths(starts, ends)
    return lengths


def measure_truncation(
    chunks: Sequence[Chunk], texts: Mapping[str, str], tokenizer: str, window: int
) -> TruncationReport:
    """Which chunks an embedding model sees only in part.

    Args:
        chunks: In any order.
        texts: Document texts by name.
        tokenizer: Name of the embedding model's tokenizer.
        window: Tokens of a text that the model sees, its special tokens left out.
    """
    lengths = chunk_lengths(chunks, texts, tokenizer)
    # What ends later than what is seen is lost.
    losses = np.fromiter((chunk.end for chunk in chunks), np.int64, len(chunks))
    losses -= embedding_ends(chunks, texts, tokenizer, window)
    total = sum(chunk.end - chunk.start for chunk in chunks)
    cut_count = int(losses.sum())
    return TruncationReport(
        tuple(lengths.tolist()), window, int((lengths > window).sum()), cut_count, cut_count / total if total else 0.0
    )


def embedding_ends(chunks: Sequence[Chunk], texts: Mapping[str, str], tokenizer: str, window: int) -> Ints:
    """Per chunk the character after the last one that an embedding model sees.

    Args:
        chunks: In any order.
        texts: Document texts by name.
        tokenizer: Name of the embedding model's tokenizer.
        window: Tokens of a text that the model sees, its special tokens left out.
    """
    lengths = chunk_lengths(chunks, texts, tokenizer)
    ends = np.fromiter((chunk.end for chunk in chunks), np.int64, len(chunks))
    for name, (positions, starts, _) in _by_document(chunks).items():
        tokens = measure_for(texts[name], tokenizer).starts
        long = np.flatnonzero(lengths[positions] > window)
        # Counted in characters a token is a character.
        if tokens is None:
            ends[positions[long]] = starts[long] + window
        elif len(long):
            # The first token that no longer fits begins where the seen text ends.
            ends[positions[long]] = tokens[np.searchsorted(tokens, starts[long]) + window]
    return ends


def _by_document(chunks: Sequence[Chunk]) -> dict[str, tuple[Ints, Ints, Ints]]:
    """Per document the positions of its chunks, their starts and their ends."""
    rows = group_values((chunk.document, (place, chunk.start, chunk.end)) for place, chunk in enumerate(chunks))
    tables = {name: np.array(group, np.int64) for name, group in rows.items()}
    return {name: (table[:, 0], table[:, 1], table[:, 2]) for name, table in tables.items()}
