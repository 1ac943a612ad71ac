"""Pages of a PDF of which all or a part cannot be read."""

from __future__ import annotations

import io
import logging
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

# Drawing is told in words and numbers of ASCII; other bytes stand in strings, in names and in pictures alone.
# A string need not end: else one begun at each escaped bracket would be looked for again.
_APART = re.compile(rb"\((?:\\.|[^\\()])*+\)?|/[^\s/<>\[\]()]++", re.S)
_PICTURE = re.compile(rb"\bID\s")
_NOT_DRAWING = re.compile(rb"[^\s\x00\x20-\x7e]")
# Of twenty bytes one: drawing is ASCII, what was unpacked wrongly is any bytes.
_MOST = 0.05
# Packed again in letters, for mail programs of the past; the packing itself is inside.
_IN_LETTERS = ("/ASCII85Decode", "/A85", "/ASCIIHexDecode", "/AHx")
# Forms that draw forms may go round in circles. Unpacked by the megabyte, so that no bomb fills the memory.
_MOST_FORMS, _AT_ONCE = 1_000, 1 << 20


def open_parts(data: bytes) -> Any:
    """A PDF by its parts, as pypdf reads it, which says nothing of what it has to get over.

    A damaged file can break pypdf in any way.
    """
    from pypdf import PdfReader

    # Its warnings of each fault would fill the log; what matters is found here.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    # Where nothing says where the table of contents stands, one is made anew.
    # pypdf looks for the word and gives up without it; an offset of 0 makes it search the file.
    reader = PdfReader(io.BytesIO(data if b"startxref" in data else data + b"\nstartxref\n0\n%%EOF\n"))
    if reader.is_encrypted:
        # Most encrypted files have an empty password for reading, and forbid only printing.
        reader.decrypt("")
    return reader


def find_damaged_pages(data: bytes, silent: Iterable[int]) -> tuple[list[int], list[int]]:
    """Pages, counted from 1, of which all or a part cannot be read.

    Args:
        data: The whole file.
        silent: The pages that show no text.

    Returns:
        The silent ones whose contents are missing, or are no drawing once they are unpacked; and the others of which a
        part is missing, or ends before its end.
    """
    silent = set(silent)
    lost_pages: list[int] = []
    cut_pages: list[int] = []
    # A damaged file can break pypdf in any way: nothing is known of that page, or of all that follow, then.
    # Two levels: a broken page must not hide the others.
    with suppress(Exception):
        for number, page in enumerate(open_parts(data).pages, 1):
            with suppress(Exception):
                if number in silent and _is_lost(page):
                    lost_pages.append(number)
                elif any(_is_cut(part) for part in _find_drawings(page)):
                    # A page that draws nothing readable is lost as a whole, even if only a part of it is broken.
                    (lost_pages if number in silent else cut_pages).append(number)
    return lost_pages, cut_pages


def _find_drawings(page: Any) -> Iterator[Any]:
    """What a page draws, and the forms that it may draw in turn; None for what the file does not hold."""
    yield from _contents(page)
    waiting: list[Any] = [page]
    known_ids: set[int] = set()
    while waiting and len(known_ids) < _MOST_FORMS:
        resources = waiting.pop().get("/Resources")
        forms = resources.get_object().get("/XObject") if resources is not None else None
        for form in forms.get_object().values() if forms is not None else ():
            content = form.get_object()
            # By `id`, as the same form may be drawn at several places; one that draws itself ends here.
            if content is not None and content.get("/Subtype") == "/Form" and id(content) not in known_ids:
                known_ids.add(id(content))
                waiting.append(content)
                yield content


def _contents(page: Any) -> list[Any]:
    from pypdf.generic import ArrayObject, NullObject

    contents = page.get("/Contents")
    if isinstance(contents, ArrayObject):
        return [part.get_object() for part in contents]
    return [] if contents is None or isinstance(contents, NullObject) else [contents]


def _is_cut(stream: Any) -> bool:
    """Whether what a part was packed into breaks off, or is broken in the middle."""
    from pypdf.filters import ASCII85Decode, ASCIIHexDecode
    from pypdf.generic import NullObject

    if stream is None or isinstance(stream, NullObject):
        return True
    filters = stream.get("/Filter") or ()
    names = [str(filters)] if isinstance(filters, str) else [str(name) for name in filters]
    # `_data` is the packed stream; the public way unpacks it and passes over its faults.
    data: bytes = stream._data
    if names and names[0] in _IN_LETTERS:
        decode = ASCII85Decode.decode if names.pop(0) in _IN_LETTERS[:2] else ASCIIHexDecode.decode
        data = bytes(decode(data))
    # Deflate by its own first byte: what says it is packed may not be.
    is_deflate = names[:1] in (["/FlateDecode"], ["/Fl"]) and len(data) > 2 and data[0] & 15 == 8
    return is_deflate and not _ends(data[2:])


def _ends(data: bytes) -> bool:
    """Whether its last block is there, and the sum behind it, where there is one, is that of what was packed."""
    # Without the two bytes of zlib's header, so that a stream that lacks its sum is no fault.
    unpacker, checksum = zlib.decompressobj(-15), 1
    try:
        while data and not unpacker.eof:
            checksum = zlib.adler32(unpacker.decompress(data, _AT_ONCE), checksum)
            data = unpacker.unconsumed_tail
    except zlib.error:
        return False
    trailer = unpacker.unused_data[:4]
    # Many programs leave the sum out; where it is there, it must be right.
    return unpacker.eof and (len(trailer) < 4 or int.from_bytes(trailer, "big") == checksum)


def _is_lost(page: Any) -> bool:
    from pypdf.generic import IndirectObject, NullObject

    contents = page.get("/Contents") if "/Contents" in page else None
    # An indirect object that is not there reads as nothing: the page lost its contents, it is not blank.
    pointer = page.raw_get("/Contents") if "/Contents" in page else None
    if contents is None or isinstance(contents, NullObject):
        return isinstance(pointer, IndirectObject)
    return any(_is_garbled(part) for part in _contents(page))


def _is_garbled(stream: Any) -> bool:
    if stream is None or not hasattr(stream, "get_data"):
        return True
    try:
        data: bytes = stream.get_data()
    except Exception:  # pypdf has an error of its own for each filter
        return True
    # Behind `ID` stand the bytes of a picture, up to its end.
    drawing = _APART.sub(_strip_open_string, _PICTURE.split(data, maxsplit=1)[0])
    # An empty page may have a stream that is packed and empty.
    # 16 bytes are the packing of nothing.
    nothing = not data.strip() and len(stream._data) > 16
    return nothing or len(_NOT_DRAWING.findall(drawing)) > _MOST * len(drawing)


def _strip_open_string(part: re.Match[bytes]) -> bytes:
    """What stays of a string or a name: all of a string without an end, which is no drawing."""
    return part[0] if part[0].startswith(b"(") and not part[0].endswith(b")") else b""
