"""What people entered into a PDF: the values of its form, and text that was written onto its pages."""

from __future__ import annotations

import io
import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any

_NO_VALUES = ("Off", "")
_COMMENTS = frozenset(("/Text", "/Highlight", "/Underline", "/StrikeOut", "/Squiggly", "/Square", "/Circle", "/Line",
                       "/Polygon", "/Stamp", "/Caret", "/Ink"))  # fmt: skip


def entered_text(data: bytes, text: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """What stands in form fields and free text notes of each page and not in its text, as `field: value` lines.

    Args:
        data: The whole file.
        text: Of each page, so that what it holds already is not given twice.

    Returns:
        The lines of each page, and a warning where they cannot be read or comments were left out.
    """
    if b"/Annot" not in data and b"/ObjStm" not in data:
        return [""] * len(text), ()
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    lines = [""] * len(text)
    found_beside: Counter[str] = Counter()
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted:
            reader.decrypt("")
        for number, page in enumerate(reader.pages):
            notes = [annotation.get_object() for annotation in page.get("/Annots") or ()]
            found_beside += _beside(notes, text[number])
            found = dict.fromkeys(line for note in notes for line in _note_lines(note))
            lines[number] = "\n".join(line for line in found if _value(line) not in text[number])
    except Exception as error:  # a damaged form can break pypdf in any way
        return lines, (f"Form values were not read ({type(error).__name__}).",)
    told = (f"{count:,} {_BESIDE[kind][count > 1]} left out." for kind, count in found_beside.items())
    return lines, tuple(told)


def _beside(notes: list[Any], text: str) -> Counter[str]:
    """What hangs on a page: comments, files, and addresses of links that do not stand in its text."""
    counts: Counter[str] = Counter()
    for note in notes:
        kind, action = note.get("/Subtype"), note.get("/A")
        counts["comments"] += kind in _COMMENTS and bool(str(note.get("/Contents") or "").strip())
        counts["files"] += kind == "/FileAttachment"
        address = str(action.get_object().get("/URI", "")) if kind == "/Link" and action is not None else ""
        counts["links"] += bool(address) and address.removeprefix("mailto:").rstrip("/") not in text
    return +counts


_BESIDE = {
    "comments": ("comment was", "comments were"),
    "files": ("file attached to a page was", "files attached to pages were"),
    "links": ("address of a link was", "addresses of links were"),
}


def _value(line: str) -> str:
    return line.split(": ", 1)[-1]


def _note_lines(note: Any) -> Iterator[str]:
    if note.get("/Subtype") == "/FreeText" and str(note.get("/Contents", "")).strip():
        yield str(note["/Contents"]).strip()
    if note.get("/Subtype") != "/Widget":
        return
    kind, value = _inherit(note, "/FT"), _inherit(note, "/V")
    # A picture of a signature, and a password, are no text.
    if (
        kind not in ("/Tx", "/Ch", "/Btn")
        or value is None
        or (int(_inherit(note, "/Ff") or 0) & 1 << 13 and kind == "/Tx")
    ):
        return
    values = value if isinstance(value, list) else [value]
    words = ", ".join(str(item).lstrip("/") if kind == "/Btn" else str(item) for item in values).strip()
    if words not in _NO_VALUES:
        yield f"{_name(note)}: {words}"


def _inherit(field: Any, key: str) -> Any:
    for _ in range(32):
        if key in field:
            return field[key]
        if "/Parent" not in field:
            return None
        field = field["/Parent"].get_object()
    return None


def _name(field: Any) -> str:
    """What the form calls the field to its reader, else its name."""
    return str(_inherit(field, "/TU") or _inherit(field, "/T") or "field").strip()
