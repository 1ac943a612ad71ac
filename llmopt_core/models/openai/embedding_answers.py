"""Vectors in an answer to `/embeddings`, every field checked. Pure: nothing is sent here."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import numpy as np

from llmopt_core.models.base import Vectors

TOO_FEW_VECTORS = "too-few-vectors"
"""The kind of an error: the service left some out, as some do that take only part of a batch."""


class VectorsError(ValueError):
    """Vectors that do not fit the texts; its message says how.

    Attributes:
        kind: Of the error for the user.
    """

    def __init__(self, message: str, kind: str = "bad-answer") -> None:
        super().__init__(message)
        self.kind = kind


def read_vectors(answer: Any, count: int) -> Vectors:
    """Unit vectors in the order asked.

    Raises:
        ValueError: It holds no list of vectors.
        VectorsError: Not as many vectors as texts, of unequal lengths, or not finite numbers.
    """
    # Some servers give the bare list, or Ollama's own form.
    data = answer.get("data", answer.get("embeddings")) if isinstance(answer, dict) else answer
    if not isinstance(data, list) or not all(isinstance(item, dict | list) for item in data):
        raise ValueError("no list of vectors")
    if len(data) != count:
        # Of one text none can be left out for want of room: that is a broken answer.
        few = len(data) < count and count > 1
        raise VectorsError(
            f"{len(data)} vector{'s' * (len(data) != 1)} for {count} text{'s' * (count != 1)}",
            TOO_FEW_VECTORS if few else "bad-answer",
        )
    items = [item if isinstance(item, dict) else {"embedding": item} for item in data]
    order = sorted(zip(_places(items), items, strict=True), key=lambda pair: pair[0])
    rows = [_numbers(item.get("embedding")) for _, item in order]
    try:
        # numpy refuses rows of unequal lengths.
        vectors = np.array(rows)
    except ValueError as error:
        raise VectorsError("vectors of unequal lengths") from error
    # By `dtype.kind`: texts, None and numbers beyond 64 bits make an array of another kind.
    if vectors.ndim != 2 or not vectors.shape[1] or vectors.dtype.kind not in "if" or not np.isfinite(vectors).all():
        raise VectorsError("vectors that are no finite numbers")
    # In 64 bits: the squares of large 32-bit numbers overflow.
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    if not np.isfinite(lengths).all():
        raise VectorsError("vectors that are too long")
    # A vector of zeros, as some give for an empty text, stays one instead of becoming NaN.
    return np.asarray(vectors / np.where(lengths == 0, 1, lengths), dtype=np.float32)


def _places(items: Sequence[dict[str, Any]]) -> list[int]:
    """The text that each vector belongs to; in order of arrival where the vectors do not say."""
    indexes = [item.get("index") for item in items]
    places = [place for place in map(_whole_number, indexes) if place is not None]
    # Some servers number each vector 0, since they embed text by text; those come in the order asked.
    if all(place is None for place in indexes) or places == [0] * len(items):
        return list(range(len(items)))
    # Others go on counting where the batch before ended.
    # As in an answer to the second batch of 96, numbered from 96.
    first = min(places, default=0)
    if sorted(places) != list(range(first, first + len(items))):
        raise VectorsError("vectors whose numbers (index) do not name each text once")
    return [place - first for place in places]


def _whole_number(place: Any) -> int | None:
    # As text at some gateways; more than eight digits are no place in any batch.
    if isinstance(place, str) and place.isdecimal() and len(place) < 9:
        return int(place)
    if isinstance(place, float) and place.is_integer():
        return int(place)
    # `type`: True is an int, too, and no place.
    return place if type(place) is int else None


def _numbers(vector: Any) -> Any:
    """A vector's numbers; some servers pack or wrap them, whatever form they are asked for."""
    if not isinstance(vector, str):
        # llama.cpp's own form gives a list of one.
        return vector[0] if isinstance(vector, list) and len(vector) == 1 and isinstance(vector[0], list) else vector
    try:
        # OpenAI's packed form: 32-bit floats, little-endian.
        return np.frombuffer(base64.b64decode(vector, validate=True), dtype="<f4")
    except (binascii.Error, ValueError) as error:
        raise VectorsError("a vector that is no list of numbers") from error
