"""One form for every text, set once at loading, so that offsets stay true afterwards."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from llmopt_core.errors import BadInput
from llmopt_core.text.valid_text import without_surrogates

# `\r\n` of Windows and `\r` of old Macs.
_NEWLINES = re.compile(r"\r\n?")
# One for one in the place of what no text holds.
REPLACEMENT = "\ufffd"
OMISSION_PREFIX = "Left out of"
"""So begins a warning about a file of several documents; it stands with the first that came from it."""
# `# `, fences, and lines of `=` or `-` that would make a heading of the line above.
_MARKUP = re.compile(r"^(?=#{1,6}(?:[ \t]|$)|```|~~~|=+$|-{2,}$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a reader found in one file.

    Attributes:
        text: Normalised text.
        page_starts: As in `Document`.
        warnings: As in `Document`.
    """

    text: str
    page_starts: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()
    metadata: dict[str, str | int | float | bool] = field(default_factory=dict)


def normalise(text: str) -> str:
    r"""The text with `\n` newlines, without byte order mark and NUL; lone surrogates become U+FFFD."""
    # Most texts have none, and a look is cheaper than a copy.
    if "\r" in text:
        text = _NEWLINES.sub("\n", text)
    text = text.removeprefix("\ufeff").replace("\0", "")
    return without_surrogates(text)


def plain_lines(text: str) -> str:
    """Words that begin like a Markdown heading or code fence but are none, with Markdown's backslash before them."""
    return _MARKUP.sub("\\\\", text)


def normalise_file(text: str, name: str) -> tuple[str, tuple[str, ...]]:
    """`normalise` for a whole file of text, with a warning for its NUL characters.

    Each becomes U+FFFD, not nothing, so that offsets counted in the file stay true.

    Raises:
        BadInput: So many NULs that it is no text.
    """
    nuls = text.count("\0")
    # A tenth: a file with a few is damaged, one with many is binary.
    if nuls > len(text) // 10:
        raise BadInput(f"{name} is not text: {nuls:,} of its {len(text):,} characters are NUL.")
    warning = f"{nuls:,} NUL character{'s were' if nuls > 1 else ' was'} replaced by U+FFFD."
    return normalise(text.replace("\0", REPLACEMENT)), (warning,) if nuls else ()


def join_pages(pages: list[str], separator: str = "\n") -> tuple[str, tuple[int, ...]]:
    """Pages as one text, and the offset at which each begins."""
    starts, at = [], 0
    for page in pages:
        starts.append(at)
        # The separator belongs to the page before it.
        at += len(page) + len(separator)
    return separator.join(pages), tuple(starts)


def in_words(items: Sequence[str]) -> str:
    """A list in a sentence: `a, b and c`."""
    return " and ".join(filter(None, (", ".join(items[:-1]), items[-1] if items else "")))


def numbers_in_words(numbers: list[int]) -> str:
    """Sorted numbers as short text: `3, 7-9`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
