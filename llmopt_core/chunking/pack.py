"""Small neighbouring pieces -> chunks as large as allowed."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from llmopt_core.chunking.token_starts import Ints

Spans = list[tuple[int, int]]


class Pieces(NamedTuple):
    """Pieces of a text in order: first character, character after the last, and length in any unit."""

    starts: Ints
    ends: Ints
    lengths: Ints


def pack(pieces: Pieces, size: int, overlap: int, *, glue: int = 0, runs: Sequence[tuple[int, int]] = ()) -> Spans:
    """Join pieces into spans of at most `size`, each repeating at most `overlap` of the one before.

    The same greedy rule as `_merge_splits` of LangChain's text splitters, but by two look-ups per span in the running
    sum instead of a step per piece.

    Args:
        pieces: In order.
        size: The most a span may hold; only a piece that is longer itself makes a longer span.
        overlap: What may be repeated.
        glue: Length of what stands between two pieces and belongs to neither.
        runs: First and last (exclusive) piece of each run; spans keep inside runs. By default all are one run.
    """
    # An `array` of the standard library: it gives `bisect` plain numbers, where numpy makes an object for each look.
    sums = array("q")
    # Glue is counted behind each piece, so that a span from first to last has one glue too many: see below.
    sums.frombytes(np.concatenate([np.zeros(1, np.int64), np.cumsum(pieces.lengths + glue)]).tobytes())
    firsts: list[int] = []
    lasts: list[int] = []
    for start, end in runs or ((0, len(pieces.lengths)),):
        first = last = start
        while last < end:
            # Pieces first to last-1 are held; take as many more as fit.
            # `+ glue`: the last piece of a span has nothing behind it. At least one piece is taken, even if it is too
            # long.
            last = max(bisect_right(sums, sums[first] + size + glue, last, end + 1) - 1, last + 1)
            firsts.append(first)
            lasts.append(last - 1)
            if last < end:
                # As much is repeated as leaves room for the next piece, else the next span would hold nothing new.
                overlap_size = min(overlap, max(0, size - (sums[last + 1] - sums[last])))
                # The earliest piece from which the rest up to `last` is at most the overlap.
                first = bisect_left(sums, sums[last] - glue - overlap_size, first, last)
    return list(zip(pieces.starts[firsts].tolist(), pieces.ends[lasts].tolist(), strict=True)) if firsts else []


def as_arrays(spans: Spans) -> tuple[Ints, Ints]:
    """Starts and ends."""
    # `reshape` keeps two columns where there is no span.
    table = np.array(spans, np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def strip(text: str, spans: Spans) -> Spans:
    """Spans without the white space at their ends; those of white space alone are left out."""
    bare_spans = []
    for start, end in spans:
        piece = text[start:end]
        # A chunk of white space has nothing to be embedded.
        bare = piece.lstrip()
        if bare:
            first = end - len(bare)
            bare_spans.append((first, first + len(bare.rstrip())))
    return bare_spans
