"""What every text must be, wherever it comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_SURROGATE = re.compile("[\ud800-\udfff]")


def fault_of(text: str) -> str:
    """What of a text cannot be stored or sent, in words; empty where all can."""
    # PostgreSQL takes none, and C libraries end a text there.
    if "\0" in text:
        return "it holds a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"it holds half a character ({text[error.start]!r}), such as a part of an emoji"
    return ""


def fault_in(value: Any) -> str:
    """`fault_of` for every text inside plain values, keys included."""
    if isinstance(value, str):
        return fault_of(value)
    if isinstance(value, Mapping):
        return next((fault for item in value.items() for part in item if (fault := fault_in(part))), "")
    if isinstance(value, list):
        return next((fault for part in value if (fault := fault_in(part))), "")
    return ""


def without_surrogates(text: str) -> str:
    """The text with a replacement character for each lone surrogate, which neither UTF-8 nor a tokenizer can take."""
    # Python knows of each text whether it is ASCII: no search, and no copy.
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def printable(name: str) -> str:
    """The beginning of a name that may hold anything, for a message."""
    # Half a character would fail where the message is printed.
    return name[:40].encode("utf-8", "replace").decode().replace("\0", "?")
