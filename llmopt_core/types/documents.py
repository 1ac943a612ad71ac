"""Texts and their parts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import ConfigDict, with_config

from llmopt_core.types.spec import fingerprint


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` (exclusive) of the document named `document`."""

    document: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """A text with its name, unique in its project.

    Attributes:
        name: File name or path inside the project, such as `normans.txt`.
        text: The extracted text. Every offset in the project counts its characters (code points).
        metadata: Flat facts usable as search filters, such as `{"language": "en"}`.
        page_starts: Offset at which each page begins; empty where the format has no pages.
        warnings: What could not be read, in words for the user.
    """

    name: str
    text: str
    metadata: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    page_starts: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """Content hash of the text."""
        return fingerprint(self.text)

    def page_at(self, offset: int) -> int | None:
        """The 1-based page that holds the character at `offset`."""
        if not self.page_starts:
            return None  # A text file has no pages; "page 1" would be invented.
        # The number of pages that begin at or before the place; text before the first one is counted to it.
        return max(1, bisect_right(self.page_starts, offset))


COLUMNS = "columns: "
"""Before the column names at the end of a chunk's heading."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document: `document.text[start:end] == text`, always.

    Attributes:
        heading: Path of headings above the chunk, joined by ` > `; empty where unknown. Inside a table its last part is
            the names of the columns, after `columns: `.
        parent: The larger piece handed to the model in place of this one (small-to-big).
    """

    document: str
    start: int
    end: int
    text: str
    heading: str = ""
    parent: Span | None = None

    @property
    def has_place(self) -> bool:
        """Whether its place is known; of a text that another tool's file holds it is not, and both ends are 0."""
        return self.end > self.start or not self.text

    @property
    def id(self) -> str:
        """Unique inside one chunking of a project."""
        return f"{self.document}:{self.start}-{self.end}"

    @property
    def span(self) -> Span:
        """Where the chunk stands."""
        return Span(self.document, self.start, self.end)

    @property
    def columns(self) -> str:
        """The column names of the table that the chunk begins inside, below its header; else empty."""
        # A heading may hold the word itself (`My columns: a list`): only at the start of a part does it mean names.
        path, mark, names = self.heading.rpartition(COLUMNS)
        return names if mark and (not path or path.endswith(" > ")) else ""

    @property
    def full_text(self) -> str:
        """The text below the column names that stand above it in the document: what is searched and handed over."""
        return f"{self.columns}\n{self.text}" if self.columns else self.text


@with_config(ConfigDict(ser_json_inf_nan="constants"))
@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found by a stage, with that stage's score (higher is better; scales differ between stages)."""

    chunk: Chunk
    score: float

    @property
    def known_score(self) -> float | None:
        """The score; None where the file of another tool has none."""
        return self.score if self.score or self.chunk.has_place else None
