"""Written questions as rows of a table that people edit, and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from llmopt_core.documents.spans import find_quote
from llmopt_core.errors import BadInput
from llmopt_core.labs.documents.question_writing.filters import Candidate
from llmopt_core.labs.documents.question_writing.writer import WrittenQuestions
from llmopt_core.types import Document, Span


def draft_of(questions: WrittenQuestions) -> dict[str, Any]:
    """What is kept until somebody has reviewed it, in plain values."""
    return {
        "rows": [
            # Plain values: a draft outlives the version of the program that wrote it.
            {"keep": True, "question": one.question, "answer": one.answer, "quote": one.quote,
             "document": one.span.document, "start": one.span.start, "end": one.span.end, "match": one.similarity}
            for one in questions.candidates
        ],
        "dropped": [
            {"question": one.question, "quote": one.quote, "document": one.document, "reason": one.reason}
            for one in questions.rejects
        ],
        "passages": questions.passages,
        "empty": questions.empty,
        "failures": list(questions.failures),
        "stopped": questions.stop_reason,
    }  # fmt: skip


def reasons(draft: Mapping[str, Any]) -> dict[str, int]:
    """How many questions were dropped for each reason, the most frequent first."""
    return dict(Counter(row["reason"] for row in draft["dropped"]).most_common())


def places_of(draft: Mapping[str, Any]) -> list[list[Any]]:
    """Document, start and end of each row, which tell a draft from another whatever was edited in it."""
    return [[row["document"], row["start"], row["end"]] for row in draft["rows"]]


def with_edits(
    draft: Mapping[str, Any] | None, places: list[list[Any]], edits: Mapping[int, Mapping[str, Any]]
) -> dict[str, Any] | None:
    """The draft as it is kept now with what was typed, so that two who edit lose nothing of each other.

    Args:
        draft: None where it was saved or thrown away meanwhile.
        places: See `places_of`, of the draft that was edited.
        edits: By position of a row the fields that were typed.

    Returns:
        None where there is no such draft any more: what is gone does not come back by an edit.
    """
    # Other rows: positions would lay an edit on somebody else's question.
    if draft is None or places_of(draft) != places:
        return None
    rows = [{**row, **edits.get(position, {})} for position, row in enumerate(draft["rows"])]
    return {**draft, "rows": rows}


def candidates_of_rows(rows: Sequence[Mapping[str, Any]], documents: Sequence[Document]) -> list[Candidate]:
    """The questions of the rows that are kept. A quote that was edited is looked up again.

    Raises:
        BadInput: A kept row has no question, or its quote does not stand in its document.
    """
    by_name = {document.name: document for document in documents}
    return [_candidate(row, number, by_name) for number, row in enumerate(rows, 1) if row.get("keep")]


def _candidate(row: Mapping[str, Any], number: int, documents: Mapping[str, Document]) -> Candidate:
    question, answer, quote = (str(row.get(name) or "").strip() for name in ("question", "answer", "quote"))
    if not question:
        raise BadInput(f"Row {number} has no question; write one or drop the row.")
    document = documents.get(str(row["document"]))
    if document is None:
        raise BadInput(f"Row {number}: the document {row['document']} is gone; drop the row.")
    start, end = int(row["start"]), int(row["end"])
    # Untouched: the place is known, and looking it up could find an earlier one of the same words.
    if document.text[start:end].strip() == quote:
        return Candidate(question, answer, quote, Span(document.name, start, end), float(row.get("match") or 1.0))
    # In the whole document here: whoever edits a quote may take it from another passage.
    match = find_quote(quote, [document])
    if match is None:
        raise BadInput(f"Row {number}: the quote does not stand in {document.name}; correct it or drop the row.")
    return Candidate(question, answer, match.text, match.span, match.similarity)
