"""Small neighbouring pieces -> chunks as large as allowed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from llmopt_core.chunking.token_starts import Ints

Spans = list[tuple[int, int]]


class Pieces(NamedTuple):
    """Pieces of a text in order: first character, character after the last, and length in any unit."""

    starts: Ints
    ends: Ints
    lengths: Ints

    def part(self, first: int, last: int) -> Pieces:
        """Pieces `first` to `last` (exclusive)."""
        return Pieces(self.starts[first:last], self.ends[first:last], self.lengths[first:last])


def pack(pieces: Pieces, size: int, overlap: int, glue: int = 0) -> Spans:
    """Join pieces into spans of at most `size`, each repeating at most `overlap` of the one before.

    The same greedy rule as `_merge_splits` of LangChain's text splitters, but by two look-ups per chunk in the running
    sum instead of a step per piece.

    Args:
        pieces: In order.
        size: The most a span may hold; only a piece that is longer itself makes a longer span.
        overlap: What may be repeated.
        glue: Length of what stands between two pieces and belongs to neither.
    """
    starts, ends, lengths = pieces
    count = len(lengths)
    sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths + glue)])
    spans: Spans = []
    first = last = 0
    while last < count:
        # Pieces first to last-1 are held; take as many more as fit.
        fits = int(sums.searchsorted(sums[first] + size + glue, "right")) - 1
        last = min(count, max(fits, last + 1))
        spans.append((int(starts[first]), int(ends[last - 1])))
        if last < count:
            kept = min(overlap, max(0, size - int(lengths[last]) - glue))
            first = min(last, max(first, int(sums.searchsorted(sums[last] - glue - kept, "left"))))
    return spans


def as_arrays(spans: Spans) -> tuple[Ints, Ints]:
    """Starts and ends."""
    table = np.array(spans, np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def strip(text: str, spans: Spans) -> Spans:
    """Spans without the white space at their ends; those of white space alone are left out."""
    stripped = []
    for start, end in spans:
        piece = text[start:end]
        bare = piece.lstrip()
        if bare:
            first = end - len(bare)
            stripped.append((first, first + len(bare.rstrip())))
    return stripped
