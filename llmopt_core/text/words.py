"""The words of a text, for comparing texts: folded, and character by character in East Asian scripts."""

from __future__ import annotations

import re
import unicodedata

from llmopt_core.text.scripts import EAST_ASIAN

_LETTERS = rf"[^\W_{EAST_ASIAN}]+"
# An identifier such as `card_arrival` is one word; the underscores of Markdown's `_emphasis_` are none of it.
_WORD = re.compile(rf"[{EAST_ASIAN}]|{_LETTERS}(?:_{_LETTERS})*")
_NO_WORD = re.compile(r"[\W_]+")


def fold(text: str) -> str:
    """Case folded, full-width forms made plain, single spaces."""
    # First the forms, then the case: a full-width capital has a small form only as a plain letter. `casefold` and not
    # `lower`: ß and ss are one.
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def fold_to_words(text: str) -> str:
    """Like `fold`, and without punctuation."""
    return " ".join(_NO_WORD.sub(" ", fold(text)).split())


def words(text: str) -> list[str]:
    """Folded words in order; each Chinese, Japanese or Korean character is one."""
    return _WORD.findall(fold(text))


def shorten(text: str, limit: int = 160) -> str:
    """At most `limit` characters on one line, cut with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
