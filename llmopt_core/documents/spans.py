"""Where a quote stands in the documents: exactly, with other white space and case, or nearly."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from llmopt_core.text.whole_words import bounded_pattern, whole_word_places
from llmopt_core.types import Document, Span

# Rule of thumb: people quote with small changes; below this another passage is meant as often.
MINIMUM_SIMILARITY = 0.85
# Fuzzy search takes time by the product of both lengths.
# Characters: longer quotes are found exactly or not at all.
_LONGEST_FUZZY = 5_000
# Characters of a quote that stands inside longer words by no accident, but because its own words are cut.
_LONG = 40
# Marks that word processors, keyboards and web pages exchange for each other.
_SAME = ("'‘’‚‛`´", '"“”„‟«»', "-‐‑‒–—―−")


@dataclass(frozen=True, slots=True)
class QuoteMatch:
    """A quote found in a document.

    Attributes:
        span: Where it stands.
        text: What stands there.
        similarity: 1.0 where the words are the same, else the share of equal characters.
        places: How often the quote stands in the documents; the first place is taken.
    """

    span: Span
    text: str
    similarity: float
    places: int = 1

    @property
    def exact(self) -> bool:
        """Whether the quote stands there with the same words."""
        return self.similarity == 1.0


def find_quote(quote: str, documents: Sequence[Document], minimum: float = MINIMUM_SIMILARITY) -> QuoteMatch | None:
    """The best place of a quote, or None where nothing is similar enough.

    A quote is looked for as whole words: `art` does not stand in `party`. An exact place wins over one that differs in
    white space, case, quotation marks or dashes, and that over the most similar passage of about the same length
    (rapidfuzz's partial ratio, widened to whole words).

    Args:
        quote: Words that should stand in one of the documents.
        documents: Searched in order.
        minimum: The least share of equal characters, 0 to 1.
    """
    quote = quote.strip()
    if not quote:
        return None
    return find_words(quote, documents) or _fuzzy(quote, documents, minimum)


def find_words(quote: str, documents: Sequence[Document]) -> QuoteMatch | None:
    """The first place with the same words; white space, case, quotation marks and dashes may be others."""
    quote = quote.strip()
    if not quote:
        return None
    # Words are escaped and parted by white space only, so the pattern cannot run long.
    pattern = r"\s+".join(_any_mark(word) for word in quote.split())
    match = _exact(quote, documents) or _loose(bounded_pattern(pattern, quote), documents)
    return match or (_loose(pattern, documents) if len(quote) >= _LONG else None)


def _exact(quote: str, documents: Sequence[Document]) -> QuoteMatch | None:
    places = [(document, start) for document in documents for start in whole_word_places(quote, document.text)]
    if not places:
        return None
    document, start = places[0]
    # In how many places, so that who reads can be told that the first was taken.
    return QuoteMatch(Span(document.name, start, start + len(quote)), quote, 1.0, len(places))


def _loose(pattern: str, documents: Sequence[Document]) -> QuoteMatch | None:
    words = re.compile(pattern, re.IGNORECASE)
    matches = [(document, match) for document in documents for match in words.finditer(document.text)]
    if not matches:
        return None
    document, match = matches[0]
    return QuoteMatch(Span(document.name, match.start(), match.end()), match.group(), 1.0, len(matches))


def _any_mark(word: str) -> str:
    """A pattern that takes every kind of quotation mark and dash for every other of its kind."""
    return "".join(next((f"[{re.escape(kind)}]" for kind in _SAME if c in kind), re.escape(c)) for c in word)


def _fuzzy(quote: str, documents: Sequence[Document], minimum: float) -> QuoteMatch | None:
    from rapidfuzz import fuzz

    if len(quote) > _LONGEST_FUZZY:
        return None
    best: QuoteMatch | None = None
    for document in documents:
        # A later document must be better than the best so far: most are passed over quickly.
        least = 100 * max(minimum, best.similarity if best else 0.0)
        place = fuzz.partial_ratio_alignment(quote, document.text, score_cutoff=least)
        # A document shorter than the quote is aligned the other way round: it would match a part of the quote.
        if place is None or len(document.text) < minimum * len(quote):
            continue
        start, end = _whole_words(document.text, place.dest_start, place.dest_end)
        # Of the whole words: a short quote can be alike to a part of one, and to nothing of what the word means.
        ratio = fuzz.ratio(quote, document.text[start:end]) if end - start > place.dest_end - place.dest_start else 100
        # Below 1, which stands for the same words: something differs, or it would have been found before.
        similarity = min(place.score / 100, ratio / 100, 0.999)
        if similarity >= minimum and end > start and (best is None or similarity > best.similarity):
            best = QuoteMatch(Span(document.name, start, end), document.text[start:end], similarity)
    return best


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """Widen to the borders of the words that were cut (at most 20 characters), and leave out white space around."""
    # Only letters of scripts with spaces, and only to the end of the word.
    while start > 0 and text[start - 1].isalnum() and text[start : start + 1].isalnum() and _near(text[start - 1]):
        start -= 1
    while end < len(text) and text[end].isalnum() and text[end - 1].isalnum() and _near(text[end]):
        end += 1
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _near(character: str) -> bool:
    """Scripts without spaces have no word borders to widen to."""
    # From U+2E80 on: Chinese, Japanese, Korean.
    return character < "\u2e80"
