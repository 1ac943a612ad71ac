"""Words of a text that are no part of longer ones: `art` does not stand in `party`."""

from __future__ import annotations

import re
from collections.abc import Iterator

# A letter or digit of a script that divides its words; the others have no borders of words, nor have numbers in them.
# No underscore, which in Markdown stands around words.
_WORD_CHARACTER = r"[^\W_\u0e00-\u109f\u1780-\u17ff\u2e80-\U0010ffff]"
_WITHIN_WORD = re.compile(_WORD_CHARACTER * 2)


def bounded_pattern(pattern: str, words: str) -> str:
    """A regular expression for `words` that takes them only where they are no part of longer words."""
    # `\b` would ask for a border where "100 %" or "C++" begin or end with a sign, and where Chinese has none.
    start = f"(?<!{_WORD_CHARACTER})" if re.match(_WORD_CHARACTER, words) else ""
    end = f"(?!{_WORD_CHARACTER})" if re.match(_WORD_CHARACTER, words[-1]) else ""
    return f"{start}{pattern}{end}"


def whole_word_places(words: str, text: str) -> Iterator[int]:
    """Where the words begin in the text, at the borders of words."""
    at = text.find(words) if words else -1
    while at >= 0:
        end = at + len(words)
        # An edge is inside a word where there are letters on both sides of it.
        is_cut = any(_WITHIN_WORD.match(text, edge - 1) for edge in (at, end) if edge)
        if not is_cut:
            yield at
        at = text.find(words, at + 1 if is_cut else end)
