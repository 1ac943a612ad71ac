"""Where an answer stands, from the paragraph that a data set brings along with its question."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from llmopt_core.documents.question_answers import texts_in
from llmopt_core.documents.question_columns import plain_name
from llmopt_core.documents.spans import find_words
from llmopt_core.types import Document, Span


class Contexts:
    """Looks paragraphs up in the documents, each only once.

    Attributes:
        absent: Questions whose paragraph stands in none.
    """

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = {document.name: document for document in documents}
        # Data sets repeat a paragraph for each of its questions; looking it up costs by all documents.
        self._spans: dict[str, Span | None] = {}
        self.absent = 0

    def spans(self, values: Mapping[str, Any], answers: Sequence[tuple[str, int | None]]) -> tuple[Span, ...]:
        """The spans of a row's answers (SQuAD), or of the paragraphs that hold them (MS MARCO, Ragas)."""
        columns = {plain_name(name): value for name, value in values.items()}
        starts = [(text, start) for text, start in answers if start is not None]
        context = columns.get("context")
        # Places count in the paragraph: without them, or without the paragraph, they say nothing.
        if isinstance(context, str) and starts:
            place = self._place(context)
            places = [self._inside(place, text, start) for text, start in starts] if place else []
        else:
            paragraphs = _select(columns.get("passages")) or texts_in(columns.get("reference_contexts"))
            if not paragraphs:
                return ()
            places = [self._place(paragraph) for paragraph in paragraphs]
        # Each once: two answers may stand in the same words.
        spans = tuple(dict.fromkeys(span for span in places if span is not None))
        self.absent += not spans
        return spans

    def _place(self, paragraph: str) -> Span | None:
        if paragraph not in self._spans:
            match = find_words(paragraph, list(self._documents.values()))
            self._spans[paragraph] = None if match is None else match.span
        return self._spans[paragraph]

    def _inside(self, place: Span, text: str, start: int) -> Span | None:
        """The words nearest to where they stand in the paragraph; its white space may be another here."""
        # In the text of the document, as white space there may be another than in the paragraph.
        words = self._documents[place.document].text[place.start : place.end]
        positions = [match.start() for match in re.finditer(f"(?={re.escape(text)})", words)]
        if not positions:
            return None
        # Of several places the one nearest to the told one, since white space shifts it by a little.
        nearest = place.start + min(positions, key=lambda one: abs(one - start))
        return Span(place.document, nearest, nearest + len(text))


def _select(passages: Any) -> tuple[str, ...]:
    """The passages that MS MARCO marks as holding the answer."""
    if isinstance(passages, Mapping):
        marks, texts = passages.get("is_selected"), passages.get("passage_text")
        if not (isinstance(marks, list) and isinstance(texts, list)):
            return ()
        # What is marked only in part is read as far as both go.
        pairs = list(zip(marks, texts, strict=False))
    elif isinstance(passages, list):
        pairs = [(one.get("is_selected"), one.get("passage_text")) for one in passages if isinstance(one, Mapping)]
    else:
        return ()
    return tuple(text for mark, text in pairs if mark and isinstance(text, str) and text.strip())
