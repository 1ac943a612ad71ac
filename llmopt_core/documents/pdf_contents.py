"""Pages of a PDF that show nothing because what they hold cannot be read."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterable
from typing import Any

# Drawing is told in words and numbers of ASCII; other bytes stand in strings, in names and in pictures alone.
# A string need not end: else one begun at each escaped bracket would be looked for again.
_APART = re.compile(rb"\((?:\\.|[^\\()])*+\)?|/[^\s/<>\[\]()]++", re.S)
_PICTURE = re.compile(rb"\bID\s")
_NOT_DRAWING = re.compile(rb"[^\s\x00\x20-\x7e]")
_MOST = 0.05


def lost_pages(data: bytes, numbers: Iterable[int]) -> list[int]:
    """Those of the pages, counted from 1, whose contents are missing, or are no drawing once they are unpacked."""
    numbers = list(numbers)
    if not numbers:
        return []
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        pages = PdfReader(io.BytesIO(data)).pages
        return [number for number in numbers if _is_lost(pages[number - 1])]
    except Exception:  # a damaged file can break pypdf in any way: nothing is known of its pages then
        return []


def _is_lost(page: Any) -> bool:
    from pypdf.generic import ArrayObject, IndirectObject, NullObject

    given = page.get("/Contents") if "/Contents" in page else None
    pointer = page.raw_get("/Contents") if "/Contents" in page else None
    if given is None or isinstance(given, NullObject):
        return isinstance(pointer, IndirectObject)
    parts = [part.get_object() for part in given] if isinstance(given, ArrayObject) else [given]
    return any(_is_garbled(part) for part in parts)


def _is_garbled(stream: Any) -> bool:
    if stream is None or not hasattr(stream, "get_data"):
        return True
    try:
        unpacked: bytes = stream.get_data()
    except Exception:  # pypdf has an error of its own for each filter
        return True
    drawing = _APART.sub(_unended, _PICTURE.split(unpacked, maxsplit=1)[0])
    # An empty page may have a stream that is packed and empty.
    nothing = not unpacked.strip() and len(stream._data) > 16
    return nothing or len(_NOT_DRAWING.findall(drawing)) > _MOST * len(drawing)


def _unended(part: re.Match[bytes]) -> bytes:
    """What stays of a string or a name: all of a string without an end, which is no drawing."""
    return part[0] if part[0].startswith(b"(") and not part[0].endswith(b")") else b""
