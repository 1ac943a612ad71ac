"""HTML -> text with Markdown headings."""

from __future__ import annotations

import re
from typing import Any

from llmopt_core.documents.encoding import decode
from llmopt_core.documents.text import Extracted, normalise, normalise_file
from llmopt_core.errors import BadInput

_LEFT_OUT_TAGS = (
    "script style template noscript svg math iframe object embed head select button input textarea canvas audio video "
    "map"
)
_BLOCK_TAGS = (
    "address article aside blockquote body caption dd details dialog div dl dt fieldset figcaption figure footer form "
    "header hr html legend li main nav ol p pre section summary table tbody tfoot thead tr ul h1 h2 h3 h4 h5 h6"
)
_LEFT_OUT = frozenset(_LEFT_OUT_TAGS.split())
_BLOCKS = frozenset(_BLOCK_TAGS.split())
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_TABLE_PARTS = ("table", "thead", "tbody", "tfoot", "tr")
_LINES = ("li", "tr", "dd", "dt", "br")
_MARKERS = ("- ", *("#" * level + " " for level in range(1, 7)))
_SPACE = re.compile(r"[ \t\n\f]+")
_BLANK_LINES = re.compile(r"\n{3,}")


def read_html(name: str, data: bytes, encoding: str = "") -> Extracted:
    """What a reader of the page sees: `h1` to `h6` as `#` lines, list items as `- `, table rows with bars.

    Scripts, styles, forms and pictures are left out. The page's title becomes a heading where there is no `h1`.

    Raises:
        BadInput: Not text.
    """
    text, warnings = decode(data, name, encoding, page=True)
    text, more = normalise_file(text, name)
    return Extracted(normalise(_render(text, name)), (), warnings + more)


def _render(text: str, name: str) -> str:
    from lxml import etree, html

    if not text.strip():
        return ""
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        root = html.document_fromstring(text.encode("utf-8"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        return ""
    except (ValueError, AssertionError) as error:
        raise BadInput(f"{name} cannot be read as HTML ({error}).") from error
    _check_whole(parser.error_log, name)
    writer = _Writer()
    writer.walk(root)
    body = _BLANK_LINES.sub("\n\n", "".join(writer.parts)).strip()
    title = " ".join((root.findtext(".//title") or "").split())
    has_heading = re.search(r"^# ", body, re.MULTILINE)
    return f"# {title}\n\n{body}" if title and body and not has_heading else body


def _check_whole(errors: Any, name: str) -> None:
    """Where it reaches a limit of its own, the parser keeps what it has and only notes that it stopped."""
    from lxml import etree

    kinds = {entry.type for entry in errors}
    if etree.ErrorTypes.ERR_NO_MEMORY in kinds:
        raise MemoryError
    if etree.ErrorTypes.ERR_RESOURCE_LIMIT in kinds:
        raise BadInput(
            f"{name} is nested too deeply, or has a name or text too long to be HTML: save it as plain text."
        )


class _Writer:
    """Collects the text of a tree without recursion, so that deep nesting is safe."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._preformatted = 0
        self._cells = 0

    def walk(self, root: Any) -> None:
        from lxml import etree

        walker = etree.iterwalk(root, events=("start", "end"))
        for event, element in walker:
            if event == "start":
                if self._left_out(element):
                    walker.skip_subtree()
                else:
                    self._open(element)
            else:
                if not self._left_out(element):
                    self._close(element)
                self._text(element.tail)

    @staticmethod
    def _left_out(element: Any) -> bool:
        return element.tag in _LEFT_OUT or not isinstance(element.tag, str) or "hidden" in element.attrib

    def _open(self, element: Any) -> None:
        tag = element.tag
        if tag in ("td", "th"):
            self._cells += 1
            if self._cells > 1 and self.parts:
                self.parts[-1] = self.parts[-1].rstrip(" ")
                self.parts.append(" | ")
        elif tag == "br" or tag in _BLOCKS:
            self._border(tag)
        if tag == "tr":
            self._cells = 0
        elif tag == "li":
            self.parts.append("- ")
        elif tag in _HEADINGS:
            self.parts.append("#" * int(tag[1]) + " ")
        self._preformatted += tag == "pre"
        self._text(element.text)

    def _close(self, element: Any) -> None:
        tag = element.tag
        self._preformatted -= tag == "pre"
        if tag in _BLOCKS:
            self._border(tag)
        if tag in ("table", "tr"):
            self._cells = 0

    def _text(self, text: str | None) -> None:
        if not text:
            return
        if not self._preformatted:
            text = _SPACE.sub(" ", text)
            if not self.parts or self.parts[-1].endswith(("\n", " ")):
                text = text.lstrip(" ")
        if text:
            self.parts.append(text)

    def _border(self, tag: str) -> None:
        """A paragraph ends or begins: a blank line, in lists and rows a new line, inside a table cell a space."""
        if self._cells and tag not in _TABLE_PARTS:
            self._text(" ")
        elif self.parts and self.parts[-1] not in _MARKERS:
            self._break(1 if tag in _LINES else 2)

    def _break(self, lines: int) -> None:
        while self.parts and not self.parts[-1].strip(" "):
            self.parts.pop()
        if self.parts:
            last = self.parts[-1] = self.parts[-1].rstrip(" ")
            missing = lines - (len(last) - len(last.rstrip("\n")))
            if missing > 0:
                self.parts.append("\n" * missing)
