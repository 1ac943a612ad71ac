"""Vectors of few-shot examples, made once per process: every question compares itself with the same few texts."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from llmopt_core.models.base import Embedder, Vectors
from llmopt_core.prompts.few_shot import Encode

# Bounds the memory of a process: some 30 MB at 384 dimensions.
CAPACITY = 20_000

_vectors: OrderedDict[tuple[str, str], Vectors] = OrderedDict()
_lock = threading.Lock()


def memoize(embedder: Embedder) -> Encode:
    """The embedder's `encode`, for few texts, without embedding one of them twice."""

    def encode(texts: Sequence[str]) -> Vectors:
        keys = [(embedder.name, text) for text in texts]
        with _lock:
            # Taken out under the lock and kept here: another thread may push them out while this one embeds.
            vectors = {key: _vectors[key] for key in keys if key in _vectors}
        missing = [text for text in dict.fromkeys(texts) if (embedder.name, text) not in vectors]
        # Without the lock: two threads may embed the same text, which only costs time.
        if missing:
            fresh = {(embedder.name, t): row for t, row in zip(missing, embedder.encode(missing), strict=True)}
            vectors |= fresh
            _keep(fresh)
        return np.stack([vectors[key] for key in keys])

    return encode


def _keep(fresh: dict[tuple[str, str], Vectors]) -> None:
    with _lock:
        _vectors.update(fresh)
        while len(_vectors) > CAPACITY:
            # The oldest first, whether it was used since or not: a set of examples is embedded anew in a moment.
            _vectors.popitem(last=False)
