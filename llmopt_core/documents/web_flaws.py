"""Pages that break off or hold more than one: what a parser would pass over without a word."""

from __future__ import annotations

import re
from html import escape

# Browsers show what stands behind the end of a page; libxml2 drops it.
_ENDS = re.compile(r"</(?:body|html)\s*>", re.IGNORECASE)
# An XML declaration, or the namespace of XHTML, after at most a few characters such as a byte order mark.
_XML = re.compile(r"\s*<\?xml\b|[^<]{0,9}<html[^>]+xmlns\s*=", re.IGNORECASE)
_HOLDERS = re.compile("<!--|<script|<style")
_KINDS = {"<!--": ("comment", "-->"), "<script": ("script", "</script"), "<style": ("style", "</style")}
# So few words behind a comment that never ends are not worth a warning.
_FEW_WORDS = 5


def as_one_page(text: str) -> str:
    """The page with what stands behind its end in it, and with the words of CDATA where the page is XML."""
    # Only in XML is CDATA text; in HTML browsers take it for a comment.
    if _XML.match(text):
        before, *parts = text.split("<![CDATA[")
        text = before + "".join(map(_without_end, parts))
    # Every end is taken away, so that the last part belongs to the page too.
    return _ENDS.sub("", text)


def _without_end(part: str) -> str:
    words, end, rest = part.partition("]]>")
    # Escaped: in CDATA `<` and `&` are letters.
    return escape(words) + rest if end else part


def find_unclosed_words(text: str) -> list[str]:
    """What is left out because a comment, a script or a style never ends."""
    lower = text.lower()
    at = 0
    while (begin := _HOLDERS.search(lower, at)) is not None:
        kind, end = _KINDS[begin[0]]
        # `<!-->` is a whole comment.
        at = lower.find(end, begin.start() + 2) + len(end)
        # `find` gives -1 for none.
        if at < len(end):
            words = len(text[begin.start() :].split())
            return [f"{words:,} words behind a {kind} that never ends"] if words > _FEW_WORDS else []
    return []
