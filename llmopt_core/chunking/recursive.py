"""Cuts at the first separator that helps; the same cuts as LangChain's RecursiveCharacterTextSplitter."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Literal

import numpy as np

from llmopt_core.chunking.matches import Matches, code_points
from llmopt_core.chunking.measure import Measure
from llmopt_core.chunking.pack import Pieces, Spans, pack, strip
from llmopt_core.chunking.spec import SEPARATORS
from llmopt_core.chunking.token_starts import Ints

Keep = Literal["start", "end", "no"]

# A count inside the text differs from a count by itself by a few tokens at the two ends.
_SLACK = 8


class RecursiveSplitter:
    """Splits any part of one text.

    A piece that is too long is cut at every place of the first separator that stands in it; pieces still too long are
    cut further by the separators after that one, and neighbours that are short enough are packed together.
    """

    def __init__(
        self,
        text: str,
        measure: Measure,
        *,
        size: int,
        overlap: int = 0,
        separators: Sequence[str] | None = None,
        keep: Keep = "start",
    ) -> None:
        self._text, self._measure, self._size, self._overlap = text, measure, size, overlap
        self._separators = tuple(separators or SEPARATORS)
        self._keep = keep
        self._matches = Matches(text)
        self._adds_up = measure.adds_up and all(map(self._harmless, self._separators))

    def spans(self, start: int = 0, end: int | None = None) -> Spans:
        """Chunks of `text[start:end]`, in order, without white space at their ends."""
        spans: Spans = []
        self._split(start, len(self._text) if end is None else end, 0, spans)
        return [span for span in spans if not self._text[span[0] : span[1]].isspace()]

    def _split(self, start: int, end: int, level: int, out: Spans) -> None:
        separator, found, deeper = self._choose(start, end, level)
        if separator == "":
            self._split_characters(start, end, out)
            return
        pieces = self._cut(separator, found, start, end)
        glue = self._measure.alone(separator) if self._keep == "no" else 0
        self._join(pieces, glue, deeper, out)

    def _choose(self, start: int, end: int, level: int) -> tuple[str, Ints, int]:
        """The first separator that stands in the part, its places, and the level below (none: past the last)."""
        last = len(self._separators)
        for i in range(level, last):
            separator = self._separators[i]
            if separator == "":
                return "", np.empty(0, np.int64), last
            found = self._matches.inside(separator, start, end)
            if len(found):
                return separator, found, i + 1
        return self._separators[-1], np.empty(0, np.int64), last

    def _cut(self, separator: str, found: Ints, start: int, end: int) -> Pieces:
        after = found + len(separator)
        left = found if self._keep == "start" else after
        right = after if self._keep == "end" else found
        starts = np.concatenate([np.array([start]), left])
        ends = np.concatenate([right, np.array([end])])
        filled = starts < ends
        return self._measured(starts[filled], ends[filled])

    def _join(self, pieces: Pieces, glue: int, deeper: int, out: Spans) -> None:
        """Pack runs of short pieces; cut the long ones between them further, or leave them where nothing is deeper."""
        done = 0
        for i in np.flatnonzero(pieces.lengths >= self._size).tolist():
            self._pack(pieces.part(done, i), glue, out)
            start, end = int(pieces.starts[i]), int(pieces.ends[i])
            if deeper < len(self._separators):
                self._split(start, end, deeper, out)
            else:
                out.append((start, end))
            done = i + 1
        self._pack(pieces.part(done, len(pieces.lengths)), glue, out)

    def _pack(self, pieces: Pieces, glue: int, out: Spans) -> None:
        if len(pieces.lengths):
            out += strip(self._text, pack(pieces, self._size, self._overlap, glue))

    def _split_characters(self, start: int, end: int, out: Spans) -> None:
        starts = np.arange(start, end)
        codes, which = np.unique(code_points(self._text[start:end]), return_inverse=True)
        each = np.array([self._measure.alone(chr(code)) for code in codes], np.int64)
        self._join(Pieces(starts, starts + 1, each[which]), 0, len(self._separators), out)

    def _measured(self, starts: Ints, ends: Ints) -> Pieces:
        lengths = self._measure.lengths(starts, ends)
        if self._adds_up:
            return Pieces(starts, ends, lengths)
        text, alone = self._text, self._measure.alone
        near = np.flatnonzero(lengths < self._size + _SLACK).tolist()
        exact = lengths.copy()
        exact[near] = [alone(text[a:b]) for a, b in zip(starts[near].tolist(), ends[near].tolist(), strict=True)]
        return Pieces(starts, ends, exact)

    def _harmless(self, separator: str) -> bool:
        """Whether a cut at this separator never divides a word, so that token counts add up."""
        if not separator:
            return True
        borders = {"start": separator[:1], "end": separator[-1:], "no": separator[:1] + separator[-1:]}[self._keep]
        return all(c in " \n\t" or unicodedata.category(c).startswith("P") for c in borders)
