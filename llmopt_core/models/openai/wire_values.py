"""Values from an endpoint, checked at the door: what is stored later can always be read back. Pure.

An odd field costs that field and is said in a note; the answer was paid for and is kept.
"""

from __future__ import annotations

import math
import re
from typing import Any

MOST_CHARACTERS = 1_000_000
"""An answer is cut there. The most tokens that can be asked for (131,072) make fewer characters in any language."""

# A hundred times the largest context: beyond it is a mistake of the endpoint, and would be priced.
MOST_TOKENS = 100_000_000

_SURROGATE = re.compile("[\ud800-\udfff]")
# An emoji as JSON escapes (`\ud83d` and `\ude00`) that came in two pieces.
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
# Bytes of UTF-8 that came apart, as `surrogateescape` keeps them.
_BYTES = re.compile(
    "[\udcc2-\udcdf][\udc80-\udcbf]|[\udce0-\udcef][\udc80-\udcbf]{2}|[\udcf0-\udcf4][\udc80-\udcbf]{3}"
)
# The beginning of a character at the end of a piece: at most three of its four bytes.
_PARTIAL_CHARACTER = re.compile("(?:[\ud800-\udbff]|[\udcc2-\udcf4][\udc80-\udcbf]{0,2})\\Z")
# What neither SQLite's text nor a UTF-8 file can hold and give back.
_UNREADABLE = re.compile("[\ud800-\udfff\x00]")
_LONGEST_LABEL = 100  # A finish reason is a word; some put a sentence there.
_LONGEST_NAME = 300  # Paths of weights are names of models, too.


def token_count(value: Any, most: int = MOST_TOKENS) -> int | None:
    """A number of tokens, up to `most`; None where it is none."""
    # JavaScript gateways write `12.0`.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    # True is an int to Python.
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= most else None


def finite(value: Any) -> float | None:
    """A finite number; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    # An integer of more than 309 digits.
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def name_of(value: Any) -> str:
    """A model's name or an id; empty where it is none that could be stored, shown and asked for again."""
    return value.strip() if isinstance(value, str) and len(value) <= _LONGEST_NAME and value.isprintable() else ""


def label_of(value: Any) -> str | None:
    """A short word such as a finish reason; empty where there is none, None where it is something else."""
    if value is None or value == "":
        return ""
    return value if isinstance(value, str) and len(value) <= _LONGEST_LABEL and value.isprintable() else None


def join_surrogates(text: str) -> str:
    """The text with each character that came as two surrogates, or as bytes, as one character."""
    # Nearly every text: no copy is made.
    if not _SURROGATE.search(text):
        return text
    text = _PAIR.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)
    return _BYTES.sub(_from_bytes, text)


def _from_bytes(match: re.Match[str]) -> str:
    # Escaped again where the bytes fit no character after all (an overlong form): `readable` replaces them.
    return match[0].encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def readable(text: str) -> str:
    """The text as it can be stored: pairs joined, a lone surrogate and NUL as U+FFFD."""
    return _UNREADABLE.sub("\N{REPLACEMENT CHARACTER}", join_surrogates(text))


class AnswerText:
    """An answer's text, whole or piece by piece: readable, and no longer than it may be.

    Attributes:
        length: Characters so far, those beyond the limit too.
    """

    def __init__(self) -> None:
        self.length = 0
        self._size = 0
        self._parts: list[str] = []
        self._pending = ""
        self._replacements = 0

    @property
    def full(self) -> bool:
        """Whether more would be cut off."""
        return self.length > MOST_CHARACTERS

    def add(self, piece: str) -> str:
        """Take a piece; what of it can be shown already. A character that has only begun waits for its rest."""
        piece = join_surrogates(self._pending + piece)
        partial = _PARTIAL_CHARACTER.search(piece)
        self._pending = partial[0] if partial else ""
        return self._take(piece[: len(piece) - len(self._pending)])

    def end(self) -> str:
        """What was held back."""
        rest, self._pending = self._pending, ""
        return self._take(rest)

    def _take(self, piece: str) -> str:
        self.length += len(piece)
        # Cut before it is searched: what is beyond the limit is only counted.
        text, count = _UNREADABLE.subn("\N{REPLACEMENT CHARACTER}", piece[: MOST_CHARACTERS - self._size])
        self._size += len(text)
        self._replacements += count
        self._parts.append(text)
        return text

    @property
    def text(self) -> str:
        """All that is kept."""
        return "".join(self._parts)

    def notes(self, is_whole: bool = True) -> tuple[str, ...]:
        """What was changed, in words; `is_whole` is False where nobody waited for the end."""
        notes = []
        if self.full:
            size = f"{self.length:,}" if is_whole else f"more than {MOST_CHARACTERS:,}"
            notes.append(f"The endpoint sent {size} characters; the answer was cut after {MOST_CHARACTERS:,}.")
        if self._replacements:
            what = "half a character" if self._replacements == 1 else f"{self._replacements:,} broken characters"
            notes.append(f"The endpoint sent {what}, kept as \N{REPLACEMENT CHARACTER}.")
        return tuple(notes)


def value_words(value: Any) -> str:
    """An odd value as it may stand in a note."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > MOST_TOKENS:
        # Its digits could fill a screen.
        text = f"about 10^{math.floor(math.log10(abs(value)))}" if value > 0 else "a large negative number"
    else:
        text = readable(repr(value)[:60])
    return text
