"""Where the answers of a set's questions stand: how many are known, and setting them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from llmopt_core.errors import BadInput
from llmopt_core.types import EvaluationSet, Example, Span


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many questions know where their answer stands.

    Attributes:
        complete: Questions with at least one reference, all of them good.
        missing: Questions without any.
        broken: Ids of questions with a reference into a document that is gone or too short.
    """

    complete: int
    missing: int
    broken: tuple[str, ...]


def coverage(examples: Sequence[Example], lengths: Mapping[str, int]) -> Coverage:
    """Count references; `lengths` are the characters of each document by name."""
    broken_ids = tuple(
        example.id for example in examples if any(not _stands(span, lengths) for span in example.references)
    )
    # Broken ones have references, too, but do not count as known.
    known_count = sum(bool(example.references) for example in examples) - len(broken_ids)
    return Coverage(known_count, sum(not example.references for example in examples), broken_ids)


def with_references(questions: EvaluationSet, example_id: str, references: Sequence[Span]) -> EvaluationSet:
    """The set with other references for one question; each only once.

    Raises:
        BadInput: There is no such question.
    """
    if all(example.id != example_id for example in questions.examples):
        raise BadInput(f"{questions.name} has no question {example_id}.")
    spans = tuple(dict.fromkeys(references))  # Marked twice by hand.
    examples = (replace(e, references=spans) if e.id == example_id else e for e in questions.examples)
    return EvaluationSet(questions.name, tuple(examples))


def with_another_reference(questions: EvaluationSet, example_id: str, span: Span) -> EvaluationSet:
    """The set with one more reference for a question; errors as in `with_references`."""
    references = next((example.references for example in questions.examples if example.id == example_id), ())
    return with_references(questions, example_id, (*references, span))


def _stands(span: Span, lengths: Mapping[str, int]) -> bool:
    # An unknown document has no characters, so nothing stands in it.
    return 0 <= span.start < span.end <= lengths.get(span.document, 0)
