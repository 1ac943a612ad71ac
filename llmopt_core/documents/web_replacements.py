"""What a page shows by other means than text -> text at its place, and a count of what has none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from llmopt_core.documents.web_math import formula

# A longer list, such as all countries, says nothing of the page.
_MOST_OPTIONS = 20
_BUTTONS = ("submit", "button", "reset")
# Fields whose value is a setting of the page, and nothing that was entered.
_DEFAULT_INPUTS = ("hidden", "password", "checkbox", "radio", "file", "color", "range", "image", *_BUTTONS)
_PICTURE_FILES = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".bmp", ".tif", ".tiff", ".ico", ".emf", ".wmf")
# Pages within pages (`srcdoc`) may nest without end.
_DEEPEST_PAGE = 3
_SENTENCES = {
    "pages": ("embedded page or file", "embedded pages or files"),
    "recordings": ("recording", "recordings"),
    "fields": ("form field with a value", "form fields with a value"),
    "lists": ("long list to choose from", "long lists to choose from"),
    "scripts": ("part for browsers without scripts", "parts for browsers without scripts"),
    "templates": ("template with text", "templates with text"),
    "drawings": ("canvas", "canvases"),
    "pictures": ("picture without a description", "pictures without a description"),
}


def replace_with_text(root: Any) -> Counter[str]:
    """Put texts where pictures, formulas, fields and embedded pages stand.

    Taken are descriptions of pictures, words in SVG, MathML and TeX, options of short lists, buttons, text areas,
    `srcdoc` of frames, and mail addresses and telephone numbers behind links. What has no text is counted.
    """
    counts: Counter[str] = Counter()
    # A list, as the tree is changed on the way.
    for element in list(root.iter(*_REPLACEMENTS)):
        # What was inside something that is replaced has gone with it.
        if any(above is root for above in element.iterancestors()):
            _REPLACEMENTS[element.tag](element, counts)
    return counts


def omission_words(counts: Mapping[str, int]) -> list[str]:
    """The counts in words, such as `2 recordings`."""
    return [f"{count:,} {_SENTENCES[kind][count > 1]}" for kind, count in counts.items() if count]


def describe_picture(text: str | None) -> str:
    """A picture by its description; empty where that is none, or only the name of a file."""
    words = " ".join((text or "").split())
    # `IMG_1234.jpg` as a description says nothing.
    is_file = " " not in words and words.lower().endswith(_PICTURE_FILES)
    return "" if not words or is_file else f"[Image: {words}]"


def _become(element: Any, text: str, tag: str = "span") -> None:
    tail = element.tail
    # `clear` takes the text behind an element with it, which belongs to the page.
    element.clear()
    # Spaces around, or the words would run into those beside them.
    element.tag, element.text, element.tail = tag, f" {text} " if text else None, tail


def _picture(element: Any, counts: Counter[str]) -> None:
    # An empty description says that there is nothing to describe.
    counts["pictures"] += "alt" not in element.attrib and "src" in element.attrib
    # What is hidden from screen readers is decoration.
    is_visible = element.get("aria-hidden") != "true" and element.get("role") not in ("presentation", "none")
    _become(element, describe_picture(element.get("alt")) if is_visible else "")


def _drawing(element: Any, counts: Counter[str]) -> None:
    if element.get("aria-hidden") == "true":
        return _become(element, "")
    title = describe_picture(element.findtext("title") or element.get("aria-label"))
    words = [
        " ".join("".join(text.itertext()).split()) for text in element.iter("text", "foreignobject", "foreignObject")
    ]
    # Words in a drawing are labels, a line of their own; a symbol stands in its line.
    return _become(element, "; ".join(filter(None, [title, *words])), "div" if any(words) else "span")


def _tex(element: Any, counts: Counter[str]) -> None:
    """A formula for MathJax, where the page does not hold it drawn, too."""
    before = element.getprevious()
    # MathJax leaves its drawing before the source: then the formula is there already.
    drawing = before is not None and (before.get("class") or "").startswith("MathJax") and before.text_content().strip()
    if element.get("type", "").lower().startswith("math/tex") and not drawing:
        _become(element, " ".join((element.text or "").split()))


def _drop_twin_formula(element: Any, counts: Counter[str]) -> None:
    """KaTeX draws a formula beside the one that says what it is."""
    before = element.getprevious()
    if element.get("class") == "katex-html" and before is not None and before.get("class") == "katex-mathml":
        _become(element, "")


def _choice(element: Any, counts: Counter[str]) -> None:
    options = [" ".join("".join(one.itertext()).split()) for one in element.iter("option")]
    # Empty ones ask to choose.
    options = [option for option in options if option]
    counts["lists"] += len(options) > _MOST_OPTIONS
    # An empty text where there are too many: the list was counted.
    _become(element, ", ".join(options) if len(options) <= _MOST_OPTIONS else "")


def _input(element: Any, counts: Counter[str]) -> None:
    kind, value = element.get("type", "text").lower(), " ".join(element.get("value", "").split())
    counts["fields"] += bool(value) and kind not in _DEFAULT_INPUTS
    # Buttons are read, values of other fields are not: they may be somebody's.
    _become(element, value if kind in _BUTTONS else describe_picture(element.get("alt")) if kind == "image" else "")


def _frame(element: Any, counts: Counter[str]) -> None:
    from lxml import etree, html

    page = element.get("srcdoc", "")
    depth = sum(one.get("data-depth") is not None for one in element.iterancestors("div"))
    # Inside three others: the count of marked parts above.
    if not page.strip() or depth >= _DEEPEST_PAGE:
        # A frame without an address and without a page shows nothing.
        counts["pages"] += bool(element.get("src") or page.strip())
        return _become(element, "")
    try:
        body = html.document_fromstring(page).find("body")
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        # What cannot be parsed shows nothing either.
        body = None
    _become(element, "", "div")
    if body is not None:
        element.set("data-depth", "1")
        element.extend(list(body))
        element.text = body.text
        # Inside it too, since the page in it was not there when elements were listed.
        counts += replace_with_text(element)
    return None


def _counter(kind: str, *, texts_only: bool = False) -> Callable[[Any, Counter[str]], None]:
    def count(element: Any, counts: Counter[str]) -> None:
        # A template that a browser unfolds in place is read.
        if element.tag == "template" and "shadowrootmode" in element.attrib:
            return
        counts[kind] += not texts_only or any(text.strip() for text in element.itertext())
        _become(element, "")

    return count


def _link(element: Any, counts: Counter[str]) -> None:
    # `mailto:a@b.org?subject=...`: what is behind the question mark is for the mail program.
    kind, _, rest = element.get("href", "").partition(":")
    address = unquote(rest.split("?")[0]).strip()
    if kind.lower() not in ("mailto", "tel") or not address:
        return
    text = "".join(element.itertext())
    # Numbers are written with spaces, brackets and dashes: compared without them.
    if re.sub(r"[\s()/.-]", "", address) not in re.sub(r"[\s()/.-]", "", text):
        addition = element.makeelement("span")
        addition.text = f" ({address})"
        element.append(addition)


_REPLACEMENTS: Mapping[str, Callable[[Any, Counter[str]], None]] = {
    "img": _picture,
    "image": _picture,
    "script": _tex,
    "span": _drop_twin_formula,
    "area": _picture,
    "svg": _drawing,
    "math": lambda element, _: _become(element, formula(element)),
    "select": _choice,
    "input": _input,
    "textarea": lambda element, _: _become(element, "".join(element.itertext()), "div"),
    "iframe": _frame,
    "a": _link,
    "frame": _counter("pages"),
    "object": _counter("pages"),
    "embed": _counter("pages"),
    "audio": _counter("recordings"),
    "video": _counter("recordings"),
    "canvas": _counter("drawings"),
    "noscript": _counter("scripts", texts_only=True),
    "template": _counter("templates", texts_only=True),
}
