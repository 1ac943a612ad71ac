"""A window of a fixed number of tokens or characters."""

from __future__ import annotations

import numpy as np

from llmopt_core.chunking.measure import Measure
from llmopt_core.chunking.pack import Pieces, Spans, pack, strip


def split_by_size(text: str, measure: Measure, size: int, overlap: int = 0) -> Spans:
    """Windows of `size` units, each beginning `size - overlap` after the one before; together they hold all the text.

    What no token covers (white space, for some tokenizers) goes with the token before it.
    """
    if measure.starts is None:
        # Windows that begin in the last `overlap` units would hold nothing new.
        first = np.arange(0, max(1, len(text) - overlap), size - overlap)
        return strip(text, list(zip(first.tolist(), (first + size).clip(max=len(text)).tolist(), strict=True)))
    # The first border is the text's beginning, also where the first token begins after white space.
    borders = np.concatenate([np.zeros(1, np.int64), measure.starts[1:], np.array([len(text)])])
    # All different: every token begins at a character of its own (the case of nearly all texts).
    if (borders[1:] > borders[:-1]).all():
        count = len(borders) - 1
        first = np.arange(0, max(1, count - overlap), size - overlap)
        last = (first + size).clip(max=count)
        return strip(text, list(zip(borders[first].tolist(), borders[last].tolist(), strict=True)))
    # An emoji or a rare Chinese character is several tokens of a byte-pair encoding, all at one offset.
    # A character of several tokens is never divided, so windows are not evenly spaced.
    starts, counts = np.unique(borders[:-1], return_counts=True)
    return strip(text, pack(Pieces(starts, np.append(starts[1:], len(text)), counts), size, overlap))
