"""Which sentence of a cited chunk an answer rests on, so that it can be shown."""

from __future__ import annotations

from llmopt_core.answering.citations import ENOUGH, coverage, read_citation_numbers, without_marks
from llmopt_core.answering.fact_check.claims import extract_claims
from llmopt_core.text.sentences import sentence_spans
from llmopt_core.types import Answer, Span


def find_cited_spans(answer: Answer) -> dict[int, tuple[Span, ...]]:
    """By position in `answer.hits`, the sentences that hold most words of what cites them, as places in documents.

    A claim with marks such as `[2]` points into those chunks; one without points into every cited chunk. Where no
    sentence holds half of a claim's words, nothing is pointed at.
    """
    parts: dict[int, dict[Span, None]] = {}
    for claim in extract_claims(answer.text):
        own = {number - 1 for number in read_citation_numbers(claim)} & set(answer.citations)
        # Marks of passages that were not given are no citations.
        for position in sorted(own or set(answer.citations)):
            sentence = _best_sentence(without_marks(claim), answer, position)
            if sentence is not None:
                # A mapping as an ordered set: two claims may rest on one sentence.
                parts.setdefault(position, {})[sentence] = None
    return {position: tuple(spans) for position, spans in parts.items()}


def _best_sentence(claim: str, answer: Answer, position: int) -> Span | None:
    chunk = answer.hits[position].chunk
    spans = [(int(start), int(end)) for start, end in sentence_spans(chunk.text)]
    shares = [coverage(claim, chunk.text[start:end]) for start, end in spans]
    # Rather nothing than a wrong sentence shown in colour.
    if not shares or max(shares) < ENOUGH:
        return None
    start, end = spans[shares.index(max(shares))]
    # Sentences hold the white space behind them; coloured, it would look like a fault.
    end = start + len(chunk.text[start:end].rstrip())
    return Span(chunk.document, chunk.start + start, chunk.start + end)
