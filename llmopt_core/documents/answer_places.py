"""Places where the words of an answer stand, to be offered as the source of a question."""

from __future__ import annotations

import heapq
import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from llmopt_core.text.whole_words import bounded_pattern
from llmopt_core.types import Document, Span

# Enough text to tell one place from another in a list of them.
_AROUND = 120
# Two letters at least: `a`, `I` or a single sign near a place says nothing about it.
_WORD = re.compile(r"\w{2,}")


@dataclass(frozen=True, slots=True)
class AnswerPlace:
    """One place, with the text around it; `shared_words` counts the words of the question that stand near it."""

    span: Span
    before: str
    words: str
    after: str
    shared_words: int


def answer_places(
    question: str, answers: Sequence[str], documents: Sequence[Document], most: int = 8
) -> list[AnswerPlace]:
    """Where one of the answers stands as whole words, the places nearest to the question's words first.

    Args:
        question: Its words decide the order.
        answers: Right answers; case and white space may be others in the text.
        documents: Searched in order.
        most: How many are given.
    """
    question_words = {word.casefold() for word in _WORD.findall(question)}
    # Each wording once, as sets often repeat one; an answer of white space would match everywhere.
    patterns = [_pattern(answer) for answer in dict.fromkeys(answers) if answer.strip()]
    matches = (match for document in documents for match in _matches(document, patterns, question_words))
    # All are looked at: the best may stand behind thousands of a short answer. Stable: among places with as many words
    # of the question the order of the documents stays.
    best = heapq.nlargest(most, matches, key=lambda match: match[0])
    return [_place(document, start, end, word_count) for word_count, document, start, end in best]


def _matches(
    document: Document, patterns: Sequence[re.Pattern[str]], question_words: Collection[str]
) -> Iterator[tuple[int, Document, int, int]]:
    """Each place of a document once, before it how many words of the question stand near it."""
    # Two answers can match at the same characters, such as an answer and the same with other case.
    spans = dict.fromkeys(match.span() for pattern in patterns for match in pattern.finditer(document.text))
    # Found once per document and not around each place: a short answer stands in thousands of places.
    words_of_text = _WORD.finditer(document.text) if spans else ()
    near = [match for match in words_of_text if match.group().casefold() in question_words]
    words = [match.group().casefold() for match in near]
    starts, ends = [match.start() for match in near], [match.end() for match in near]
    for start, end in spans:
        before = words[bisect_left(starts, start - _AROUND) : bisect_left(starts, start)]
        after = words[bisect_left(starts, end) : bisect_right(ends, end + _AROUND)]
        yield len({*before, *after}), document, start, end


def _pattern(answer: str) -> re.Pattern[str]:
    words = answer.split()
    # White space of any kind between words: a line break in the text is a space in the answer.
    pattern = r"\s+".join(map(re.escape, words))
    return re.compile(bounded_pattern(pattern, answer.strip()), re.IGNORECASE)


def _place(document: Document, start: int, end: int, shared_words: int) -> AnswerPlace:
    before, after = document.text[max(0, start - _AROUND) : start], document.text[end : end + _AROUND]
    return AnswerPlace(Span(document.name, start, end), before, document.text[start:end], after, shared_words)
