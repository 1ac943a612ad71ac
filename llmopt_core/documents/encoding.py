"""Bytes of a text file -> text, whatever the encoding."""

from __future__ import annotations

import codecs
import re

from llmopt_core.errors import BadInput

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Named one by one: over all its encodings the detector takes French and German for Central European ones.
_PAGES = ["gb18030", "big5", "shift_jis", "euc_jp", "euc_kr", "cp1252", "cp1251", "koi8_r"]
_SAMPLE = 256 * 1024
# All but NUL, which is counted on its own, tab, line and page breaks, and escape.
_CONTROLS = re.compile(r"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ufffd]")
_TITLES = {"cp1252": "Latin-1 (Windows-1252)", "latin-1": "Latin-1", "gb18030": "GB18030"}
_MAGIC = ((b"%PDF-", "a PDF"), (b"PK\x03\x04", "a zip or Office file"), (b"\xd0\xcf\x11\xe0", "an old Office file"))
_IMAGE = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x7fELF", b"\x1f\x8b")


def decode(data: bytes, name: str) -> tuple[str, tuple[str, ...]]:
    """The text of a file and warnings about how it was read.

    A byte order mark decides; then UTF-8, UTF-16 without a mark, and at last detection among GB18030, Big5, Shift-JIS,
    EUC, Windows and KOI8 pages on the first 256 KiB. Equal bytes always give an equal text.

    Raises:
        BadInput: The bytes are not text.
    """
    _refuse_binary(data, name)
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _with_mark(data[len(mark) :], encoding, name)
    wide = _utf16_without_mark(data)
    if wide:
        return _guessed(*_with_mark(data, wide, name), name)
    try:
        return data.decode("utf-8"), ()
    except UnicodeDecodeError:
        wide = _utf16_of_cjk(data)
        return _guessed(*(_with_mark(data, wide, name) if wide else _damaged_utf8(data) or _other(data)), name)


def _refuse_binary(data: bytes, name: str) -> None:
    for start, kind in _MAGIC:
        if data.startswith(start):
            raise BadInput(f"{name} is {kind} by its content, not text: give it the right file ending.")
    if data.startswith(_IMAGE):
        raise BadInput(f"{name} is not text but a picture, program or archive: upload a document instead.")


def _guessed(text: str, warnings: tuple[str, ...], name: str) -> tuple[str, tuple[str, ...]]:
    """Refuse what some encoding gives a meaning to, as Latin-1 does to any bytes, but what nobody wrote."""
    if len(_CONTROLS.findall(text)) > len(text) // 20:
        raise BadInput(f"{name} is not text: it holds what no text encoding explains; save it as UTF-8 text.")
    return text, warnings


def _with_mark(data: bytes, encoding: str, name: str) -> tuple[str, tuple[str, ...]]:
    try:
        return data.decode(encoding), ()
    except UnicodeDecodeError:
        text = data.decode(encoding, "replace")
    damaged = text.count("\ufffd")
    if damaged > max(4, len(text) // 50):
        raise BadInput(f"{name} looks like {encoding.upper()} text but is not: save it again as UTF-8.")
    return text, (_damage(damaged, encoding.upper()),)


def _utf16_without_mark(data: bytes) -> str:
    """The byte order, where every second byte is mostly NUL, as in Latin script; else empty."""
    sample = data[: _SAMPLE & ~1]
    if len(sample) < 4 or b"\0" not in sample:
        return ""
    half = len(sample) // 2
    high_first, low_first = sample[0::2].count(0), sample[1::2].count(0)
    if low_first > 0.3 * half and high_first < 0.05 * half:
        return "utf-16-le"
    if high_first > 0.3 * half and low_first < 0.05 * half:
        return "utf-16-be"
    return ""


def _utf16_of_cjk(data: bytes) -> str:
    """The byte order in which the pairs read as CJK; else empty. Plain ASCII would too: ask only for other bytes."""
    sample = data[: _SAMPLE & ~1]
    if b"\0" not in sample:
        return ""
    for order in ("utf-16-le", "utf-16-be"):
        text = sample.decode(order, "replace")
        if "\ufffd" not in text[:-1] and sum(
            "\u3000" <= c <= "\u9fff" or "\uac00" <= c <= "\ud7a3" for c in text
        ) > 0.6 * len(text):
            return order
    return ""


def _damaged_utf8(data: bytes) -> tuple[str, tuple[str, ...]] | None:
    """UTF-8 with a few broken bytes, such as a file cut inside a character."""
    good = len(re.findall(rb"[\xc2-\xf4][\x80-\xbf]+", data))
    text = data.decode("utf-8", "replace")
    damaged = text.count("\ufffd") - data.count(b"\xef\xbf\xbd")
    only_cut = damaged == 1 and text.endswith("\ufffd") and good
    if good < 10 * damaged and not only_cut:
        return None
    return text, (_damage(damaged, "UTF-8"),)


def _other(data: bytes) -> tuple[str, tuple[str, ...]]:
    for encoding in _candidates(data[:_SAMPLE]):
        try:
            return data.decode(encoding), (f"Read as {_TITLES.get(encoding, encoding)}, not UTF-8.",)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("latin-1"), ("Read as Latin-1, because no encoding fits for certain.",)


def _candidates(sample: bytes) -> list[str]:
    # In Western text bytes above 127 are few and stand alone among ASCII.
    runs = re.findall(rb"[\x80-\xff]+", sample)
    alone = sum(len(run) == 1 for run in runs) >= 0.75 * len(runs)
    if alone and (len(sample) < 16 or sum(map(len, runs)) < 0.35 * len(sample)):
        return ["cp1252"]
    from charset_normalizer import from_bytes

    found = [from_bytes(sample, cp_isolation=_PAGES).best(), from_bytes(sample).best()]
    # A sample that ends inside a character can make the detector reject the right page.
    return [match.encoding for match in found if match is not None] + ["gb18030", "cp1252"]


def _damage(count: int, encoding: str) -> str:
    places = "1 damaged character was" if count == 1 else f"{count:,} damaged characters were"
    return f"{places} replaced while reading {encoding}."
