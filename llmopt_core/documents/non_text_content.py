"""What an Office file holds beside its text: pictures, embedded files, recordings, addresses of links."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from llmopt_core.documents.package import Package, attribute, local
from llmopt_core.documents.web_replacements import describe_picture

_SENTENCES = {
    "pictures": ("picture without a description", "pictures without a description"),
    "charts": ("chart that cannot be read", "charts that cannot be read"),
    "embedded": ("embedded file", "embedded files"),
    "recordings": ("recording", "recordings"),
    "links": ("address of a link", "addresses of links"),
}
# By the last word of a relationship's type; objects of OLE and whole Office files are both embedded.
_KINDS = {"oleObject": "embedded", "package": "embedded", "audio": "recordings", "video": "recordings"}
# What Office adds below a description that it wrote itself, in two generations.
_GENERATED_NOTE = re.compile(r"(?:Description automatically generated|AI-generated content may be incorrect\.?)")


def count_parts(package: Package, parts: Iterable[str]) -> Counter[str]:
    """Embedded files, recordings and links to elsewhere of these parts."""
    counts: Counter[str] = Counter()
    for part in parts:
        for relation in package.relations(part).values():
            # Other kinds are counted under the empty name, and forgotten below.
            counts[_KINDS.get(relation.kind, "")] += 1
        counts["links"] += len(package.addresses(part))
    del counts[""]
    return counts


def describe_omissions(counts: Mapping[str, int]) -> Iterator[str]:
    """The counts in words, such as `2 embedded files`."""
    for kind, (singular, plural) in _SENTENCES.items():
        if counts.get(kind):
            yield f"{counts[kind]:,} {singular if counts[kind] == 1 else plural}"


def picture_texts(element: Any) -> list[str]:
    """The descriptions of a drawing and its parts by its author, each once; of none only its title."""
    # In drawings of today, of slides and sheets, and in the older VML.
    items = [item for item in element.iter() if local(item) in ("docPr", "cNvPr", "shape")]
    names = (
        # A title is often `Picture 3`; it counts only where nobody described anything.
        ("descr", "alt") if any(attribute(item, name) for item in items for name in ("descr", "alt")) else ("title",)
    )
    descriptions = (_GENERATED_NOTE.sub("", attribute(item, name)) for item in items for name in names)
    return list(dict.fromkeys(filter(None, map(describe_picture, descriptions))))


def has_picture(element: Any) -> bool:
    """Whether a drawing shows a picture, not the preview of an embedded file."""
    # The picture of an embedded file shows its first page, and is counted as that file.
    if any(local(item) in ("OLEObject", "oleObj") for item in element.iter()):
        return False
    return any(local(item) in ("blip", "imagedata") for item in element.iter())
