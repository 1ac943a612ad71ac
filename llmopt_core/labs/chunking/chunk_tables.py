"""Documents -> the chunks of every chunking, with all that searching and measuring needs to know of them."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

import numpy as np
import numpy.typing as npt

from llmopt_core.chunking.chunk import chunk_document
from llmopt_core.chunking.semantic import Encode
from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.chunking.window import CONTEXT_TOKENIZER, Window, chunk_lengths, embedding_ends
from llmopt_core.models.tokenizers import tokenizer
from llmopt_core.types import Chunk, Document, Span
from llmopt_core.types.grouping import group_values

Ints = npt.NDArray[np.int64]


class ChunkTable(Sequence[Chunk]):
    """The chunks of one chunking, kept as numbers: their texts stand in the documents and are cut out when asked for.

    A corpus that is cut in many ways would else be in memory as often.

    Args:
        documents: What was cut.
    """

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = documents
        # 64-bit integers one after the other, five per chunk: an object per chunk takes several times the memory.
        self._places = array("q")
        self._headings: list[str] = []

    def add(self, number: int, chunks: Sequence[Chunk]) -> None:
        """Append the chunks of the document at position `number`."""
        for chunk in chunks:
            around = chunk.parent
            # -1 is no offset: there is no larger piece around.
            outer = (around.start, around.end) if around else (-1, -1)
            self._places.extend((number, chunk.start, chunk.end, *outer))
            self._headings.append(chunk.heading)

    def __len__(self) -> int:
        return len(self._headings)

    @overload
    def __getitem__(self, index: int) -> Chunk: ...
    @overload
    def __getitem__(self, index: slice) -> list[Chunk]: ...
    # As any sequence: `range` turns negative places and refuses those beyond the end.
    def __getitem__(self, index: int | slice) -> Chunk | list[Chunk]:
        if isinstance(index, slice):
            return [self[place] for place in range(len(self))[index]]
        place = range(len(self))[index]
        number, start, end, outer, outer_end = self._places[5 * place : 5 * place + 5]
        document = self._documents[number]
        parent = Span(document.name, outer, outer_end) if outer >= 0 else None
        return Chunk(document.name, start, end, document.text[start:end], self._headings[place], parent)


def chunk_all(
    documents: Sequence[Document],
    chunkings: Sequence[ChunkingSpec],
    encode: Encode | None,
    on_document: Callable[[int, int], None],
) -> list[ChunkTable]:
    """The chunks of all documents, per chunking. Document by document, so that each is tokenized once."""
    tables = [ChunkTable(documents) for _ in chunkings]
    for number, document in enumerate(documents):
        on_document(number, len(documents))
        for table, chunking in zip(tables, chunkings, strict=True):
            table.add(number, chunk_document(document, chunking, encode))
    return tables


@dataclass(frozen=True)
class SearchUnits:
    """The chunks of one chunking, and what is handed over for them: themselves, or the larger pieces around them.

    Attributes:
        texts: Document texts by name.
        window: Of the embedding model; None where words are searched, which no window bounds.
        has_prefix: Whether the heading path is embedded before the text.
    """

    chunks: Sequence[Chunk]
    texts: Mapping[str, str]
    window: Window | None
    has_prefix: bool = False

    @cached_property
    def context_spans(self) -> list[Span]:
        """What can be handed over, in document order."""
        # Children of one parent are handed over as one; a dict keeps the first place of each.
        return list(dict.fromkeys(chunk.parent or chunk.span for chunk in self.chunks))

    @cached_property
    def owner(self) -> Ints:
        """Per chunk the position in `context_spans` of what is handed over for it; never falls inside a document."""
        places = {span: place for place, span in enumerate(self.context_spans)}
        return np.array([places[chunk.parent or chunk.span] for chunk in self.chunks], np.int64)

    @cached_property
    def by_document(self) -> dict[str, tuple[Ints, Ints, Ints]]:
        """Per document positions in `context_spans`, their starts and their ends."""
        spans = enumerate(self.context_spans)
        rows = group_values((span.document, (place, span.start, span.end)) for place, span in spans)
        tables = {name: np.array(positions, np.int64) for name, positions in rows.items()}
        # Columns as arrays: every reference is compared with all pieces of its document at once.
        return {name: (table[:, 0], table[:, 1], table[:, 2]) for name, table in tables.items()}

    @cached_property
    def context_tokens(self) -> Ints:
        """cl100k tokens of everything in `context_spans`."""
        pieces = [Chunk(span.document, span.start, span.end, "") for span in self.context_spans]
        return chunk_lengths(pieces, self.texts, CONTEXT_TOKENIZER)

    @cached_property
    def embedding_ends(self) -> Ints:
        """Per chunk the offset in its document up to which it is embedded."""
        ends = np.array([chunk.end for chunk in self.chunks], np.int64)
        if self.window is None:
            return ends
        for room, places in self._by_room(self.window).items():
            some = [self.chunks[place] for place in places]
            ends[places] = embedding_ends(some, self.texts, self.window.tokenizer, room)
        return ends

    def _by_room(self, window: Window) -> dict[int, list[int]]:
        """Positions of chunks by the tokens that are left for their text after the heading."""
        # Many chunks share a heading; each is counted once.
        heading_tokens = {"": 0}
        rooms: dict[int, list[int]] = {}
        for place, chunk in enumerate(self.chunks):
            # Rows of tables have their column names before them even where headings are not embedded.
            heading = chunk.heading if self.has_prefix else chunk.columns
            if heading not in heading_tokens:
                heading_tokens[heading] = tokenizer(window.tokenizer).count(heading)
            # At least one: a heading longer than the window would leave less than nothing.
            rooms.setdefault(max(1, window.tokens - heading_tokens[heading]), []).append(place)
        return rooms

    @property
    def beyond_window(self) -> tuple[int, float]:
        """Chunks that are embedded only in part, and the share of the characters of all chunks that is not."""
        ends = np.array([chunk.end for chunk in self.chunks], np.int64)
        excess = ends - self.embedding_ends
        total = sum(chunk.end - chunk.start for chunk in self.chunks)
        return int((excess > 0).sum()), float(excess.sum() / total) if total else 0.0

    def touching(self, reference: Span) -> list[int]:
        """Positions in `context_spans` of what overlaps a reference, or ends or begins exactly at its border."""
        if reference.document not in self.by_document:
            return []
        places, starts, ends = self.by_document[reference.document]
        # Touching counts as well: a reference may begin right where a piece ends, with nothing in between.
        return [int(p) for p in places[(starts <= reference.end) & (ends >= reference.start)]]
