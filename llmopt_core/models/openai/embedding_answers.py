"""Vectors in an answer to `/embeddings`, every field checked. Pure: nothing is sent here."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import numpy as np

from llmopt_core.models.base import Vectors


def read_vectors(answer: Any, expected: int) -> Vectors:
    """Unit vectors in the order asked.

    Raises:
        ValueError: Not as many vectors as texts, of unequal lengths, or not finite numbers.
    """
    # Some servers give the bare list, or Ollama's own form.
    data = answer.get("data", answer.get("embeddings")) if isinstance(answer, dict) else answer
    if not isinstance(data, list) or len(data) != expected or not all(isinstance(item, dict | list) for item in data):
        raise ValueError("not one vector per text")
    items = [item if isinstance(item, dict) else {"embedding": item} for item in data]
    order = sorted(zip(_places(items), items, strict=True), key=lambda pair: pair[0])
    rows = [_numbers(item.get("embedding")) for _, item in order]
    try:
        vectors = np.array(rows)
    except ValueError as error:
        raise ValueError("vectors of unequal lengths") from error
    if vectors.ndim != 2 or not vectors.shape[1] or vectors.dtype.kind not in "if" or not np.isfinite(vectors).all():
        raise ValueError("vectors that are no finite numbers")
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    if not np.isfinite(lengths).all():
        raise ValueError("vectors that are too long")
    return np.asarray(vectors / np.where(lengths == 0, 1, lengths), dtype=np.float32)


def _places(items: Sequence[dict[str, Any]]) -> list[int]:
    """The text that each vector belongs to; in order of arrival where the vectors do not say."""
    found = [item.get("index") for item in items]
    # Some servers number each vector 0, since they embed text by text; those come in the order asked.
    if all(place is None for place in found) or all(type(place) is int and place == 0 for place in found):
        return list(range(len(items)))
    found = [
        int(place) if isinstance(place, str) and place.isdecimal() and len(place) < 9 else place for place in found
    ]
    places = [place for place in found if type(place) is int]
    first = min(places, default=0)
    if first not in (0, 1) or sorted(places) != list(range(first, first + len(items))):
        raise ValueError("not one vector for each text")
    return [place - first for place in places]


def _numbers(vector: Any) -> Any:
    """A vector's numbers; some servers pack them whatever form they are asked for."""
    if not isinstance(vector, str):
        return vector
    try:
        return np.frombuffer(base64.b64decode(vector, validate=True), dtype="<f4")
    except (binascii.Error, ValueError) as error:
        raise ValueError("a vector that is no list of numbers") from error
