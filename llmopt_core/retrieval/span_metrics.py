"""Character by character: what of the references is retrieved, and how much else with it.

The definitions of Chroma's report "Evaluating Chunking Strategies for Retrieval" (Smith and Troynikov 2024), equal to
its published code: characters of references found count once, retrieved characters count as often as they are
retrieved, and for omega a chunk touches a reference also where it ends exactly at its border.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from llmopt_core.types import Span


@dataclass(frozen=True, slots=True)
class SpanScores:
    """Fractions between 0 and 1.

    Attributes:
        recall: Reference characters that are retrieved, of all reference characters.
        precision: Reference characters that are retrieved, of all retrieved characters.
        iou: Reference characters that are retrieved, of all retrieved characters and those missed.
    """

    recall: float
    precision: float
    iou: float


def span_scores(retrieved: Sequence[Span], references: Sequence[Span]) -> SpanScores:
    """Score the spans handed over for one question against its references (at least one)."""
    overlap = _length(_overlaps(retrieved, references))
    reference_length = sum(reference.end - reference.start for reference in references)
    # Not the union: what is handed over twice is paid for twice.
    length = sum(span.end - span.start for span in retrieved)
    # As the published code has it; the references' union would be smaller where two overlap.
    missing = _missing_characters(retrieved, references)
    return SpanScores(_ratio(overlap, reference_length), _ratio(overlap, length), _ratio(overlap, length + missing))


def omega(chunks: Iterable[Span], references: Sequence[Span]) -> float:
    """Precision at full recall: the best any retriever could do on one question with these chunks.

    All chunks that touch a reference are taken, each character once, together with reference characters that no chunk
    holds; the score is the share of reference characters found in them.
    """
    chunks_with_reference = [chunk for chunk in chunks if any(_touch(chunk, reference) for reference in references)]
    overlap = _length(_overlaps(chunks_with_reference, references))
    # The characters of the touching chunks and of the references together: |A| + |B| - |A and B|.
    return _ratio(overlap, _length(chunks_with_reference) + _length(references) - overlap)


def _touch(a: Span, b: Span) -> bool:
    # Also where they only meet, as in the published code.
    return a.document == b.document and max(a.start, b.start) <= min(a.end, b.end)


def _overlaps(spans: Iterable[Span], references: Sequence[Span]) -> list[Span]:
    return [
        Span(span.document, max(span.start, reference.start), min(span.end, reference.end))
        for span in spans
        for reference in references
        if span.document == reference.document and max(span.start, reference.start) < min(span.end, reference.end)
    ]


def _missing_characters(spans: Sequence[Span], references: Sequence[Span]) -> int:
    """Reference characters in no span, counted once per reference that holds them."""
    return sum(reference.end - reference.start - _length(_overlaps(spans, [reference])) for reference in references)


def _length(spans: Iterable[Span]) -> int:
    """Characters in the union of the spans."""
    total, last = 0, Span("", 0, 0)
    # Sorted, so that only the furthest end so far must be known.
    for span in sorted(spans, key=lambda span: (span.document, span.start)):
        # Another document begins at 0 again.
        end = last.end if span.document == last.document else 0
        total += max(0, span.end - max(span.start, end))
        # The further end: a short span inside a long one must not take it back.
        last = Span(span.document, span.start, max(span.end, end))
    return total


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0  # nothing retrieved is a precision of 0, as in the published code
