"""Bytes of a text file -> text, whatever the encoding."""

from __future__ import annotations

import codecs
import re
from contextlib import suppress

from llmopt_core.documents.labels import find_codec, find_declared_codec
from llmopt_core.errors import BadInput

# UTF-32 before UTF-16: its little-endian mark begins with that of UTF-16.
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# An encoding shows early; guessing over whole files takes long and tells no more.
_SAMPLE = 256 * 1024
# All but NUL, which is counted on its own, tab, line and page breaks, and escape.
_CONTROLS = re.compile(r"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ufffd]")
_HIGH_CONTROLS = re.compile(r"[\x80-\x84\x86-\x9f]")
# Where Latin-1 has control characters, Windows has quotation marks and DOS accented letters.
_PAGES_WITH_LETTERS_THERE = ("cp1252", "cp850")
# Letters of Latin-9 (`Š`, `š`, `ž` and `Œ`, `œ`, `Ÿ`), where Latin-1 has signs that stand in no word.
_LATIN_9 = re.compile(r"[¦¨¸](?=[^\W\d_])|(?<=[^\W\d_])[¦¨¸]|(?<=[a-zà-ÿ])[¼½¾](?=[a-zà-ÿ])")
# Words in a text, below which the detector guesses rather than counts.
_FEW_WORDS = 6
# Accented words up to which a rare page is not believed.
_FEW_NAMES = 3
# Pages the detector is fond of, though hardly any file is in them.
_FEW_USE = frozenset(
    ("cp852", "iso8859-16", "cp1258", "iso8859-3", "iso8859-10", "iso8859-14", "mac_roman", "mac_latin2")
)
_CENTRAL = frozenset(("iso8859-2", "cp1250"))
# Signs of ordinary Western text: spaces, quotation marks, dashes, currencies, fractions.
_ORDINARY = "\xa0\u2018\u2019\u201a\u201c\u201d\u201e\u2013\u2014\u2026\u20ac\u2022£§°«»·©®½¼¾²³×"
# Letters in KOI8-U, lines of a frame in KOI8-R.
_UKRAINIAN = re.compile(rb"[\xa4\xa6\xa7\xad\xb4\xb6\xb7\xbd]")
# What the detector calls by a name that Python does not know, or that is a part of a larger page.
_SAME_AS = {"gb2312": ["gb18030"], "gbk": ["gb18030"], "iso-8859-1": ["cp1252"], "ascii": ["cp1252"],
            "uhc": ["cp949"], "euc-kr": ["cp949"], "shift_jis": ["shift_jis", "cp932"], "big5": ["big5", "big5hkscs"],
            "tis-620": ["cp874"], "iso-8859-11": ["cp874"]}  # fmt: skip
_TITLES = {"cp1252": "Latin-1 (Windows-1252)", "latin-1": "Latin-1", "gb18030": "GB18030"}
_MAGIC = ((b"%PDF-", "a PDF"), (b"PK\x03\x04", "a zip or Office file"), (b"\xd0\xcf\x11\xe0", "an old Office file"))
# PNG, JPEG, GIF, programs of Linux, gzip.
_IMAGE = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x7fELF", b"\x1f\x8b")


def decode(data: bytes, name: str, encoding: str = "", *, page: bool = False) -> tuple[str, tuple[str, ...]]:
    """The text of a file and warnings about how it was read.

    The encoding that the user names decides; else a byte order mark; then UTF-8, what a page declares, UTF-16 without
    a mark, ISO-2022-JP, and at last detection on the first 256 KiB. Equal bytes always give an equal text.

    Args:
        data: The whole file.
        name: For messages.
        encoding: As the user names it, such as `windows-1250`; empty to find it out.
        page: Whether the file may declare its encoding, as HTML and XML do.

    Raises:
        BadInput: The bytes are not text, or not in the encoding that the user names.
    """
    # Before all else: a PDF renamed to .txt would be read as Latin-1.
    _refuse_binary(data, name)
    if encoding:
        return _decode_as(data, name, encoding)
    for mark, codec in _BOMS:
        if data.startswith(mark):
            return _with_mark(data[len(mark) :], codec, name)
    # Before UTF-8, as ASCII with NULs between is valid UTF-8 too.
    wide = _utf16_without_mark(data)
    if wide:
        return _decode_guess(*_with_mark(data, wide, name), name)
    try:
        # Escapes are ASCII, and valid UTF-8: the text would be full of `$B%F`.
        return _decode_escapes(data) or (data.decode("utf-8"), ())
    except UnicodeDecodeError:
        # After UTF-8: pages declare an encoding and are saved in another; valid UTF-8 is hardly ever anything else.
        result = _decode_by_declaration(data) if page else None
        if result:
            return result
        wide = _utf16_of_cjk(data)
        return _decode_guess(
            *(_with_mark(data, wide, name) if wide else _decode_damaged_utf8(data) or _other(data)), name
        )


