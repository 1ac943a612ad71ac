"""Document -> chunks."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence

from llmopt_core.chunking.fixed_size import split_by_size
from llmopt_core.chunking.headings import SEPARATOR, Headings
from llmopt_core.chunking.measure import Measure, measure_for
from llmopt_core.chunking.pack import Spans
from llmopt_core.chunking.recursive import RecursiveSplitter
from llmopt_core.chunking.semantic import Encode, split_by_meaning
from llmopt_core.chunking.sentences import split_by_sentences
from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.chunking.structure import split_by_structure
from llmopt_core.chunking.table_columns import TableColumns
from llmopt_core.errors import BadInput
from llmopt_core.types import COLUMNS, Chunk, Document, Span


def chunk_documents(documents: Sequence[Document], spec: ChunkingSpec, encode: Encode | None = None) -> list[Chunk]:
    """The chunks of all documents, in their order; see `chunk_document`."""
    return [chunk for document in documents for chunk in chunk_document(document, spec, encode)]


def chunk_document(document: Document, spec: ChunkingSpec, encode: Encode | None = None) -> list[Chunk]:
    """Cut one document; `document.text[chunk.start:chunk.end] == chunk.text` for every chunk.

    No chunk is empty, none stands there twice, and none has white space at its ends (but those too long for the last
    of `separators`, where that is not ""). Each carries the path of Markdown headings above its start, and a chunk that
    begins below the header of a table its column names as the last of them.

    Args:
        document: Its text is taken as it is.
        spec: Method, size, overlap and unit.
        encode: Texts to unit vectors; needed by the method `semantic` alone.

    Raises:
        BadInput: `semantic` without `encode`, or an unknown tokenizer.
    """
    headings, tables = Headings(document.text), TableColumns(document.text)
    return [
        Chunk(document.name, start, end, document.text[start:end],
              # Of the start alone: a chunk that goes on over a heading is found by what it begins with.
              _heading(headings.path_at(start), tables.names_at(start)),
              Span(document.name, *parent) if parent else None)
        for start, end, parent in _pieces(document.text, spec, encode)
    ]  # fmt: skip


def _heading(path: str, columns: str) -> str:
    return SEPARATOR.join(filter(None, (path, columns and f"{COLUMNS}{columns}")))


def spans(text: str, spec: ChunkingSpec, encode: Encode | None = None) -> Spans:
    """Start and end of each chunk of a text."""
    return [(start, end) for start, end, _ in _pieces(text, spec, encode)]


def _pieces(text: str, spec: ChunkingSpec, encode: Encode | None) -> list[tuple[int, int, tuple[int, int] | None]]:
    # A text without words would give chunks without anything to embed.
    if not text or text.isspace():
        return []
    if spec.method == "small-to-big":
        pieces = _children(text, spec)
    else:
        measure = measure_for(text, spec.length_unit)
        pieces = [(start, end, None) for start, end in CUTTERS[spec.method](text, measure, spec, encode)]
    # Where only white space follows an overlap, two chunks are the same.
    return list(dict.fromkeys(pieces))


def _children(text: str, spec: ChunkingSpec) -> list[tuple[int, int, tuple[int, int] | None]]:
    """Small pieces inside large ones; `overlap` is between children, parents have none."""
    measure = measure_for(text, spec.length_unit)
    # Parents do not overlap: a child belongs to one.
    parents = _splitter(text, measure, spec, spec.size, 0).spans()
    # Cut inside each parent, so that no child reaches over its border.
    children = _splitter(text, measure, spec, spec.child, spec.overlap).spans(parents)
    starts = [start for start, _ in parents]
    # The last parent that begins at or before the child; they are in order.
    return [(start, end, parents[bisect_right(starts, start) - 1]) for start, end in children]


def _semantic(text: str, by: Measure, spec: ChunkingSpec, encode: Encode | None) -> Spans:
    if encode is None:
        raise BadInput("Semantic chunking needs an embedding model: pass `encode`.")
    return split_by_meaning(
        text, by, size=spec.size, overlap=spec.overlap, percentile=spec.breakpoint_percentile, encode=encode
    )


Cutter = Callable[[str, Measure, ChunkingSpec, Encode | None], Spans]
CUTTERS: Mapping[str, Cutter] = {
    "recursive": lambda text, by, spec, _: _splitter(text, by, spec, spec.size, spec.overlap).spans(),
    "fixed": lambda text, by, spec, _: split_by_size(text, by, spec.size, spec.overlap),
    "sentence": lambda text, by, spec, _: split_by_sentences(text, by, spec.size, spec.overlap),
    "structure": lambda text, by, spec, _: split_by_structure(text, by, spec.size, spec.overlap),
    "semantic": _semantic,
}
"""Method -> start and end of each chunk; `small-to-big` has chunks within chunks, and its own way."""


def _splitter(text: str, by: Measure, spec: ChunkingSpec, size: int, overlap: int) -> RecursiveSplitter:
    return RecursiveSplitter(text, by, size=size, overlap=overlap, separators=spec.separators, keep=spec.keep_separator)
