"""A quote of a question file, and where it was looked for in vain."""

from __future__ import annotations

from dataclasses import dataclass

from llmopt_core.documents.spans import QuoteMatch


@dataclass(frozen=True, slots=True)
class FoundQuote:
    """Which place a quote of an example was resolved to."""

    example_id: str
    line: int
    quote: str
    match: QuoteMatch
    unit: str = "line"


def nearest_text(quote: FoundQuote) -> str:
    """What stands in the document in place of the quote, for a message."""
    match = quote.match
    return (
        f"the quote {_short(quote.quote)} stands only nearly ({match.similarity:.0%} alike) in {match.span.document}: "
        f"{_short(match.text)}."
    )


def _short(text: str) -> str:
    return repr(text if len(text) <= 120 else text[:117] + "...")
