"""Cuts where the meaning turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from llmopt_core.chunking.measure import Measure
from llmopt_core.chunking.pack import Spans, pack, strip
from llmopt_core.chunking.sentences import fitting
from llmopt_core.chunking.token_starts import Ints
from llmopt_core.models.base import Vectors
from llmopt_core.text.sentences import sentence_spans

Encode = Callable[[Sequence[str]], Vectors]


def split_by_meaning(
    text: str, measure: Measure, *, size: int, overlap: int, percentile: float, encode: Encode
) -> Spans:
    """Groups of sentences between break points, those longer than `size` packed into several chunks.

    Each sentence is embedded together with its two neighbours. A break point stands where the cosine distance to the
    next one is above the given percentile of all distances in the text.
    """
    sentences = sentence_spans(text)
    # Behind each break point a new group begins.
    groups = np.split(np.arange(len(sentences)), break_points(text, sentences, percentile, encode) + 1)
    spans: Spans = []
    for group in groups:
        pieces = fitting(text, measure, size, [sentences[i] for i in group])
        spans += strip(text, pack(pieces, size, overlap))
    return spans


def break_points(text: str, sentences: Spans, percentile: float, encode: Encode) -> Ints:
    """Positions of the sentences after which the meaning turns."""
    # Two sentences with their neighbours are the same window: there is no distance to compare.
    if len(sentences) < 3:
        return np.empty(0, np.int64)
    last = len(sentences) - 1
    # Single sentences say too little ("He did."): with neighbours the distance tells of topics, not of wordings.
    windows = [text[sentences[max(0, i - 1)][0] : sentences[min(last, i + 1)][1]].strip() for i in range(last + 1)]
    vectors = np.asarray(encode(windows), np.float32)
    # Unit vectors, so the product is the cosine; row by row, without the matrix of all pairs.
    distances = 1.0 - np.einsum("ij,ij->i", vectors[:-1], vectors[1:])
    # Above, not at: where all distances are equal nothing is cut.
    breaks: Ints = np.flatnonzero(distances > np.percentile(distances, percentile))
    return breaks
