"""The main text of a web page, without its menus, headers and footers, by what the page itself says of its parts."""

from __future__ import annotations

from typing import Any

# Landmarks of ARIA around a main text.
_AROUND = frozenset(("navigation", "banner", "contentinfo", "complementary", "search"))
# A header in an article is its title and author, not the page's.
_WITHIN = frozenset(("main", "article", "section"))
# A word of each: `cookie` and `banner`; an article about cookies has the first alone.
_CONSENT = (("cookie", "gdpr", "consent"), ("banner", "notice", "popup", "modal", "overlay", "dialog", "cookieconsent"))


def keep_main(root: Any) -> int:
    """Take what surrounds the main text out of a page, and say how many words that were.

    Where the page has one `main` with text, all else goes. Otherwise navigation goes, and headers, footers and asides
    that belong to no article, and requests to accept cookies. A page without any other text is left as it is.
    """
    before = _words(root)
    elements = [e for e in root.iter() if isinstance(e.tag, str) and (e.tag == "main" or e.get("role") == "main")]
    # Of nested ones the outer; a hidden one is for another state of the page.
    elements = [e for e in elements if not any(a in elements for a in e.iterancestors()) and "hidden" not in e.attrib]
    body = root.find("body")
    # Two of them, or one without text: the page's own word is not to be trusted.
    if len(elements) == 1 and body is not None and elements[0] is not body and _words(elements[0]):
        main = elements[0]
        # Text behind the main part is around it.
        main.tail = None
        body.text = None
        body[:] = [main]
        return before - _words(root)
    parts = [e for e in root.iter() if isinstance(e.tag, str) and e.tag not in ("html", "body") and _is_around(e)]
    # Of nested parts the outer, or words would be counted twice.
    parts = [e for e in parts if not any(a in parts for a in e.iterancestors())]
    word_count = sum(_words(part) for part in parts)
    # All is around: it is a page of links, and there is nothing else to read.
    if word_count == before:
        return 0
    for part in parts:
        part.drop_tree()  # the text behind it stays
    return word_count


def _is_around(element: Any) -> bool:
    tag, role = element.tag, element.get("role", "")
    if tag == "nav" or role in _AROUND:
        return True
    # A role of its own says what a header is for; it decides above.
    if tag in ("header", "footer", "aside") and not role:
        return not any(above.tag in _WITHIN or above.get("role") == "main" for above in element.iterancestors())
    identifiers = f"{element.get('id', '')} {element.get('class', '')}".lower()
    return all(any(word in identifiers for word in words) for words in _CONSENT)


def _words(element: Any) -> int:
    # Not seen, and no words of a menu.
    invisible_tags = ("script", "style", "title", "noscript", "template")
    texts = ((e.text or "") if e.tag not in invisible_tags and isinstance(e.tag, str) else "" for e in element.iter())
    tails = ((e.tail or "") for e in element.iter() if e is not element)
    return sum(len(text.split()) for text in texts) + sum(len(text.split()) for text in tails)
