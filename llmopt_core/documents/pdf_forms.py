"""What people entered into a PDF: the values of its form, and text that was written onto its pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from llmopt_core.documents.package import descendants, local, parse_xml
from llmopt_core.documents.pdf_contents import open_parts
from llmopt_core.text.whole_words import whole_word_places

# Unticked boxes and empty fields.
_NO_VALUES = ("Off", "")
# Levels of fields, of which real forms have three or four; a damaged one can point at its own parent.
_DEEPEST = 32
_COMMENTS = frozenset(("/Text", "/Highlight", "/Underline", "/StrikeOut", "/Squiggly", "/Square", "/Circle", "/Line",
                       "/Polygon", "/Stamp", "/Caret", "/Ink"))  # fmt: skip

# Characters: a shorter value stands on a page by accident, and given twice it does no harm.
_TELLING = 4


class _Entry(NamedTuple):
    """What somebody entered: the line that is given for it, and the value alone."""

    line: str
    value: str


def read_form_text(data: bytes, text: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """What stands in form fields and free text notes of each page and not in its text, as `field: value` lines.

    Args:
        data: The whole file.
        text: Of each page, so that what it holds already is not given twice.

    Returns:
        The lines of each page, and a warning where they cannot be read or comments were left out.
    """
    # pypdf is slow on a large file, and most have neither notes nor a form.
    if not any(mark in data for mark in (b"/Annot", b"/AcroForm", b"/ObjStm")):
        return [""] * len(text), ()
    lines = [""] * len(text)
    beside_counts: Counter[str] = Counter()
    drawn_notes: list[Any] = []
    try:
        reader = open_parts(data)
        for number, page in enumerate(reader.pages):
            notes = [annotation.get_object() for annotation in page.get("/Annots") or ()]
            beside_counts += _beside(notes, text[number])
            # Each once: a field may be drawn at several places of a page.
            entries = dict.fromkeys(entry for note in notes for entry in _note_entries(note))
            # What a viewer has drawn into the page already stands in its text.
            lines[number] = "\n".join(entry.line for entry in entries if not _stands_in(entry.value, text[number]))
            drawn_notes += notes
        form = reader.trailer["/Root"].get_object().get("/AcroForm")
        # On the last page, as it stands on none.
        lines[-1] = "\n".join(
            filter(None, (lines[-1], *_apart_from_pages(form, drawn_notes, "\n".join((*text, *lines)))))
        )
    except Exception as error:  # a damaged form can break pypdf in any way
        return lines, (f"Form values were not read ({type(error).__name__}).",)
    warnings = (f"{count:,} {_BESIDE[kind][count > 1]} left out." for kind, count in beside_counts.items())
    return lines, tuple(warnings)


def _apart_from_pages(form: Any, notes: list[Any], text: str) -> list[str]:
    """Values of fields that stand on no page, and of a form that is kept as XML (XFA)."""
    if form is None:
        return []
    form = form.get_object()
    # By identity: pypdf gives the same object for the same reference.
    on_pages = {id(note) for note in notes}
    entries = [entry for field in form.get("/Fields") or () for entry in _field_entries(field.get_object(), on_pages)]
    # Most such forms keep each value a second time as an ordinary field, by another name.
    known_values = {entry.value for note in notes for entry in _note_entries(note)} | {entry.value for entry in entries}
    parts = form.get("/XFA") or []
    # Names and packets by turns, or one packet alone.
    for part in parts if isinstance(parts, list) else [parts]:
        packet = part.get_object()
        if hasattr(packet, "get_data"):
            entries += [entry for entry in _xml_entries(packet.get_data()) if entry.value not in known_values]
    return [entry.line for entry in dict.fromkeys(entries) if not _stands_in(entry.value, text)]


def _field_entries(field: Any, on_pages: Collection[int], depth: int = 0) -> Iterator[_Entry]:
    children = [child.get_object() for child in field.get("/Kids") or ()] if depth < _DEEPEST else []
    if id(field) in on_pages:
        return
    # A field that is drawn by what is below it.
    if not any(id(child) in on_pages for child in children):
        yield from _value_entry(field)
    for child in children:
        yield from _field_entries(child, on_pages, depth + 1)


def _xml_entries(packet: bytes) -> Iterator[_Entry]:
    """The values in the packet that holds the data; other packets say how the form looks."""
    root, _ = parse_xml(packet)
    for data in descendants(root, "datasets") if root is not None else ():
        for item in data.iter():
            # Only leaves: an element around others has no value of its own.
            if local(item) and not len(item) and (item.text or "").strip():
                yield _Entry(f"{local(item)}: {item.text.strip()}", item.text.strip())


def _beside(notes: list[Any], text: str) -> Counter[str]:
    """What hangs on a page: comments, files, and addresses of links that do not stand in its text."""
    counts: Counter[str] = Counter()
    for note in notes:
        kind, action = note.get("/Subtype"), note.get("/A")
        words = str(note.get("/Contents") or "").strip()
        # Popups and links have contents too, but nobody wrote a comment there.
        counts["comments"] += kind in _COMMENTS and bool(words)
        counts["stamps"] += kind == "/Stamp" and not words
        counts["files"] += kind == "/FileAttachment"
        address = str(action.get_object().get("/URI", "")) if kind == "/Link" and action is not None else ""
        # `mailto:` and a slash at the end are not printed with an address.
        counts["links"] += bool(address) and address.removeprefix("mailto:").rstrip("/") not in text
    return +counts  # unary plus drops what was not met


_BESIDE = {
    "stamps": ("stamp was", "stamps were"),
    "comments": ("comment was", "comments were"),
    "files": ("file attached to a page was", "files attached to pages were"),
    "links": ("address of a link was", "addresses of links were"),
}


def _stands_in(value: str, text: str) -> bool:
    """Whether a text holds a value by no accident: as whole words, and not as a `5` of something else."""
    return len(value) >= _TELLING and next(whole_word_places(value, text), None) is not None


def _note_entries(note: Any) -> Iterator[_Entry]:
    if note.get("/Subtype") == "/FreeText" and (words := str(note.get("/Contents", "")).strip()):
        yield _Entry(words, words)
    if note.get("/Subtype") == "/Widget":
        yield from _value_entry(note)


def _value_entry(field: Any) -> Iterator[_Entry]:
    kind, value = _inherit(field, "/FT"), _inherit(field, "/V")
    # A picture of a signature, and a password, are no text.
    if (
        kind not in ("/Tx", "/Ch", "/Btn")
        or value is None
        # Bit 14 of the flags: a password.
        or (int(_inherit(field, "/Ff") or 0) & 1 << 13 and kind == "/Tx")
    ):
        return
    # A list with several choices.
    values = value if isinstance(value, list) else [value]
    labels = _read_choices(field) if kind == "/Ch" else {}
    words = ", ".join(
        # Names of PDF begin with a slash: `/Yes`.
        str(item).lstrip("/") if kind == "/Btn" else labels.get(str(item), str(item))
        for item in values
    ).strip()
    if words not in _NO_VALUES:
        yield _Entry(f"{_name(field)}: {words}", words)


def _read_choices(field: Any) -> dict[str, str]:
    """What a list shows, where it keeps something shorter."""
    pairs = [option.get_object() for option in _inherit(field, "/Opt") or ()]
    return {str(pair[0]): str(pair[1]) for pair in pairs if isinstance(pair, list) and len(pair) == 2}


def _inherit(field: Any, key: str) -> Any:
    # Not `while`: parents of a damaged file may go round.
    for _ in range(_DEEPEST):
        if key in field:
            return field[key]
        if "/Parent" not in field:
            return None
        field = field["/Parent"].get_object()
    return None


def _name(field: Any) -> str:
    """What the form calls the field to its reader, else its name."""
    return str(_inherit(field, "/TU") or _inherit(field, "/T") or "field").strip()
