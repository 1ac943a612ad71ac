"""Near-equal texts, found in about linear time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import Levenshtein

from llmopt_core.finetuning.data.examples import TrainingExample
from llmopt_core.text.words import fold, words

# Four characters: short enough for Chinese, long enough that chance hits are rare in English.
_SHINGLE = 4
# Texts meet where any of 24 bands of 4 rows agrees: at a Jaccard similarity s with a chance of 1 - (1 - s^4)^24, which
# is .90 at s = .55 and .04 at .2. More rows find less, more bands take more memory.
_BANDS = 24
_ROWS = 4
# The increment of splitmix64 (2^64 divided by the golden ratio).
_STEP = np.uint64(0x9E3779B97F4A7C15)
# See `nearly_equal`.
_MOST_EDITS = 25
_SHARE = 0.1
# Edit distance takes time by the product of both lengths.
_LONGEST = 4_000


def nearly_equal(left: str, right: str) -> bool:
    """Whether two normalised texts differ by at most a tenth of their length, and by 25 characters at the most.

    The second bound keeps two different questions about one long passage apart.
    """
    edit_limit = min(_MOST_EDITS, int(_SHARE * max(len(left), len(right))))
    # Levenshtein's C code gives up at the cutoff, so texts of quite other lengths cost nothing.
    return Levenshtein.distance(left, right, score_cutoff=edit_limit) <= edit_limit


class NearIndex:
    """Finds earlier texts that are nearly equal to a new one, by MinHash over character 4-grams and banding."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        # Multiply-shift hashing modulo 2**64 (Dietzfelbinger et al. 1997) needs odd factors.
        self._factors = rng.integers(0, 1 << 63, (_BANDS * _ROWS, 1), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        self._buckets: dict[tuple[int, bytes], list[int]] = {}

    def add(self, text: str, number: int) -> list[int]:
        """Register a text under `number` and return the numbers of earlier texts that may be near it."""
        numbers: set[int] = set()
        signature = self._signature(text)
        for band in range(_BANDS):
            key = (band, signature[band * _ROWS : (band + 1) * _ROWS].tobytes())
            bucket = self._buckets.setdefault(key, [])
            # Of very common texts ("yes", a template) the first 50 are enough to find one that is equal; all would make
            # it quadratic.
            numbers.update(bucket[:50])
            bucket.append(number)
        return sorted(numbers)

    def _signature(self, text: str) -> npt.NDArray[np.uint32]:
        # 32 bits per character, so that a character of any script is one number; lone surrogates, as broken escapes
        # leave them, pass as well.
        points = np.frombuffer(text[:_LONGEST].encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
        # A copy, because the buffer of the bytes is read-only.
        grams = points[: max(1, len(points) - _SHINGLE + 1)].copy()
        for offset in range(1, min(_SHINGLE, len(points))):
            # Wraps around at 2^64 on purpose: each gram of four characters becomes one number.
            grams = grams * _STEP + points[offset : offset + len(grams)]
        if not len(grams):
            grams = np.zeros(1, np.uint64)
        minima: npt.NDArray[np.uint64] = (self._factors * _mix_bits(grams)).min(axis=1)
        # The upper half of a product is the well-mixed one in multiply-shift hashing.
        return (minima >> np.uint64(32)).astype(np.uint32)


def _mix_bits(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Spread the bits, so that neighbouring characters have nothing in common (the finisher of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


class NearDuplicates:
    """Says of each example in turn whether an earlier one has nearly the same question and nearly the same answer."""

    def __init__(self) -> None:
        self._index = NearIndex()
        self._texts: dict[int, tuple[str, str]] = {}

    def add(self, example: TrainingExample, number: int) -> int | None:
        """The number of the first earlier near-duplicate, or None; the example is registered under `number`."""
        pair = (fold(example.question), fold(example.answer))
        # The text is kept whatever is found, since later examples are compared with it.
        self._texts[number] = pair
        for other in self._index.add("\n".join(pair), number):
            # Hashing only proposes; what counts is the edit distance of question and of answer, each by itself.
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
        for number, text_words in enumerate(self._words):
            grams = _triples(text_words)
            self._sizes.append(len(grams))
            for gram in grams:
                self._grams.setdefault(gram, []).append(number)

    def find(self, text: str) -> tuple[int, float] | None:
        """The reference text most contained in `text` and the share of its word triples; None below the threshold."""
        # The first of equal shares, in the order of the texts.
        return max(self.find_all(words(text)).items(), key=lambda item: item[1], default=None)

    def find_all(self, inside: Sequence[str]) -> dict[int, float]:
        """The reference texts that are contained in these words, and the share of their word triples."""
        # Most triples of a long text stand in no reference text: those are passed over before anything is kept.
        known_grams = {gram for gram in _all_triples(inside) if gram in self._grams}
        counts = Counter(number for gram in known_grams for number in self._grams[gram])
        shares = {number: count / self._sizes[number] for number, count in counts.items()}
        return {number: share for number, share in shares.items() if share >= self._near}


def _all_triples(inside: Sequence[str]) -> Iterable[tuple[str, ...]]:
    # A reference of one or two words counts only as the whole text.
    return zip(inside, inside[1:], inside[2:], strict=False) if len(inside) > 2 else [tuple(inside)]


def _triples(words: Sequence[str]) -> set[tuple[str, ...]]:
    if len(words) < 3:
        # A whole short text is its one gram; an empty one has none, so that it is contained in nothing.
        return {tuple(words)} if words else set()
    return set(zip(words, words[1:], words[2:], strict=False))
