"""Near-equal texts, found in about linear time."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import Levenshtein

from llmopt_core.finetuning.data import TrainingExample, normalised

# Scripts without spaces count by character.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]|[^\W_]+")
_SHINGLE = 4
_BANDS = 24
_ROWS = 3
_PRIME = (1 << 61) - 1
_MOST_EDITS = 25
_SHARE = 0.1
_LONGEST = 4_000


def words(text: str) -> list[str]:
    """Words of a text, case folded; characters where a script has no spaces."""
    return _WORD.findall(normalised(text))


def nearly_equal(left: str, right: str) -> bool:
    """Whether two normalised texts differ by at most a tenth of their length, and by 25 characters at the most.

    The second bound keeps two different questions about one long passage apart.
    """
    most = min(_MOST_EDITS, int(_SHARE * max(len(left), len(right))))
    return Levenshtein.distance(left, right, score_cutoff=most) <= most


class NearIndex:
    """Finds earlier texts that are nearly equal to a new one, by MinHash over character 4-grams and banding."""

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        shape = (_BANDS * _ROWS, 1)
        self._a = rng.integers(1, 1 << 31, shape, dtype=np.uint64)
        self._b = rng.integers(0, 1 << 31, shape, dtype=np.uint64)
        self._buckets: dict[tuple[int, bytes], list[int]] = {}

    def add(self, text: str, number: int) -> list[int]:
        """Register a text under `number` and return the numbers of earlier texts that may be near it."""
        found: set[int] = set()
        signature = self._signature(text)
        for band in range(_BANDS):
            key = (band, signature[band * _ROWS : (band + 1) * _ROWS].tobytes())
            bucket = self._buckets.setdefault(key, [])
            found.update(bucket[:50])
            bucket.append(number)
        return sorted(found)

    def _signature(self, text: str) -> npt.NDArray[np.uint32]:
        text = text[:_LONGEST]
        grams = {text[i : i + _SHINGLE] for i in range(max(1, len(text) - _SHINGLE + 1))}
        hashes = np.fromiter((zlib.crc32(g.encode("utf-8", "surrogatepass")) for g in grams), np.uint64, len(grams))
        # Products stay below 2**63, so the remainder is exact.
        mixed: npt.NDArray[np.uint64] = (self._a * (hashes & np.uint64(0xFFFFFFFF)) + self._b) % np.uint64(_PRIME)
        lowest: npt.NDArray[np.uint32] = mixed.min(axis=1).astype(np.uint32)
        return lowest


class NearDuplicates:
    """Says of each example in turn whether an earlier one has nearly the same question and nearly the same answer."""

    def __init__(self) -> None:
        self._index = NearIndex()
        self._texts: dict[int, tuple[str, str]] = {}

    def add(self, example: TrainingExample, number: int) -> int | None:
        """The number of the first earlier near-duplicate, or None; the example is registered under `number`."""
        pair = (normalised(example.question), normalised(example.answer))
        self._texts[number] = pair
        for other in self._index.add("\n".join(pair), number):
            if all(nearly_equal(a, b) for a, b in zip(pair, self._texts[other], strict=True)):
                return other
        return None


class Overlap:
    """Finds reference texts (evaluation questions) inside other texts, whole or in most of their word triples."""

    def __init__(self, texts: Sequence[str], near: float = 0.7) -> None:
        self._near = near
        self._words = [tuple(words(text)) for text in texts]
        self._sizes: list[int] = []
        self._grams: dict[tuple[str, ...], list[int]] = {}
        for number, listed in enumerate(self._words):
            grams = _triples(listed)
            self._sizes.append(len(grams))
            for gram in grams:
                self._grams.setdefault(gram, []).append(number)

    def find(self, text: str) -> tuple[int, float] | None:
        """The reference text most contained in `text` and the share of its word triples; None below the threshold."""
        inside = words(text)
        shared = Counter(number for gram in self._all_grams(inside) for number in self._grams.get(gram, ()))
        best: tuple[int, float] | None = None
        for number, count in shared.items():
            share = count / self._sizes[number]
            if share >= self._near and (best is None or share > best[1]):
                best = (number, share)
        return best

    def _all_grams(self, inside: Sequence[str]) -> Iterable[tuple[str, ...]]:
        grams = _triples(inside)
        # A reference of one or two words counts only as the whole text.
        return grams | {tuple(inside)} if len(inside) <= 2 else grams


def _triples(listed: Sequence[str]) -> set[tuple[str, ...]]:
    if len(listed) < 3:
        return {tuple(listed)} if listed else set()
    return set(zip(listed, listed[1:], listed[2:], strict=False))
