"""Where a passage of a text stands in the next version of it: by the difference of both, never by its words alone."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from llmopt_core.documents.spans import MINIMUM_SIMILARITY, find_quote
from llmopt_core.documents.word_alignment import align
from llmopt_core.text.scripts import EAST_ASIAN
from llmopt_core.types import Document, Span

# Words and signs; scripts without spaces sign by sign.
_WORDS = re.compile(rf"[{EAST_ASIAN}]|[^\W{EAST_ASIAN}]+|[^\w\s]")
# Words to each side that tell whether a passage stands in the same text: fewer are alike by accident, more reach into
# what was changed beside it.
_AROUND = 8
# For words that stand in several places, these many neighbours must all be the same.
_NEAREST = 4
# So many words more than the passage make a sentence tell where it stands.
_MORE = 3
# Paragraph, line, sentence: the largest first, as it says most surely what moved.
_UNITS = (("\n\n",), ("\n",), (". ", "! ", "? ", "\n", "。", "！", "？"))
# Letters by which an edge moves at most to the end of its word.
_LONGEST_WORD = 30
# The difference of longer texts takes longer than anybody waits for an upload.
_MOST_CHARACTERS = 20_000_000


@dataclass(frozen=True, slots=True)
class NewSpan:
    """Where a passage stands now; None where it does not. `doubt` says why that is not sure."""

    span: tuple[int, int] | None
    doubt: str = ""


class SpanTracker:
    """Two versions of a text.

    Args:
        old: What the passages were counted in.
        new: What they are looked for in.
    """

    def __init__(self, old: str, new: str) -> None:
        self._old, self._new = old, new

    def track(self, start: int, end: int) -> NewSpan:
        """Where the characters `start` to `end` of the old text stand in the new one."""
        if self._old == self._new:
            return NewSpan((start, end))
        # The words alone never decide: they may stand elsewhere with another meaning.
        words = self._old[start:end]
        alignment = self._align(start, end)
        # First what moved as a whole: the difference of texts sees it as removed and added.
        place = self._find_move(start, end) or (
            alignment if alignment and self._has_context(start, end, words) else None
        )
        if place is not None:
            return NewSpan(place)
        if alignment is not None:
            return NewSpan(alignment, "the text around it is another now")
        change = self._find_change(start, end, words)
        if change is not None:
            return NewSpan(change, "its words are a little different now")
        # Told apart, since somebody who looks may know which of them is meant.
        elsewhere = words.strip() and words.strip() in self._new
        return NewSpan(
            None, "its passage is gone; the same words stand elsewhere" if elsewhere else "its words are gone"
        )

    @cached_property
    def _old_words(self) -> list[tuple[int, int]]:
        return [match.span() for match in _WORDS.finditer(self._old)]

    @cached_property
    def _new_words(self) -> list[tuple[int, int]]:
        return [match.span() for match in _WORDS.finditer(self._new)]

    # Made when first needed: a document without passages is replaced without it.
    @cached_property
    def _map(self) -> Sequence[int]:
        """For each old word the position of the same word in the new text; -1 where it is gone."""
        if len(self._old) + len(self._new) > _MOST_CHARACTERS:
            # Nothing is known then, and passages are found as parts of a sentence or not at all.
            return ()
        return align([self._old[a:b] for a, b in self._old_words], [self._new[a:b] for a, b in self._new_words])

    def _range(self, start: int, end: int) -> tuple[int, int]:
        """The old words that a passage touches."""
        # By its end: a passage may begin inside a word.
        first = bisect_right(self._old_words, start, key=lambda word: word[1])
        return first, bisect_left(self._old_words, end, key=lambda word: word[0])

    def _align(self, start: int, end: int) -> tuple[int, int] | None:
        """The place of a passage whose words all go on, one after the other."""
        first, last = self._range(start, end)
        if not self._map or first >= last or self._map[first] < 0:
            return None
        # Each word behind the one before it, with nothing in between.
        if any(self._map[word] != self._map[first] + word - first for word in range(first, last)):
            return None
        a, b = self._new_words[self._map[first]], self._new_words[self._map[last - 1]]
        # The edges may lie inside words, or in white space around them.
        old_start, old_end = self._old_words[first][0], self._old_words[last - 1][1]
        place, stop = a[0] + start - old_start, b[1] + end - old_end
        # White space at the edges of a passage is kept where it is the same.
        if self._new[max(0, place) : a[0]] != self._old[start:old_start]:
            place = a[0]
        if self._new[b[1] : stop] != self._old[old_end:end]:
            stop = b[1]
        return place, stop

    def _has_context(self, start: int, end: int, words: str) -> bool:
        """Whether the text around goes on too. Words that stand in several places need their very neighbours."""
        first, last = self._range(start, end)
        alone: bool = self._old.count(words) == 1 and self._new.count(words) == 1
        # A long passage that stands once in both is that passage.
        if alone and last - first >= _AROUND:
            return True
        # Backwards, the nearest first.
        before = range(first - 1, max(-1, first - 1 - _AROUND), -1)
        after = range(last, min(len(self._map), last + _AROUND))
        if not alone:
            nearest = (*before[:_NEAREST], *after[:_NEAREST])
            # By their distance from the passage: each stands where it stood.
            return bool(nearest) and all(self._map[word] - self._map[first] == word - first for word in nearest)
        # Words around may have been added or removed: twice as far is still the neighbourhood.
        low, high = max(0, self._map[first] - 2 * _AROUND), self._map[last - 1] + 2 * _AROUND
        sides = [[low <= self._map[word] <= high for word in side] for side in (before, after)]
        # One side is enough, as a passage may stand where a paragraph was put in. Nothing on either side is no sign
        # against.
        return any(sum(side) >= max(2, 0.5 * len(side)) for side in sides) or not any(sides)

    def _find_move(self, start: int, end: int) -> tuple[int, int] | None:
        """The place of a passage inside a sentence, line or paragraph that stands once in both texts."""
        least = len(_WORDS.findall(self._old[start:end])) + _MORE
        for borders in _UNITS:
            a, b = _unit(self._old, start, end, borders)
            unit = self._old[a:b]
            # Long enough beyond the passage, and once in both: else the sentence says nothing of where it was.
            if len(_WORDS.findall(unit)) >= least and self._old.count(unit) == 1 and self._new.count(unit) == 1:
                shift = self._new.index(unit) - a
                return start + shift, end + shift
        return None

    def _find_change(self, start: int, end: int, words: str) -> tuple[int, int] | None:
        """The place between what goes on before and after, where something similar stands there."""
        if not self._map:
            return None
        first, last = self._range(start, end)
        before = next(
            (self._map[w] for w in range(first - 1, max(-1, first - 1 - _AROUND), -1) if self._map[w] >= 0), None
        )
        after = next(
            (self._map[w] for w in range(last, min(len(self._map), last + _AROUND)) if self._map[w] >= 0), None
        )
        # Words of the passage itself that go on mark its place too.
        anchors = [self._map[word] for word in range(first, last) if self._map[word] >= 0]
        marks = [mark for mark in (before, after, *anchors) if mark is not None]
        if not marks:
            return None
        # From the beginning of the text where nothing goes on before.
        a = self._new_words[min(marks)][0] if before is not None or anchors else 0
        b = self._new_words[max(marks)][1] if after is not None or anchors else len(self._new)
        # As much to each side as the passage is long, for what was added at its edges.
        a, b = _whole_words(self._new, max(0, a - len(words)), min(len(self._new), b + len(words)))
        match = find_quote(words, [Document("", self._new[a:b])], MINIMUM_SIMILARITY)
        # The very same words would have gone on by the difference.
        return None if match is None or match.text == words else (a + match.span.start, a + match.span.end)


def track_span(span: Span, following: SpanTracker) -> tuple[Span | None, str]:
    """A span in the new version of its document, and why that is not sure."""
    new_span = following.track(span.start, span.end)
    return (None if new_span.span is None else Span(span.document, *new_span.span)), new_span.doubt


def _unit(text: str, start: int, end: int, borders: Sequence[str]) -> tuple[int, int]:
    """The piece of a text around a passage, up to the nearest borders on both sides."""
    a = max(
        (text.rfind(border, 0, start) + len(border) for border in borders if text.rfind(border, 0, start) >= 0),
        default=0,
    )
    # A passage that ends with its own full stop does not reach into the next sentence.
    ends = ((border, max(start, end - len(border.rstrip()))) for border in borders)
    # The nearest border behind the passage; the end of the text is one.
    places = [place for border, least in ends if (place := text.find(border, least)) >= 0]
    return a, max(end, min(places, default=len(text)))


def _whole_words(text: str, a: int, b: int) -> tuple[int, int]:
    """A piece of a text with the words that its edges would cut."""
    for _ in range(_LONGEST_WORD):
        # A bool counts as 1: the edge moves by a letter.
        a -= 0 < a < len(text) and text[a - 1].isalnum() and text[a].isalnum()
        b += 0 < b < len(text) and text[b - 1].isalnum() and text[b].isalnum()
    return a, b
