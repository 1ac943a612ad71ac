"""Sentences packed into chunks."""

from __future__ import annotations

import numpy as np

from llmopt_core.chunking.measure import Measure
from llmopt_core.chunking.pack import Pieces, Spans, as_arrays, pack, strip
from llmopt_core.chunking.recursive import RecursiveSplitter
from llmopt_core.text.sentences import sentence_spans

# Inside a sentence longer than a chunk: clauses, words, characters.
# The weightier mark first. Full-width commas take no space behind them; with a space "1,000" is not cut.
_CLAUSES = ("；", "; ", "，", "、", ", ", " ", "")


def split_by_sentences(text: str, measure: Measure, size: int, overlap: int = 0) -> Spans:
    """Whole sentences packed into chunks of at most `size`; only a longer sentence is cut, between its clauses."""
    return strip(text, pack(fitting(text, measure, size, sentence_spans(text)), size, overlap))


def fitting(text: str, measure: Measure, size: int, spans: Spans) -> Pieces:
    """The spans with their lengths, those longer than `size` cut into parts that are not."""
    starts, ends = as_arrays(spans)
    lengths = measure.lengths(starts, ends)
    long = lengths > size
    if not long.any():
        return Pieces(starts, ends, lengths)
    # A mark stays with the clause that it ends.
    splitter = RecursiveSplitter(text, measure, size=size, separators=_CLAUSES, keep="end")
    parts, _ = as_arrays(splitter.spans(list(zip(starts[long].tolist(), ends[long].tolist(), strict=True))))
    # Each part reaches to the next border, so that the lengths of neighbours add up.
    starts = np.union1d(starts, parts)
    # Each part ends where the next begins, but never behind the sentence it comes from.
    ends = np.minimum(np.append(starts[1:], len(text)), ends[as_arrays(spans)[0].searchsorted(starts, "right") - 1])
    return Pieces(starts, ends, measure.lengths(starts, ends))
