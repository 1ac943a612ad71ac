"""The terms of a text with their places, so that BM25 of any chunking of it is a matter of counting."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import regex

from llmopt_core.index.analysis import CLUSTER, LINE_BREAK, analyse
from llmopt_core.index.bm25 import K1, B
from llmopt_core.text.scripts import SEARCHED_BY_CHARACTER, SOUTHEAST_ASIAN

Ints = npt.NDArray[np.int64]
Match = Any  # `regex` has no types.
# Groups of a piece: a letter of Chinese, Japanese or Korean; a letter with its signs of Thai, Lao, Khmer or Myanmar.
_LETTER, _SIGNS = 1, 2
_SPACELESS_SCRIPT = SEARCHED_BY_CHARACTER + SOUTHEAST_ASIAN
# A letter, or a cluster of signs, or else a word with all that is written to it, over a line break if it is parted.
_PIECE = regex.compile(rf"([{SEARCHED_BY_CHARACTER}])|({CLUSTER})|(?:{LINE_BREAK}|[^\s{_SPACELESS_SCRIPT}])+")


class TermPositions:
    """Where each term of one text begins.

    A term belongs to the chunk it begins in. That is what the index sees too, but where a chunk ends inside a word.
    """

    def __init__(self, text: str) -> None:
        terms: list[str] = []
        places: list[int] = []
        before: Match = None
        for match, after in pairwise([*_PIECE.finditer(text), None]):
            piece_terms = _terms_from(match, before, after)
            # `analyse` may make several terms of one piece (1.250 is two numbers): all begin where the piece does.
            terms += piece_terms
            places += [match.start()] * len(piece_terms)
            before = match
        vocabulary: dict[str, int] = {}
        self._ids = np.array([vocabulary.setdefault(term, len(vocabulary)) for term in terms], np.int64)
        self._places = np.array(places, np.int64)
        self._vocabulary = vocabulary

    def lengths(self, starts: Ints, ends: Ints) -> Ints:
        """Terms in each `text[start:end]`."""
        return _within(self._places, starts, ends)

    def counts(self, term: str, starts: Ints, ends: Ints) -> Ints:
        """How often a term begins in each `text[start:end]`."""
        number = self._vocabulary.get(term)
        if number is None:
            return np.zeros(len(starts), np.int64)
        return _within(self._places[self._ids == number], starts, ends)


def bm25_scores(question: str, texts: Sequence[tuple[TermPositions, Ints, Ints]]) -> npt.NDArray[np.float64]:
    """BM25 of every chunk of every text, in order; the same formula as the index's.

    Args:
        question: What is searched for.
        texts: Per text its words, and the starts and ends of its chunks.
    """
    lengths = _concatenate([words.lengths(starts, ends) for words, starts, ends in texts])
    # No chunks, or none with a term: there is nothing to divide by.
    mean = lengths.mean() if len(lengths) else 0.0
    scores = np.zeros(len(lengths))
    if not mean:
        return scores
    # Terms that stand twice in the question count twice.
    for term in analyse(question):
        counts = _concatenate([words.counts(term, starts, ends) for words, starts, ends in texts])
        chunk_count = int((counts > 0).sum())
        # Lucene's form: 1 added inside the logarithm, so that a word in most chunks does not count against them.
        rarity = np.log(1 + (len(counts) - chunk_count + 0.5) / (chunk_count + 0.5))
        # Lucene leaves out the factor (k1 + 1): it is the same for all and changes no order.
        scores += rarity * counts / (K1 * (1 - B + B * lengths / mean) + counts)
    return scores


def _concatenate(arrays: Sequence[Ints]) -> Ints:
    return np.concatenate(arrays) if arrays else np.zeros(0, np.int64)


def _within(places: Ints, starts: Ints, ends: Ints) -> Ints:
    # Sorted places: two look-ups per chunk, however many terms it has.
    counts: Ints = np.searchsorted(places, ends) - np.searchsorted(places, starts)
    return counts


def _terms_from(match: Match, before: Match, after: Match) -> list[str]:
    """The terms that begin at a word, or at a letter of a script that parts no words: itself, and with the next."""
    piece = match.group()
    # Only neighbours of the same kind make pairs, and nothing may stand between them.
    is_pair = after is not None and after.start() == match.end() and after.lastindex == match.lastindex
    pair = piece + after.group() if is_pair and after is not None else ""
    if match.lastindex == _LETTER:
        # The pair's own two letters come first among its terms; they are counted where they begin.
        return _terms(piece) + (_terms(pair)[2:] if pair else [])
    if match.lastindex == _SIGNS:
        # The last letter of a run has been counted within the pair before it, if there is one.
        is_last = before is not None and before.end() == match.start() and before.lastindex == _SIGNS
        return _terms(pair) if pair else [] if is_last else _terms(piece)
    return _terms(piece)


@lru_cache(maxsize=50_000)
def _terms(piece: str) -> list[str]:
    return analyse(piece)
