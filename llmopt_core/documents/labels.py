"""Names of encodings: those that people and pages use, by the table of the WHATWG."""

from __future__ import annotations

import codecs
import re

from llmopt_core.errors import BadInput

# `<meta charset=utf-8>`, and the older `content="text/html; charset=utf-8"`.
_DECLARATIONS = (
    re.compile(rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE),
    re.compile(rb"""^\s*<\?xml[^>]+encoding\s*=\s*["']([\w.:-]+)""", re.IGNORECASE),
)
# Of the web's table, what only Python calls otherwise.
# Pages labelled so hold characters of the larger sets, as browsers know.
_WIDER = {"shift_jis": "cp932", "gb2312": "gb18030", "gbk": "gb18030", "big5hkscs": "big5hkscs"}
# Python's own encodings are none of files, and some take hours.
_NO_TEXT = frozenset(("punycode", "idna", "unicode-escape", "raw-unicode-escape", "undefined", "utf-7", "mbcs", "oem",
                      "x-user-defined", "replacement"))  # fmt: skip
# `cp-1250`, `code page 1250`: as people write `cp1250`.
_CODE_PAGE = re.compile(r"^(?:cp|code ?page)[-_ ]", re.IGNORECASE)
COMMON = ("utf-8", "windows-1250", "windows-1251", "windows-1252", "windows-1253", "windows-1254", "windows-1255",
          "windows-1256", "windows-1257", "windows-874", "iso-8859-2", "iso-8859-7", "iso-8859-9", "iso-8859-15",
          "koi8-r", "ibm866", "macintosh", "gb18030", "big5", "shift_jis", "euc-jp", "iso-2022-jp",
          "euc-kr", "utf-16le", "utf-16be")  # fmt: skip
"""Encodings to choose from, by the names of the web."""


def web_codec(label: str) -> str | None:
    """The Python codec that browsers take for a declared label; None for a label that means nothing to them."""
    import webencodings

    entry = webencodings.lookup(label.strip())
    if entry is None:
        return None
    name: str = entry.codec_info.name
    return None if name in _NO_TEXT else _WIDER.get(name, name)


def find_declared_codec(data: bytes) -> str | None:
    """The codec that a page declares of itself in `meta` or its XML declaration; None where it names none."""
    for pattern in _DECLARATIONS:
        # Declarations stand at the beginning; browsers look at 1,024 bytes, some pages have comments before.
        match = pattern.search(data[:4096])
        codec = web_codec(match[1].decode("ascii", "replace")) if match else None
        if codec:
            # Whoever can read the declaration does not read UTF-16.
            return "utf-8" if codec.startswith("utf-16") else codec
    return None


def find_codec(encoding: str) -> str:
    """The codec of an encoding that the user names, such as `windows-1250`, `cp1250` or `latin2`.

    Raises:
        BadInput: No text encoding goes by this name.
    """
    # The web's table first: it takes `latin1` for Windows-1252, as files so named mostly are. It knows ASCII labels
    # only.
    codec = web_codec(encoding) if encoding.isascii() else None
    if codec is None:
        try:
            info = codecs.lookup(_CODE_PAGE.sub("cp", encoding.strip()))
        except (LookupError, ValueError):
            info = None
        # What makes bytes of bytes, such as base64, is none.
        if info is not None and info.name not in _NO_TEXT and getattr(info, "_is_text_encoding", True):
            codec = info.name
    if codec is None:
        raise BadInput(f"There is no encoding {encoding!r}: name one such as {', '.join(COMMON[1:4])} or gb18030.")
    return codec