def _decode_as(data: bytes, name: str, encoding: str) -> tuple[str, tuple[str, ...]]:
    codec = find_codec(encoding)
    try:
        # A mark before the text is none of its characters, also where the user named the encoding.
        return data.decode(codec).removeprefix("\ufeff"), ()
    except UnicodeDecodeError:
        text = data.decode(codec, "replace").removeprefix("\ufeff")
    damage = text.count("\ufffd")
    # One in fifty, or four in a short text: more are another encoding, fewer are damage.
    if damage > max(4, len(text) // 50):
        raise BadInput(f"{name} is not in {encoding}: {damage:,} characters cannot be read; name another encoding.")
    return text, (_damage(damage, encoding),)


def _decode_by_declaration(data: bytes) -> tuple[str, tuple[str, ...]] | None:
    """By the page's own declaration; None where there is none, or it does not hold."""
    codec = find_declared_codec(data)
    if codec is None:
        return None
    text = data.decode(codec, "replace")
    damage = text.count("\ufffd")
    if damage > len(text) // 50:
        return None  # not believed: the page was saved in another encoding than it says
    return text, (_damage(damage, codec),) if damage else ()


def _decode_escapes(data: bytes) -> tuple[str, tuple[str, ...]] | None:
    """ISO-2022-JP and its Korean sister, which write all in ASCII between escapes; None for other files."""
    # Only in the sample, so that a large text file is not searched to its end.
    if b"\x1b$" not in data[:_SAMPLE] or not data.isascii():
        return None
    # `ESC $ ) C` is how ISO-2022-KR begins. The second Japanese one knows half-width kana.
    for codec in ("iso2022_kr",) if b"\x1b$)C" in data[:_SAMPLE] else ("iso2022_jp_2", "iso2022_jp_ext"):
        with suppress(UnicodeDecodeError):
            return data.decode(codec), (_read_as("iso-2022-kr" if codec == "iso2022_kr" else "iso-2022-jp"),)
    return None


def _refuse_binary(data: bytes, name: str) -> None:
    for start, kind in _MAGIC:
        if data.startswith(start):
            raise BadInput(f"{name} is {kind} by its content, not text: give it the right file ending.")
    # After the kinds that have a reader, so that the sentence can name the right ending.
    if data.startswith(_IMAGE):
        raise BadInput(f"{name} is not text but a picture, program or archive: upload a document instead.")


def _decode_guess(text: str, warnings: tuple[str, ...], name: str) -> tuple[str, tuple[str, ...]]:
    """Refuse what some encoding gives a meaning to, as Latin-1 does to any bytes, but what nobody wrote."""
    # One in twenty: a log has escape sequences, a program has control characters all through.
    if len(_CONTROLS.findall(text)) > len(text) // 20:
        raise BadInput(f"{name} is not text: it holds what no text encoding explains; save it as UTF-8 text.")
    return text, warnings


def _with_mark(data: bytes, encoding: str, name: str) -> tuple[str, tuple[str, ...]]:
    try:
        return data.decode(encoding), ()
    except UnicodeDecodeError:
        # Cut in the middle of a character, or with half of a pair: the rest is readable.
        text = data.decode(encoding, "replace")
    damage = text.count("\ufffd")
    if damage > max(4, len(text) // 50):
        raise BadInput(f"{name} looks like {encoding.upper()} text but is not: save it again as UTF-8.")
    return text, (_damage(damage, encoding.upper()),)


def _utf16_without_mark(data: bytes) -> str:
    """The byte order, where every second byte is mostly NUL, as in Latin script; else empty."""
    # An even number of bytes, since a pair must not be cut.
    sample = data[: _SAMPLE & ~1]
    if len(sample) < 4 or b"\0" not in sample:
        return ""
    half = len(sample) // 2
    high_first, low_first = sample[0::2].count(0), sample[1::2].count(0)
    # A third of NULs on one side and hardly any on the other: Latin text; binary data has them on both.
    if low_first > 0.3 * half and high_first < 0.05 * half:
        return "utf-16-le"
    if high_first > 0.3 * half and low_first < 0.05 * half:
        return "utf-16-be"
    return ""


def _utf16_of_cjk(data: bytes) -> str:
    """The byte order in which the pairs read as CJK; else empty. Plain ASCII would too: ask only for other bytes."""
    sample = data[: _SAMPLE & ~1]
    # UTF-16 without a mark that is all Chinese has no NUL in it but at line ends, and a file without one is no UTF-16.
    if b"\0" not in sample:
        return ""
    for order in ("utf-16-le", "utf-16-be"):
        text = sample.decode(order, "replace")
        # Not the last one: the sample may end inside a pair.
        if "\ufffd" not in text[:-1] and sum(
            # CJK characters and their punctuation, kana, and Korean syllables.
            "\u3000" <= c <= "\u9fff" or "\uac00" <= c <= "\ud7a3"
            for c in text
        ) > 0.6 * len(text):
            return order
    return ""


def _decode_damaged_utf8(data: bytes) -> tuple[str, tuple[str, ...]] | None:
    """UTF-8 with a few broken bytes, such as a file cut inside a character."""
    # Pairs that only UTF-8 makes: a lead byte and what follows it.
    good = len(re.findall(rb"[\xc2-\xf4][\x80-\xbf]+", data))
    text = data.decode("utf-8", "replace")
    # A replacement character that the file itself holds is no damage.
    damage = text.count("\ufffd") - data.count(b"\xef\xbf\xbd")
    is_cut = damage == 1 and text.endswith("\ufffd") and good
    # Ten good sequences for one bad: a text of Latin-1 has some pairs by accident, but not so many.
    if good < 10 * damage and not is_cut:
        return None
    return text, (_damage(damage, "UTF-8"),)


def _other(data: bytes) -> tuple[str, tuple[str, ...]]:
    for encoding in _candidates(data[:_SAMPLE]):
        # All of the file: a page that fits the sample may not fit the rest.
        try:
            text = data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
        # Nobody writes them, but pages of Windows and DOS have letters there.
        for other in _PAGES_WITH_LETTERS_THERE if _HIGH_CONTROLS.search(text) else ():
            with suppress(UnicodeDecodeError):
                return data.decode(other), (_read_as(other),)
        if encoding == "cp1252" and _LATIN_9.search(text):
            # Latin-1 signs at the places of letters of Latin-9: `cœur` would be `c½ur`.
            return data.decode("iso8859-15"), (_read_as("iso8859-15"),)
        return text, (_read_as(encoding),)
    return data.decode("latin-1"), ("Read as Latin-1, because no encoding fits for certain.",)


def _candidates(sample: bytes) -> list[str]:
    # In Western text bytes above 127 are few and stand alone among ASCII; a few words are too little for detection.
    runs = re.findall(rb"[\x80-\xff]+", sample)
    alone = sum(len(run) == 1 for run in runs) >= 0.75 * len(runs)
    # Little and mostly ASCII: a name or a heading, which the detector takes for any page.
    if alone and len(set(sample.split())) < _FEW_WORDS and sum(map(len, runs)) < 0.35 * max(16, len(sample)):
        return ["cp1252"]
    from cchardet import detect

    # Short Japanese texts are taken for Chinese ones of the same bytes.
    encoding = "euc_jp" if _is_euc_jp(sample) else detect(sample)["encoding"]
    if alone and encoding and _is_rather_western(sample, *_codecs_of(encoding)[:1]):
        return ["cp1252"]
    if encoding and encoding.lower() == "koi8-r" and _UKRAINIAN.search(sample):
        # Ukrainian letters where KOI8-R has lines of a frame: nobody draws frames in a text.
        encoding = "koi8_u"
    # A sample that ends inside a character can make the detector reject the right page.
    # GB18030 and then Windows-1252, which accepts nearly any bytes, where the detection does not hold.
    return [*_codecs_of(encoding or ""), "gb18030", "cp1252"]


def _is_rather_western(sample: bytes, codec: str = "") -> bool:
    """Whether a few accented letters, or letters all through, speak for Western text against a page that few use."""
    high = sum(byte > 0x7F for byte in sample)
    words = {word for word in sample.split() if not word.isascii()}
    if codec in _FEW_USE:
        western_count, codec_count = (_strangers(sample.decode(name, "replace")) for name in ("cp1252", codec))
        # Fewer signs that stand in no text win; without any, only a rare page for few letters is doubted.
        return western_count < codec_count or (not western_count and (codec == "cp852" or high < 0.03 * len(sample)))
    return codec in _CENTRAL and len(words) <= _FEW_NAMES and high < 0.01 * len(sample)


def _strangers(text: str) -> int:
    """Characters that are neither letters nor marks of ordinary text."""
    return sum(c > "\x7f" and (c in "ºªƒˆ" or not (c.isalpha() or c in _ORDINARY)) for c in text)


def _is_euc_jp(sample: bytes) -> bool:
    """Whether much of it reads as kana, which short texts are not known by otherwise."""
    # Up to a line end, so that the sample ends with a whole character.
    text = sample[: sample.rfind(b"\n") + 1 or len(sample)].decode("euc_jp", "replace")
    wide = [c for c in text if c > "\x7f"]
    return "\ufffd" not in text and sum("\u3041" <= c <= "\u30ff" for c in wide) > 0.2 * len(wide)


def _codecs_of(label: str) -> list[str]:
    label = label.lower()
    if label in _SAME_AS:
        return _SAME_AS[label]
    try:
        return [codecs.lookup(label).name]
    except LookupError:
        return []


def _read_as(encoding: str) -> str:
    title = _TITLES.get(encoding, encoding)
    return f"Read as {title}, not UTF-8; if letters look wrong, name the encoding and add it again."


def _damage(count: int, encoding: str) -> str:
    places = "1 damaged character was" if count == 1 else f"{count:,} damaged characters were"
    return f"{places} replaced while reading {encoding}."
