"""References of a question -> spans in the documents."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from llmopt_core.documents.spans import MINIMUM_SIMILARITY, QuoteMatch, find_quote
from llmopt_core.errors import BadInput
from llmopt_core.text.json_text import parse_json
from llmopt_core.text.valid_text import fault_in
from llmopt_core.types import Document, Span

# Ours, and those of Chroma's data sets.
_ENTRY_KEYS = frozenset(("document", "corpus_id", "start", "end", "quote", "content", "start_index", "end_index"))
# Beyond any file that is read.
_FARTHEST = 10**12


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake on one line of a question file, as a part of a sentence; in a JSON list, of an `entry`."""

    line: int
    message: str
    unit: str = "line"


class DocumentLookup:
    """Documents by name; a name without its ending will do where it is the only one."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.all = list(documents)
        self._by_name = {document.name: document for document in documents}
        self._by_stem: dict[str, list[Document]] = {}
        for document in documents:
            path = PurePosixPath(document.name)
            # `a/b`, `b.txt` and `b` for `a/b.txt`; the whole name is known already.
            for short in {str(path.with_suffix("")), path.name, path.stem} - {document.name}:
                self._by_stem.setdefault(short, []).append(document)

    def find(self, name: str) -> Document:
        """Raises BadInput where no document, or more than one, has that name."""
        if name in self._by_name:
            return self._by_name[name]
        near = self._by_stem.get(name, [])
        if len(near) == 1:
            # Two could be meant: a wrong source is worse than a question for the right one.
            return near[0]
        # Five names show how they look here.
        names = ", ".join(sorted(self._by_name)[:5]) + (", ..." if len(self._by_name) > 5 else "")
        reason = "more than one document could be" if near else "there is no document"
        raise BadInput(f"{reason} {name!r}; the documents are {names or 'none'}")


Resolution = tuple[tuple[Span, ...], list[tuple[str, QuoteMatch]], list[str]]


def resolve_references(raw: Any, place: Mapping[str, Any], documents: DocumentLookup | None) -> Resolution:
    """Spans, the quotes among them with their match, and what is wrong.

    Args:
        raw: The `references` value: a list, or a JSON list as text, or nothing.
        place: The row's own `document` (or `corpus_id`), `start`, `end` and `quote`. Where there is no list they make
            one reference; where there is one its entries may leave out the document.
        documents: Checked against, where given.
    """
    document = place.get("document") or place.get("corpus_id")
    try:
        entries = _entries(raw)
    except BadInput as error:
        return (), [], [str(error)]
    if not entries and (place.get("quote") or place.get("start") not in (None, "")):
        # A start of 0 is a start.
        entries = [{k: place[k] for k in ("start", "end", "quote") if place.get(k) not in (None, "")}]
    spans, quotes, faults = [], [], []
    for entry in entries:
        try:
            # All faults of a row are told, not the first.
            span, quote = _resolve(entry, document, documents)
        except BadInput as error:
            faults.append(str(error))
            continue
        spans.append(span)
        quotes += [quote] if quote else []
    return tuple(dict.fromkeys(spans)), quotes, faults


def _entries(raw: Any) -> list[dict[str, Any]]:
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return []
    if isinstance(raw, str):
        try:
            raw = parse_json(raw)
        except ValueError as error:
            raise BadInput("`references` is not JSON") from error
        # JSON inside a CSV cell was not checked with its line.
        if fault := fault_in(raw):
            raise BadInput(f"`references` cannot be used: {fault}")
    if not isinstance(raw, list):
        raise BadInput("`references` is not a list")
    for entry in raw:
        if not isinstance(entry, dict):
            raise BadInput("a source is not an object with `document`, `start` and `end`, or with a `quote`")
        unknown_keys = sorted(set(entry) - _ENTRY_KEYS)
        if unknown_keys:
            # A misspelt key would silently lose the place.
            raise BadInput(f"a source has the unknown key `{unknown_keys[0]}`")
    return raw


def _resolve(
    entry: Mapping[str, Any], default: Any, documents: DocumentLookup | None
) -> tuple[Span, tuple[str, QuoteMatch] | None]:
    name = entry.get("document") or entry.get("corpus_id") or default
    start, end = entry.get("start", entry.get("start_index")), entry.get("end", entry.get("end_index"))
    if start is None and end is None and "quote" in entry:
        return _find_quote(entry["quote"], name, documents)
    if not name:
        raise BadInput("a source does not name its `document`")
    if not isinstance(name, str | int) or isinstance(name, bool):
        raise BadInput("the `document` of a source is not a text")
    a, b = _whole(start, "start"), _whole(end, "end")
    if documents is None:
        if not 0 <= a < b <= _FARTHEST:
            raise BadInput(f"the span {a} to {b} is none")
        return Span(str(name), a, b), None
    document = documents.find(str(name))
    quote, passage = entry.get("quote", entry.get("content")), document.text[max(0, a) : max(0, b)]
    # The right words at a wrong place: counted in the file itself, perhaps.
    if isinstance(quote, str) and len(quote) == b - a and quote != passage:
        excess = _excess_before(document.text, quote, a)
        a, b, passage = a - excess, b - excess, quote if excess else passage
    if not 0 <= a < b <= len(document.text):
        raise BadInput(f"the span {a} to {b} lies outside {document.name}, which has {len(document.text):,} characters")
    # White space at the ends is often trimmed by who wrote the quote.
    if isinstance(quote, str) and quote.strip() != passage.strip():
        raise BadInput(f"the span {a} to {b} of {document.name} holds {_short(passage)}, not {_short(quote)}")
    return Span(document.name, a, b), None


def _excess_before(text: str, quote: str, start: int) -> int:
    """By how much an offset is too large that was counted in the file itself; 0 where that explains nothing.

    A byte order mark and the carriage returns of a file are characters of it, but none of the document's text.
    """
    # As far back as each line may have had a carriage return, and the file a mark.
    place = text.find(quote, max(0, start - 1 - text.count("\n", 0, max(0, start)))) if quote else -1
    while 0 <= place < start:
        lines = text.count("\n", 0, place)
        # Exactly what a mark, the line ends, or both explain; any other distance is another place.
        if start - place in (1, lines, lines + 1):
            return start - place
        place = text.find(quote, place + 1)
    return 0


def _find_quote(quote: Any, name: Any, documents: DocumentLookup | None) -> tuple[Span, tuple[str, QuoteMatch]]:
    if not isinstance(quote, str) or not quote.strip():
        raise BadInput("a `quote` is empty")
    if documents is None:
        raise BadInput("a `quote` can only be looked up together with the documents")
    match = find_quote(quote, [documents.find(str(name))] if name else documents.all)
    if match is None:
        place = f"in {name}" if name else "in any document"
        raise BadInput(f"the quote {_short(quote)} does not stand {place}, not even {MINIMUM_SIMILARITY:.0%} alike")
    return match.span, (quote, match)


def _whole(value: Any, key: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    # Tables with gaps write their whole numbers as 12.0.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    # At most 18 digits, so that no number takes long to be read.
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,18}(\.0+)?\s*", value, re.ASCII):
        return int(value.split(".", maxsplit=1)[0])
    raise BadInput(f"a source has no whole number as `{key}`")


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
