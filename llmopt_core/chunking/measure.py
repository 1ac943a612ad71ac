"""How long a piece of a text is, in characters or tokens, without tokenizing the piece."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

import numpy as np

from llmopt_core.chunking.token_starts import Ints, is_word_piece, token_starts
from llmopt_core.models.tokenizers import Tokenizer, tokenizer

# Many short texts or few long ones are remembered, so that the memory of both caches is bounded.
# Characters. What is remembered of a text is the text itself and 8 bytes per token.
_SHORT_TEXT = 2_000_000
# Above it a text is counted anew each time: its array alone would fill the memory meant for all.
_LONG_TEXT = 12_000_000
# Short pieces come again and again (separators, words); long ones hardly ever do.
_REMEMBERED_PIECE = 64


class Measure(Protocol):
    """Lengths of pieces of one text.

    Attributes:
        starts: Where each counted unit (token) begins; None for characters.
        adds_up: Whether the length of a text is the sum of its pieces where these are cut at white space or
            punctuation.
    """

    starts: Ints | None
    adds_up: bool

    def lengths(self, starts: Ints, ends: Ints) -> Ints:
        """Length of each `text[start:end]`, as counted inside the text."""

    def alone(self, piece: str) -> int:
        """Length of a piece counted by itself."""


def measure_for(text: str, unit: str) -> Measure:
    """The measure of a text; kept for the last texts, so that other sizes of the same text cost no tokenizing.

    Args:
        text: The whole document.
        unit: `characters` or the name of a tokenizer.
    """
    if len(text) <= _SHORT_TEXT:
        return _measure_short(text, unit)
    return _measure_long(text, unit) if len(text) <= _LONG_TEXT else _new(text, unit)


def _new(text: str, unit: str) -> Measure:
    if unit == "characters":
        return _Characters()
    return _Tokens(text, tokenizer(unit))


# Two caches: in one, three long texts would take as much as all short ones may.
_measure_short = lru_cache(maxsize=32)(_new)
_measure_long = lru_cache(maxsize=3)(_new)


class _Characters:
    starts: Ints | None = None
    adds_up = True

    def lengths(self, starts: Ints, ends: Ints) -> Ints:
        return ends - starts

    def alone(self, piece: str) -> int:
        return len(piece)


class _Tokens:
    starts: Ints | None

    def __init__(self, text: str, counter: Tokenizer) -> None:
        # Of word pieces a text is the sum of its words; byte pairs join over what is cut.
        self.adds_up = is_word_piece(counter.name)
        self._starts = self.starts = token_starts(text, counter)
        self._counter = counter
        self._counts: dict[str, int] = {}

    def lengths(self, starts: Ints, ends: Ints) -> Ints:
        # Tokens that begin in the span; both ends are look-ups, however long the piece is.
        counts: Ints = np.searchsorted(self._starts, ends) - np.searchsorted(self._starts, starts)
        return counts

    def alone(self, piece: str) -> int:
        count = self._counts.get(piece)
        if count is None:
            count = self._counter.count(piece)
            # Without the bound, each paragraph of a large corpus would stay in memory.
            if len(piece) <= _REMEMBERED_PIECE:
                self._counts[piece] = count
        return count
