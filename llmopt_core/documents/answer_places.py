"""Places where the words of an answer stand, to be offered as the source of a question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from llmopt_core.text.whole_words import bounded_pattern
from llmopt_core.types import Document, Span

# Enough text to tell one place from another in a list of them.
_AROUND = 120
# Short answers such as "2" stand in thousands of places, of which nobody reads more.
_MOST_PLACES = 500
# Two letters at least: `a`, `I` or a single sign near a place says nothing about it.
_WORD = re.compile(r"\w{2,}")


@dataclass(frozen=True, slots=True)
class AnswerPlace:
    """One place, with the text around it; `shared` counts the words of the question that stand near it."""

    span: Span
    before: str
    words: str
    after: str
    shared: int


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
    asked = {word.casefold() for word in _WORD.findall(question)}
    # Each wording once, as sets often repeat one; an answer of white space would match everywhere.
    patterns = [_pattern(answer) for answer in dict.fromkeys(answers) if answer.strip()]
    found: dict[Span, AnswerPlace] = {}
    for document in documents:
        for pattern in patterns:
            for match in pattern.finditer(document.text):
                if len(found) >= _MOST_PLACES:
                    break
                place = _place(document, *match.span(), asked)
                # Two answers can match at the same characters, such as an answer and the same with other case.
                found.setdefault(place.span, place)
    # Stable: among places with as many words of the question the order of the documents stays.
    return sorted(found.values(), key=lambda place: -place.shared)[:most]


def _pattern(answer: str) -> re.Pattern[str]:
    words = answer.split()
    # White space of any kind between words: a line break in the text is a space in the answer.
    pattern = r"\s+".join(map(re.escape, words))
    return re.compile(bounded_pattern(pattern, answer.strip()), re.IGNORECASE)


def _place(document: Document, start: int, end: int, asked: set[str]) -> AnswerPlace:
    before, after = document.text[max(0, start - _AROUND) : start], document.text[end : end + _AROUND]
    near = {word.casefold() for word in _WORD.findall(f"{before} {after}")}
    return AnswerPlace(Span(document.name, start, end), before, document.text[start:end], after, len(asked & near))
