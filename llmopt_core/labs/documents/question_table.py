"""A set as a table that people edit, and what they typed into it as a new version."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.labs.documents.question_edit import with_question
from llmopt_core.labs.documents.reference_spans import with_references
from llmopt_core.types import EvaluationSet, Example, Span

DRAFT = "question-table"
"""The kind of the draft that keeps what was typed until it is saved."""
QUESTION, REFERENCE, MORE, CATEGORY, SOURCES = "question", "reference", "more", "category", "sources"
COLUMNS = (QUESTION, REFERENCE, MORE, CATEGORY, SOURCES)

TableRow = dict[str, Any]
"""By the names of `COLUMNS`: texts; under `more` a list of further right answers."""
Edits = Mapping[str, TableRow | None]
"""By the id of a question, the row that it is to become, None to take it out; any other name adds a row."""

# The end of `guide.md 120-180`; people type a dash as well.
_PLACE = re.compile(r"\s(\d{1,12})\s?[-\u2013]\s?(\d{1,12})$")


def table_row(example: Example, lengths: Mapping[str, int]) -> TableRow:
    """A question as its row.

    Args:
        example: The question.
        lengths: Characters of each document by name.
    """
    return {
        QUESTION: example.question,
        REFERENCE: example.reference or "",
        MORE: [answer for answer in example.right_answers if answer != example.reference],
        CATEGORY: example.category or "",
        SOURCES: "; ".join(_describe(span, lengths) for span in example.references),
    }


def merge_edits(draft: Edits, own: Edits, questions: EvaluationSet, lengths: Mapping[str, int], prefix: str) -> Edits:
    """What several people typed, the own edits over those that were kept before.

    Args:
        draft: What was kept, by whomever.
        own: All edits of one table as it is now.
        questions: What the table began with: a row that is as it was is no edit any more.
        lengths: Characters of each document by name.
        prefix: Begins the names of the rows that this table has added.
    """
    originals = {example.id: table_row(example, lengths) for example in questions.examples if example.id in own}
    others = {key: row for key, row in draft.items() if not key.startswith(prefix)}
    edits = {**others, **own}
    return {key: row for key, row in edits.items() if key not in originals or row != originals[key]}


def apply_edits(
    questions: EvaluationSet, edits: Edits, lengths: Mapping[str, int], base: EvaluationSet | None = None
) -> tuple[EvaluationSet, tuple[str, ...]]:
    """The set with the rows as they were typed, and notes on what others did to the same questions meanwhile.

    Args:
        questions: The newest version.
        edits: What was typed.
        lengths: Characters of each document by name.
        base: The version that was edited, where the newest is another.

    Raises:
        BadInput: A row has no question, or a source that is no place in a document; names the row.
    """
    notes = []
    result = questions
    by_id = {example.id: example for example in questions.examples}
    before = {example.id: example for example in base.examples} if base is not None else by_id
    for key, row in edits.items():
        if key in before and key not in by_id:
            if row is not None:
                notes.append(f"{key} was removed meanwhile and is added again.")
        elif key in before and before[key] != by_id[key]:
            notes.append(f"{key} was changed meanwhile; it is as you typed it.")
        if row is not None:
            result = _with_row(result, key, row, lengths, by_id)
    removed_ids = {key for key, row in edits.items() if row is None}
    examples = tuple(example for example in result.examples if example.id not in removed_ids)
    if not examples:
        raise BadInput("No question would be left; delete the evaluation set to be rid of it.")
    return EvaluationSet(questions.name, examples), tuple(notes)


def is_empty_row(row: TableRow) -> bool:
    """Whether nothing was typed into a row."""
    return not any(row.get(name) for name in COLUMNS)


def _with_row(
    questions: EvaluationSet, key: str, row: TableRow, lengths: Mapping[str, int], by_id: Mapping[str, Example]
) -> EvaluationSet:
    before = by_id.get(key)
    if before is None and is_empty_row(row):
        return questions
    label = f"The row {key}" if before is not None else "A new row"
    if not _text(row, QUESTION):
        raise BadInput(
            f"{label} has no question ({_text(row, REFERENCE)[:60] or 'nothing in it'}); write one, or delete it."
        )
    answers = [_text(row, REFERENCE), *(str(answer) for answer in row.get(MORE) or ())]
    result, example_id = with_question(
        questions, key if before else "", _text(row, QUESTION), answers, _text(row, CATEGORY)
    )
    sources = _text(row, SOURCES)
    # As it was, also where it points into a document that is gone: the text of the cell was not touched.
    if before is not None and sources == table_row(before, lengths)[SOURCES]:
        return result
    return with_references(
        result, example_id, _read_sources(sources, lengths, f"{label} ({_text(row, QUESTION)[:60]})")
    )


def _text(row: TableRow, name: str) -> str:
    return str(row.get(name) or "").strip()


def _describe(span: Span, lengths: Mapping[str, int]) -> str:
    whole = (span.start, span.end) == (0, lengths.get(span.document))
    return span.document if whole else f"{span.document} {span.start}-{span.end}"


def _read_sources(text: str, lengths: Mapping[str, int], label: str) -> Sequence[Span]:
    spans = []
    for part in re.split(r"[;\n]", text):
        name = part.strip()
        if not name:
            continue
        place = _PLACE.search(name)
        document = name[: place.start()].rstrip() if place else ""
        if name in lengths:
            spans.append(Span(name, 0, lengths[name]))
        elif place and document in lengths:
            start, end = int(place[1]), int(place[2])
            if not start < end <= lengths[document]:
                raise BadInput(
                    f"{label}: {name} is no place in {document}, which has {lengths[document]:,} characters; expected "
                    f"its name, or START-END after it."
                )
            spans.append(Span(document, start, end))
        else:
            names = ", ".join(list(lengths)[:3]) or "none yet"
            raise BadInput(f"{label}: there is no document {name[:80]}; the project has {names}.")
    return spans
