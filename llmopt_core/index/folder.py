"""The files of one index, beside its vector database: manifest, chunks, metadata, vectors, words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from llmopt_core.errors import StorageError
from llmopt_core.index.filters import Metadata
from llmopt_core.index.word_files import OpenWords, WordTexts, open_words, write_words
from llmopt_core.models.base import Vectors
from llmopt_core.types import Chunk, Span

MANIFEST = "manifest.json"
CHROMA = "chroma"
# Part of the fingerprint too: files of an older layout are never opened, but built anew.
FORMAT = 1


class DamagedIndex(StorageError):
    """The files of an index are not whole."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What an index holds beside its vector database.

    Attributes:
        manifest: Format, fingerprint, embedding model, counts.
        documents: Metadata of every document by its name.
        parents: Texts of the larger pieces that chunks stand for (small-to-big).
        vectors: Unit vectors in the order of the chunks, read from disk as they are used.
        words: Gives the words of the chunks, see `open_words`.
    """

    manifest: Mapping[str, Any]
    chunks: tuple[Chunk, ...]
    documents: Mapping[str, Metadata]
    parents: Mapping[Span, str]
    vectors: Vectors
    words: OpenWords


def write_contents(folder: Path, contents: Contents) -> None:
    """Write all files, the manifest last."""
    # Plain lists: objects would repeat the names of their fields on every line.
    _write_lines(folder / "chunks.jsonl", (_chunk_row(chunk) for chunk in contents.chunks))
    _write_lines(folder / "documents.jsonl", ([name, dict(meta)] for name, meta in contents.documents.items()))
    _write_lines(folder / "parents.jsonl", ([_span_row(span), text] for span, text in contents.parents.items()))
    # No pickle: a folder that somebody passes on could run code when it is opened.
    np.save(folder / "vectors.npy", contents.vectors, allow_pickle=False)
    write_words(folder, contents.words())
    # Last: a folder without a manifest is not whole, whatever else it has.
    (folder / MANIFEST).write_text(json.dumps(dict(contents.manifest), indent=1), encoding="ascii")


def read_contents(folder: Path, word_texts: WordTexts) -> Contents:
    """Read what `write_contents` wrote; `word_texts` are what `open_words` takes.

    Raises:
        DamagedIndex: A file is missing or damaged.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="ascii"))
        contents = Contents(
            manifest=manifest,
            chunks=tuple(_chunk(row) for row in _read_lines(folder / "chunks.jsonl")),
            documents=dict(_read_lines(folder / "documents.jsonl")),
            parents={Span(*span): text for span, text in _read_lines(folder / "parents.jsonl")},
            # Mapped, not read: opening takes no time however large it is, and processes share the memory.
            vectors=np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False),
            words=open_words(folder, word_texts),
        )
        # Files of two builds, or one that was cut at the end of a line, do not belong together.
        if not len(contents.chunks) == len(contents.vectors) == manifest["chunks"]:
            raise ValueError("the counts differ")
    except (OSError, ValueError, TypeError, KeyError, EOFError) as error:
        # All that a damaged file of these kinds makes its reader raise.
        raise DamagedIndex(f"The index in {folder} is damaged ({error}); delete that folder and run again.") from error
    return contents


def _chunk_row(chunk: Chunk) -> list[Any]:
    parent = _span_row(chunk.parent) if chunk.parent else None
    return [chunk.document, chunk.start, chunk.end, chunk.text, chunk.heading, parent]


def _chunk(row: Sequence[Any]) -> Chunk:
    document, start, end, text, heading, parent = row
    return Chunk(document, start, end, text, heading, Span(*parent) if parent else None)


def _span_row(span: Span) -> list[Any]:
    return [span.document, span.start, span.end]


def _write_lines(path: Path, rows: Any) -> None:
    # ASCII: everything else is written as \u escapes, also halves of characters, which UTF-8 cannot hold.
    with path.open("w", encoding="ascii") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def _read_lines(path: Path) -> list[Any]:
    with path.open(encoding="ascii") as file:
        return [json.loads(line) for line in file]
