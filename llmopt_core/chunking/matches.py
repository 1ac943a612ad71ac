"""Where a separator stands in a text."""

from __future__ import annotations

import re
import sys

import numpy as np

from llmopt_core.chunking.token_starts import Ints

_BLOCK = 4_000_000
_UTF32 = "utf-32-le" if sys.byteorder == "little" else "utf-32-be"


class Matches:
    """Places of separators in one text; each separator is searched once for the whole text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._found: dict[str, Ints] = {}

    def inside(self, separator: str, start: int, end: int) -> Ints:
        """Starts of the separator in `text[start:end]`, not overlapping, as a search from `start` finds them."""
        if _overlaps_itself(separator) and (start > 0 or end < len(self._text)):
            return _search(self._text, separator, start, end)
        if separator not in self._found:
            self._found[separator] = _everywhere(self._text, separator)
        found = self._found[separator]
        low, high = found.searchsorted((start, end - len(separator) + 1))
        return found[low:high]


def _overlaps_itself(separator: str) -> bool:
    """Whether two matches can share characters, so that what is found depends on where the search begins."""
    return any(separator.endswith(separator[:length]) for length in range(1, len(separator)))


def _search(text: str, separator: str, start: int, end: int) -> Ints:
    found = re.compile(re.escape(separator)).finditer(text, start, end)
    return np.fromiter((match.start() for match in found), np.int64)


def _everywhere(text: str, separator: str) -> Ints:
    if len(separator) > 1:
        return _search(text, separator, 0, len(text))
    parts = [_single(text[at : at + _BLOCK], ord(separator)) + at for at in range(0, len(text), _BLOCK)]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def _single(text: str, code: int) -> Ints:
    found: Ints = np.flatnonzero(code_points(text) == code)
    return found


def code_points(text: str) -> np.ndarray[tuple[int], np.dtype[np.uint32 | np.uint8]]:
    """The characters of a text as numbers."""
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), np.uint8)
    return np.frombuffer(text.encode(_UTF32, "surrogatepass"), np.uint32)
