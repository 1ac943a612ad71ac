"""Cuts at the first separator that helps; the same cuts as LangChain's RecursiveCharacterTextSplitter."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Literal

import numpy as np

from llmopt_core.chunking.matches import code_points, matches, ranges
from llmopt_core.chunking.measure import Measure
from llmopt_core.chunking.pack import Pieces, Spans, as_arrays, pack, strip
from llmopt_core.chunking.spec import SEPARATORS
from llmopt_core.chunking.token_starts import Ints

Keep = Literal["start", "end", "no"]

# A count inside the text differs from a count by itself by a few tokens at the two ends.
# Near the limit the piece is counted by itself; further away the difference cannot change the verdict.
_SLACK = 8
_NOTHING = as_arrays([])


class RecursiveSplitter:
    """Splits any part of one text.

    A part that is too long is cut at every place of the first separator that stands in it; pieces still too long are
    cut further by the separators after that one, and neighbours that are short enough are packed together. All parts
    of the text go through a separator at once.
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
        # Only then are counts inside the text those of the pieces; else each piece near the limit is tokenized.
        self._adds_up = measure.adds_up and all(map(self._harmless, self._separators))

    def spans(self, within: Spans | None = None) -> Spans:
        """Chunks in order.

        Args:
            within: Parts of the text, in order and apart, that are cut each by itself; by default the whole.
        """
        parts = as_arrays([(0, len(self._text))] if within is None else within)
        out: Spans = []
        for level, separator in enumerate(self._separators):
            if not len(parts[0]):
                break
            # The empty separator cuts between any two characters: nothing is left for another after it.
            if separator == "":
                self._cut_characters(*parts, out)
                break
            parts = self._cut(separator, *parts, level + 1 == len(self._separators), out)
        # Levels add their chunks one after the other; the order of the text is that of the spans.
        return sorted(out)

    def _cut(self, separator: str, starts: Ints, ends: Ints, last: bool, out: Spans) -> tuple[Ints, Ints]:
        """Cut the parts in which the separator stands; the last separator takes all. Gives the parts for the next."""
        places, counts = matches(self._text, separator, starts, ends)
        # The last separator takes parts without it too, as nothing comes after it.
        here = np.full(len(counts), True) if last else counts > 0
        pieces, owners = self._pieces(separator, places, starts[here], ends[here], counts[here])
        # A separator that goes with no piece still stands between two of them in the chunk.
        glue = self._measure.alone(separator) if self._keep == "no" else 0
        long = self._pack_short(pieces, owners, glue, out)
        if last:
            self._leave(pieces, long, out)
            return _NOTHING
        rest = np.concatenate([starts[~here], pieces.starts[long]])
        # Parts left whole and pieces cut now, mixed: the next level wants them in order.
        order = np.argsort(rest)
        return rest[order], np.concatenate([ends[~here], pieces.ends[long]])[order]

    def _pieces(self, separator: str, places: Ints, starts: Ints, ends: Ints, counts: Ints) -> tuple[Pieces, Ints]:
        """Pieces between separators, and the part each comes from."""
        after = places + len(separator)
        # Where each part's first piece stands in the list of all pieces: a part with n separators has n + 1.
        firsts = np.cumsum(counts) - counts + np.arange(len(counts))
        total = len(places) + len(counts)
        left, right = np.empty(total, np.int64), np.empty(total, np.int64)
        # All but the first piece of a part begin at a separator, all but the last end at one.
        inner = np.full(total, True)
        inner[firsts] = False
        left[firsts], left[inner] = starts, places if self._keep == "start" else after
        inner = np.full(total, True)
        inner[firsts + counts] = False
        right[firsts + counts], right[inner] = ends, after if self._keep == "end" else places
        # Two separators side by side, or one at an end, leave an empty piece between them.
        mask = left < right
        return self._measure_pieces(left[mask], right[mask]), np.repeat(np.arange(len(counts)), counts + 1)[mask]

    def _pack_short(self, pieces: Pieces, owners: Ints, glue: int, out: Spans) -> Ints:
        """Pack neighbours of one part that are short enough; gives the positions of the pieces that are not."""
        # Smaller, not equal, as LangChain has it: a piece of just the size goes through the next separator too.
        short = np.flatnonzero(pieces.lengths < self._size)
        if len(short):
            # A run ends where a longer piece stands between, or where the next part begins.
            breaks = np.flatnonzero((np.diff(short) > 1) | (np.diff(owners[short]) > 0)) + 1
            runs = zip(
                short[np.append(0, breaks)].tolist(), (short[np.append(breaks, 0) - 1] + 1).tolist(), strict=True
            )
            out += strip(self._text, pack(pieces, self._size, self._overlap, glue=glue, runs=list(runs)))
        return np.flatnonzero(pieces.lengths >= self._size)

    def _leave(self, pieces: Pieces, long: Ints, out: Spans) -> None:
        """Pieces that nothing can cut further stay as they are."""
        spans = zip(pieces.starts[long].tolist(), pieces.ends[long].tolist(), strict=True)
        # White space alone, however long, is no chunk.
        out += [(start, end) for start, end in spans if not self._text[start:end].isspace()]

    def _cut_characters(self, starts: Ints, ends: Ints, out: Spans) -> None:
        at = ranges(starts, ends - starts)
        # Character by character with array operations: a document without spaces may be megabytes long.
        codes = np.concatenate(
            [code_points(self._text[a:b]) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
        )
        # A text has few distinct characters, and each is measured once.
        distinct_codes, code_places = np.unique(codes, return_inverse=True)
        each = np.array([self._measure.alone(chr(code)) for code in distinct_codes], np.int64)
        pieces = Pieces(at, at + 1, each[code_places])
        long = self._pack_short(pieces, np.repeat(np.arange(len(starts)), ends - starts), 0, out)
        self._leave(pieces, long, out)

    def _measure_pieces(self, starts: Ints, ends: Ints) -> Pieces:
        lengths = self._measure.lengths(starts, ends)
        if self._adds_up:
            return Pieces(starts, ends, lengths)
        text, alone = self._text, self._measure.alone
        # What is far longer than the limit stays so however it is counted: it is not tokenized.
        near = np.flatnonzero(lengths < self._size + _SLACK).tolist()
        exact = lengths.copy()
        exact[near] = [alone(text[a:b]) for a, b in zip(starts[near].tolist(), ends[near].tolist(), strict=True)]
        return Pieces(starts, ends, exact)

    def _harmless(self, separator: str) -> bool:
        """Whether a cut at this separator never divides a word, so that token counts add up."""
        if not separator:
            return True
        borders = {"start": separator[:1], "end": separator[-1:], "no": separator[:1] + separator[-1:]}[self._keep]
        # A cut beside a letter might divide a word, which is other tokens then.
        return all(c in " \n\t" or unicodedata.category(c).startswith("P") for c in borders)
