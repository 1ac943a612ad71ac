"""Documents -> the chunks of every chunking, with all that searching and measuring needs to know of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from llmopt_core.chunking.chunk import chunk_document
from llmopt_core.chunking.semantic import Encode
from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.chunking.window import chunk_lengths, embedded_ends
from llmopt_core.models.base import BUILTIN_EMBEDDING, EmbeddingSpec
from llmopt_core.models.tokenizers import tokenizer
from llmopt_core.types import Chunk, Document, Span

Ints = npt.NDArray[np.int64]
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
    if embedding.endpoint:
        return Window(max_tokens, CONTEXT_TOKENIZER)
    return Window(max(1, max_tokens - _SPECIAL), BUILTIN_EMBEDDING)


def cut_all(
    documents: Sequence[Document],
    chunkings: Sequence[ChunkingSpec],
    encode: Encode | None,
    on_document: Callable[[int, int], None],
) -> list[list[Chunk]]:
    """The chunks of all documents, one list per chunking. Document by document, so that each is tokenized once."""
    found: list[list[Chunk]] = [[] for _ in chunkings]
    for done, document in enumerate(documents):
        on_document(done, len(documents))
        for number, chunking in enumerate(chunkings):
            found[number] += chunk_document(document, chunking, encode)
    return found


@dataclass(frozen=True)
class Pieces:
    """The chunks of one chunking, and what is handed over for them: themselves, or the larger pieces around them.

    Attributes:
        texts: Document texts by name.
        window: Of the embedding model; None where words are searched, which no window bounds.
        prefixed: Whether the heading path is embedded before the text.
    """

    chunks: Sequence[Chunk]
    texts: Mapping[str, str]
    window: Window | None
    prefixed: bool = False

    @cached_property
    def handed(self) -> list[Span]:
        """What can be handed over, in document order."""
        return list(dict.fromkeys(chunk.parent or chunk.span for chunk in self.chunks))

    @cached_property
    def owner(self) -> Ints:
        """Per chunk the position in `handed` of what is handed over for it; never decreasing inside a document."""
        places = {span: place for place, span in enumerate(self.handed)}
        return np.array([places[chunk.parent or chunk.span] for chunk in self.chunks], np.int64)

    @cached_property
    def by_document(self) -> dict[str, tuple[Ints, Ints, Ints]]:
        """Per document positions in `handed`, their starts and their ends."""
        rows: dict[str, list[tuple[int, int, int]]] = {}
        for place, span in enumerate(self.handed):
            rows.setdefault(span.document, []).append((place, span.start, span.end))
        tables = {name: np.array(found, np.int64) for name, found in rows.items()}
        return {name: (table[:, 0], table[:, 1], table[:, 2]) for name, table in tables.items()}

    @cached_property
    def context_tokens(self) -> Ints:
        """cl100k tokens of everything in `handed`."""
        pieces = [Chunk(span.document, span.start, span.end, "") for span in self.handed]
        return chunk_lengths(pieces, self.texts, CONTEXT_TOKENIZER)

    @cached_property
    def embedded_to(self) -> Ints:
        """Per chunk the offset in its document up to which it is embedded."""
        ends = np.array([chunk.end for chunk in self.chunks], np.int64)
        if self.window is None:
            return ends
        for room, places in self._by_room(self.window).items():
            some = [self.chunks[place] for place in places]
            ends[places] = embedded_ends(some, self.texts, self.window.tokenizer, room)
        return ends

    def _by_room(self, window: Window) -> dict[int, list[int]]:
        """Positions of chunks by the tokens that are left for their text after the heading."""
        taken = {"": 0}
        rooms: dict[int, list[int]] = {}
        for place, chunk in enumerate(self.chunks):
            heading = chunk.heading if self.prefixed else ""
            if heading not in taken:
                taken[heading] = tokenizer(window.tokenizer).count(heading)
            rooms.setdefault(max(1, window.tokens - taken[heading]), []).append(place)
        return rooms

    @property
    def beyond_window(self) -> tuple[int, float]:
        """Chunks that are embedded only in part, and the share of the characters of all chunks that is not."""
        ends = np.array([chunk.end for chunk in self.chunks], np.int64)
        lost = ends - self.embedded_to
        total = sum(chunk.end - chunk.start for chunk in self.chunks)
        return int((lost > 0).sum()), float(lost.sum() / total) if total else 0.0

    def touching(self, reference: Span) -> list[int]:
        """Positions in `handed` of what overlaps a reference, or ends or begins exactly at its border."""
        if reference.document not in self.by_document:
            return []
        places, starts, ends = self.by_document[reference.document]
        return [int(p) for p in places[(starts <= reference.end) & (ends >= reference.start)]]
