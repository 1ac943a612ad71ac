"""One chunking of one document, made to be looked at: what stands where, and what an embedding model never sees."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llmopt_core.chunking.chunk import chunk_document
from llmopt_core.chunking.semantic import Encode
from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.chunking.token_starts import Ints
from llmopt_core.chunking.window import chunk_lengths, embedding_ends
from llmopt_core.models.base import BUILTIN_EMBEDDING
from llmopt_core.types import Chunk, Document

BUILTIN_WINDOW = 254
"""Tokens the built-in embedding model sees of a text: 256, two of them special tokens."""


@dataclass(frozen=True, slots=True)
class TextSegment:
    """Characters `start` to `end` that the same chunks cover in the same way.

    Attributes:
        chunks: Positions of those chunks.
        begins: Those of them that begin here.
        gold: Whether it is part of a reference.
        is_embedded: Whether an embedding model sees it in one of the chunks.
    """

    start: int
    end: int
    chunks: tuple[int, ...] = ()
    begins: tuple[int, ...] = ()
    gold: bool = False
    is_embedded: bool = True


@dataclass(frozen=True, slots=True)
class ReferencePart:
    """The part of a reference that one chunk holds, as a share between 0 and 1."""

    position: int
    share: float


@dataclass(frozen=True, eq=False)
class DocumentChunking:
    """The chunks of one document in order of their start, with plain arrays beside them.

    Attributes:
        sizes: Of each chunk, in the unit of its settings.
        starts: First character of each chunk.
        ends: Character after its last.
        window_ends: Character after the last one that the embedding model sees.
        tokens: Tokens of the embedding model in each chunk.
        window: The most of them that it sees.
        length: Characters of the document.
    """

    chunks: tuple[Chunk, ...]
    sizes: Ints
    starts: Ints
    ends: Ints
    window_ends: Ints
    tokens: Ints
    window: int
    length: int

    @property
    def truncated_chunks(self) -> int:
        """Chunks that are longer than the embedding model's window."""
        return int((self.tokens > self.window).sum())

    @property
    def truncated_characters(self) -> int:
        """Characters that stand in a chunk and that the embedding model sees in none."""
        return union_length(self.starts, self.ends) - union_length(self.starts, self.window_ends)

    @property
    def truncated_share(self) -> float:
        """Those as a share, 0 to 1, of the text in chunks."""
        whole = union_length(self.starts, self.ends)
        return self.truncated_characters / whole if whole else 0.0

    @property
    def overlap_share(self) -> float:
        """What stands in more than one chunk, counted each further time, as a share of the text in chunks."""
        whole = union_length(self.starts, self.ends)
        return float((self.ends - self.starts).sum()) / whole - 1.0 if whole else 0.0


def inspect_chunking(
    document: Document,
    spec: ChunkingSpec,
    *,
    tokenizer: str = BUILTIN_EMBEDDING,
    window: int = BUILTIN_WINDOW,
    encode: Encode | None = None,
) -> DocumentChunking:
    """Cut a document and measure what came out.

    Args:
        document: Its text is taken as it is.
        spec: How it is cut.
        tokenizer: That of the embedding model.
        window: Tokens of a text that the embedding model sees, special tokens left out.
        encode: Texts to unit vectors, for semantic chunking.
    """
    # By start and then end: what `select_visible` and `union_length` go by.
    chunks = tuple(sorted(chunk_document(document, spec, encode), key=lambda chunk: (chunk.start, chunk.end)))
    texts = {document.name: document.text}
    return DocumentChunking(
        chunks=chunks,
        sizes=chunk_lengths(chunks, texts, spec.length_unit),
        starts=np.fromiter((chunk.start for chunk in chunks), np.int64, len(chunks)),
        ends=np.fromiter((chunk.end for chunk in chunks), np.int64, len(chunks)),
        window_ends=embedding_ends(chunks, texts, tokenizer, window),
        tokens=chunk_lengths(chunks, texts, tokenizer),
        window=window,
        length=len(document.text),
    )


def text_segments(
    cutting: DocumentChunking, start: int, end: int, references: Sequence[tuple[int, int]] = ()
) -> list[TextSegment]:
    """Characters `start` to `end` of the document in order, cut wherever a chunk or a reference begins or ends.

    Only the chunks in sight are looked at, so a long document costs no more than a short one.

    Args:
        cutting: Of the whole document.
        start: First character shown.
        end: Character after the last shown.
        references: Start and end of each reference in this document.
    """
    rows = [
        (i, int(cutting.starts[i]), int(cutting.ends[i]), int(cutting.window_ends[i]))
        for i in select_visible(cutting, start, end)
    ]
    # Cut to the part in sight, so that the edges are those of what is drawn.
    gold = [(max(a, start), min(b, end)) for a, b in references if a < end and b > start]
    edges = {start, end, *(edge for span in gold for edge in span)}
    edges |= {edge for row in rows for edge in row[1:] if start < edge < end}
    sorted_edges, segments, open_rows = sorted(edges), [], list[tuple[int, int, int, int]]()
    for a, b in itertools.pairwise(sorted_edges):
        # In order of their start, so each is taken up once and let go once.
        while rows and rows[0][1] <= a:
            open_rows.append(rows.pop(0))
        open_rows = [row for row in open_rows if row[2] > a]
        segments.append(_stretch(open_rows, gold, a, b))
    return segments


def select_visible(cutting: DocumentChunking, start: int, end: int) -> list[int]:
    """Positions of the chunks that have a character between `start` and `end`."""
    # The furthest end so far never falls, so it can be searched; chunks inside longer ones end earlier.
    reach = np.maximum.accumulate(cutting.ends) if len(cutting.ends) else cutting.ends
    first = int(np.searchsorted(reach, start, side="right"))
    last = int(np.searchsorted(cutting.starts, end, side="left"))
    # Among these some may end before the part begins, as overlaps differ.
    return [i for i in range(first, last) if cutting.ends[i] > start]


def reference_parts(cutting: DocumentChunking, start: int, end: int) -> list[ReferencePart]:
    """Which chunks hold a part of a reference, the largest part first."""
    parts = [
        # An empty reference would divide by nothing.
        ReferencePart(i, (min(end, int(cutting.ends[i])) - max(start, int(cutting.starts[i]))) / max(1, end - start))
        for i in select_visible(cutting, start, end)
    ]
    return sorted(parts, key=lambda part: -part.share)


def union_length(starts: Ints, ends: Ints) -> int:
    """Characters in at least one of the spans; they are in order of their start."""
    if not len(starts):
        return 0
    reach = np.maximum.accumulate(ends)
    # What lies before the furthest end so far has been counted.
    before = np.concatenate(([starts[0]], reach[:-1]))
    return int(np.maximum(0, reach - np.maximum(starts, before)).sum())


def _stretch(
    over: Sequence[tuple[int, int, int, int]], gold: Sequence[tuple[int, int]], start: int, end: int
) -> TextSegment:
    return TextSegment(
        start,
        end,
        tuple(row[0] for row in over),
        tuple(row[0] for row in over if row[1] == start),
        any(a <= start and end <= b for a, b in gold),
        # White space between chunks is in none, and not missed by anybody.
        not over or any(visible_end >= end for *_, visible_end in over),
    )
