"""Pieces of Office files as they are found in their XML: texts, boxes, and what is written twice for old readers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llmopt_core.documents.package import attribute, child, descendants, local
from llmopt_core.documents.word_symbols import symbol_character


def readable(item: Any) -> str:
    """The words of a piece of text; letters of a font of pictures by what they show."""
    text: str = item.text or ""
    # Codes of fonts of pictures (Symbol, Wingdings) lie in Unicode's private area.
    if not any("\uf000" <= letter <= "\uf0ff" for letter in text):
        return text
    font = attribute(child(child(item.getparent(), "rPr"), "rFonts"), "ascii")
    return "".join(symbol_character(font, ord(letter)) or letter for letter in text)


def texts(element: Any) -> Iterator[Any]:
    """Pieces of text, those of alternatives that are not chosen left out."""
    # A stack, not recursion: a damaged file may be nested by the thousand. Order does not matter to who asks.
    waiting = [element]
    while waiting:
        item = waiting.pop()
        tag = local(item)
        if tag == "t":
            yield item
        elif tag not in ("rt", "pPr"):
            # How Japanese is pronounced, and settings, are no text.
            waiting += choice(item) if tag == "AlternateContent" else item


def drawing_lines(element: Any) -> list[str]:
    """The lines of a drawing's text, without empty ones."""
    lines = ("".join(t.text or "" for t in descendants(p, "t")).strip() for p in descendants(element, "p"))
    return list(filter(None, lines))


def outermost(element: Any, tag: str) -> Iterator[Any]:
    """Elements of this tag that are inside no other; of alternatives only the first."""
    for item in element:
        if local(item) == tag:
            yield item
        else:
            yield from outermost(choice(item) if local(item) == "AlternateContent" else item, tag)


def choice(alternatives: Any) -> Any:
    """What stands for all readers: the first of the alternatives that is not empty."""
    option = child(alternatives, "Choice")
    # Word writes what old readers cannot show twice: in a new form, and as a picture or a box for them.
    return option if option is not None and len(option) else child(alternatives, "Fallback") or []
