"""A window of a fixed number of tokens or characters."""

from __future__ import annotations

import numpy as np

from llmopt_core.chunking.measure import Measure
from llmopt_core.chunking.pack import Spans, strip


def fixed_spans(text: str, measure: Measure, size: int, overlap: int = 0) -> Spans:
    """Windows of `size` units, each beginning `size - overlap` after the one before; together they hold all the text.

    What no token covers (white space, for some tokenizers) goes with the token before it.
    """
    count = len(text) if measure.starts is None else len(measure.starts)
    first = np.arange(0, max(1, count - overlap), size - overlap)
    last = np.minimum(first + size, count)
    if measure.starts is None:
        starts, ends = first, last
    else:
        borders = np.append(measure.starts, len(text))
        starts, ends = borders[first], borders[last]
        starts[0] = 0
    return strip(text, list(zip(starts.tolist(), ends.tolist(), strict=True)))
