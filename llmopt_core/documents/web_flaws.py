"""Pages that break off or hold more than one: what a parser would pass over without a word."""

from __future__ import annotations

import re
from html import escape

_ENDS = re.compile(r"</(?:body|html)\s*>", re.IGNORECASE)
_XML = re.compile(r"\s*<\?xml\b|[^<]{0,9}<html[^>]+xmlns\s*=", re.IGNORECASE)
_HOLDERS = re.compile("<!--|<script|<style")
_KINDS = {"<!--": ("comment", "-->"), "<script": ("script", "</script"), "<style": ("style", "</style")}
_FEW_WORDS = 5


def as_one_page(text: str) -> str:
    """The page with what stands behind its end in it, and with the words of CDATA where the page is XML."""
    if _XML.match(text):
        before, *parts = text.split("<![CDATA[")
        text = before + "".join(map(_without_end, parts))
    return _ENDS.sub("", text)


def _without_end(part: str) -> str:
    words, end, rest = part.partition("]]>")
    return escape(words) + rest if end else part


def unclosed_words(text: str) -> list[str]:
    """What is left out because a comment, a script or a style never ends."""
    lower = text.lower()
    at = 0
    while (begin := _HOLDERS.search(lower, at)) is not None:
        kind, end = _KINDS[begin[0]]
        # `<!-->` is a whole comment.
        at = lower.find(end, begin.start() + 2) + len(end)
        if at < len(end):
            words = len(text[begin.start() :].split())
            return [f"{words:,} words behind a {kind} that never ends"] if words > _FEW_WORDS else []
    return []
