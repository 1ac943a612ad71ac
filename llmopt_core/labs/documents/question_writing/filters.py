"""Which written questions are worth a look: those whose quote stands in the document, each only once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from llmopt_core.documents.spans import find_quote
from llmopt_core.labs.documents.question_writing.replies import QuestionDraft
from llmopt_core.text.words import fold_to_words
from llmopt_core.types import Document, Span

NEAR = 90.0
"""Questions that are alike by this percentage (rapidfuzz's token sort ratio), with the same numbers, are the same."""

NO_QUOTE, NOT_THERE = "it has no quote", "the quote does not stand in the document"
SAME, ALIKE = "the same question is there already", "a question much like it is there already"
POINTS = "it speaks of the passage, which nobody who asks can see"
# An answer of so many characters that stands in the passage once will do for a missing quote.
_TELLING = 4
# `What does the passage say about taxes?`: "the passage" is nothing that a user has seen.
# Whole words, so that `this textile` passes; two fixed lists and one gap, so it looks at each place once.
_POINTING = re.compile(r"\b(?:the|this|above|given)\s+(?:passage|text|excerpt|paragraph)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question that passed.

    Attributes:
        quote: The words that stand at the span.
        similarity: 1.0 where the model quoted exactly, else the share of equal characters.
    """

    question: str
    answer: str
    quote: str
    span: Span
    similarity: float


@dataclass(frozen=True, slots=True)
class DroppedQuestion:
    """A question that did not pass, and why."""

    question: str
    quote: str
    document: str
    reason: str


@dataclass
class Filter:
    """Lets questions through one by one, in their order.

    Attributes:
        questions: Questions that are there already.
    """

    questions: Iterable[str] = ()
    candidates: list[Candidate] = field(default_factory=list)
    rejects: list[DroppedQuestion] = field(default_factory=list)

    def __post_init__(self) -> None:
        # Folded once: every new question is compared with all of them.
        self._plain_questions = [fold_to_words(question) for question in self.questions]

    def add(self, drafts: Sequence[QuestionDraft], document: Document, passage: Span) -> None:
        """Judge what a model wrote about one passage of a document."""
        for one in drafts:
            outcome = _judge(one, document, passage)
            reason = outcome if isinstance(outcome, str) else self._repeats(one.question)
            if reason or isinstance(outcome, str):
                self.rejects.append(DroppedQuestion(one.question, one.quote, document.name, reason))
                continue
            self.candidates.append(outcome)
            self._plain_questions.append(fold_to_words(one.question))

    def _repeats(self, question: str) -> str:
        from rapidfuzz import fuzz

        plain = fold_to_words(question)
        if plain in self._plain_questions:
            return SAME
        numbers = _numbers(plain)
        # Questions about other years or sums are alike in letters and ask for something else.
        near = (other for other in self._plain_questions if _numbers(other) == numbers)
        # By sorted words, so that `Who built it, and when?` is near `When, and who built it?`.
        return ALIKE if any(fuzz.token_sort_ratio(plain, other) >= NEAR for other in near) else ""


def _judge(draft: QuestionDraft, document: Document, passage: Span) -> Candidate | str:
    """The candidate, or why it is none."""
    if _POINTING.search(draft.question):
        return POINTS
    text = document.text[passage.start : passage.end]
    quote = draft.quote.strip()
    # A model that forgets the quote often answers in the words of the passage.
    # In it once: a short answer that stands in it twice does not say where.
    if not quote and len(draft.answer) >= _TELLING and text.count(draft.answer) == 1:
        quote = draft.answer
    if not quote:
        return NO_QUOTE
    # Looked for in the passage alone: the same words elsewhere are not what the model has read.
    match = find_quote(quote, [Document(document.name, text)])
    if match is None:
        return NOT_THERE
    span = Span(document.name, passage.start + match.span.start, passage.start + match.span.end)
    # The words of the document instead of the model's, which may differ by a letter.
    return Candidate(draft.question, draft.answer, document.text[span.start : span.end], span, match.similarity)


def _numbers(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\d+", text))
