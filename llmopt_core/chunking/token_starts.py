"""Where the tokens of a text begin, counted once, at about ten times the speed of the tokenizer.

Most words of a text come many times. The text is cut into segments at places where the tokenizer always begins a new
token, each distinct segment is tokenized once, and the result is laid out over the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from llmopt_core.models.base import BUILTIN_EMBEDDING
from llmopt_core.models.tokenizers import Tokenizer

Ints = npt.NDArray[np.int64]

# What the BERT normaliser takes for white space; other control characters vanish inside words.
_BERT_SPACE = " \\t\\n\\r\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000"
# White space and the word after it; white space at the end by itself.
_WORDPIECE = re.compile(f"[{_BERT_SPACE}]*[^{_BERT_SPACE}]+|[{_BERT_SPACE}]+")
# Byte-pair encodings of the GPT family never join a plain space to what stands before it, unless that is white space.
# A segment ends before a plain space; line breaks and tabs may be joined with what follows, so they stay inside.
_BYTE_PAIR = re.compile(r"\s*\S+(?:[^\S ]\s*\S+)*(?:[^\S ]\s*\Z)?|\s+")
# Tokenizers whose rules are known here; others are given whole blocks, which is slower and as exact.
_SEGMENTS = {
    BUILTIN_EMBEDDING: _WORDPIECE,
    "cl100k_base": _BYTE_PAIR,
    "o200k_base": _BYTE_PAIR,
    "builtin-chat": _BYTE_PAIR,
}
# Before a space, or a line that begins with a letter: there a token begins for all tokenizers known here.
_BORDER = re.compile(r"(?<=\S)(?= )|(?<=\S\n)(?=\w)")
# Bounds the memory that tokenizing a long text takes.
_BLOCK = 1_000_000
# Characters behind the block in which a place to cut is looked for; text without spaces has none.
_LOOK_AHEAD = 100_000
# Token starts kept; above it, the segments are learned anew: rare words would fill the memory.
_CACHE_SIZE = 4_000_000


def token_starts(text: str, tokenizer: Tokenizer, block: int = _BLOCK) -> Ints:
    """Offset of the first character of each token, never decreasing, as in `tokenizer.offsets`.

    Memory beside the result stays within some multiples of `block` characters.
    """
    pattern = _SEGMENTS.get(tokenizer.name)
    memory = _Memory(tokenizer)
    parts = []
    for start, end in _blocks(text, block):
        piece = text[start:end]
        starts = memory.starts(pattern.findall(piece)) if pattern else _direct(piece, tokenizer)
        parts.append(starts + start)
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def is_word_piece(name: str) -> bool:
    """Whether counts of parts cut at white space or punctuation add up to the count of the whole."""
    return _SEGMENTS.get(name) is _WORDPIECE


def _blocks(text: str, size: int) -> Iterator[tuple[int, int]]:
    """Cuts where a new token begins in any case, if there is such a place near."""
    start = 0
    while start < len(text):
        least, most = min(len(text), start + size), min(len(text), start + size + _LOOK_AHEAD)
        border = _BORDER.search(text, least, most)
        # Without a border near, a token at the cut may count as two: one in a hundred thousand characters.
        end = border.start() if border else most
        yield start, end
        start = end


def _direct(text: str, tokenizer: Tokenizer) -> Ints:
    return np.fromiter((start for start, _ in tokenizer.offsets(text)), np.int64)


class _Memory:
    """Token starts of each distinct segment, relative to the segment, in one flat array."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._forget()

    def _forget(self) -> None:
        self._ids: dict[str, int] = {}
        self._first: Ints = np.zeros(1, np.int64)
        self._relative: Ints = np.empty(0, np.int64)

    def starts(self, segments: list[str]) -> Ints:
        """Token starts in the text that the segments make together."""
        # All at once: what to forget first would cost more than to learn the frequent segments again.
        if len(self._relative) > _CACHE_SIZE:
            self._forget()
        self._learn([segment for segment in dict.fromkeys(segments) if segment not in self._ids])
        count = len(segments)
        ids = np.fromiter(map(self._ids.__getitem__, segments), np.int64, count)
        lengths = np.fromiter(map(len, segments), np.int64, count)
        at = np.cumsum(lengths) - lengths
        # The last segment's end belongs to it, so that the difference is its number of tokens.
        tokens = self._first[ids + 1] - self._first[ids]
        owner = np.repeat(np.arange(count), tokens)
        inside = np.arange(len(owner)) - np.repeat(np.cumsum(tokens) - tokens, tokens)
        starts: Ints = at[owner] + self._relative[self._first[ids][owner] + inside]
        return starts

    def _learn(self, segments: list[str]) -> None:
        """Tokenize new segments as one text: each but the first begins with white space, so they stay apart."""
        # White space by itself joins with the next segment in most tokenizers, and so it is tokenized alone.
        alone = [segment for segment in segments if segment.isspace()]
        words = [segment for segment in segments if not segment.isspace()]
        for group in ([words] if words else []) + [[segment] for segment in alone]:
            lengths = np.fromiter(map(len, group), np.int64, len(group))
            borders = np.cumsum(lengths)
            starts = _direct("".join(group), self._tokenizer)
            owner = np.searchsorted(borders, starts, side="right")
            first = np.searchsorted(starts, borders - lengths)
            base = len(self._relative)
            self._ids.update(zip(group, range(len(self._ids), len(self._ids) + len(group)), strict=True))
            self._relative = np.concatenate([self._relative, starts - (borders - lengths)[owner]])
            # Each segment's first token, and at last the end of all: the next group takes that last one's place.
            self._first = np.concatenate([self._first[:-1], first + base, [base + len(starts)]])
