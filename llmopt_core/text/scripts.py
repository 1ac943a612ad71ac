"""Scripts that part no words by spaces, as ranges for a class of a regular expression: `[{CJK}]`.

Every rule that treats such text by the character builds on these, so that no two stages disagree on what it is.
"""

from __future__ import annotations

import re

# The blocks of 1991 to 2000 on the first plane. Planes 2 and 3 are ideographs throughout, those to come included.
HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
KANA = "\u3040-\u30ff"
HANGUL = "\uac00-\ud7af"

CJK = KANA + HAN
"""Chinese and Japanese: every character is a word of its own."""

EAST_ASIAN = CJK + HANGUL
"""With Korean, which has spaces but ends its words in particles, so that two texts share few of them whole."""

SEARCHED_BY_CHARACTER = EAST_ASIAN + "\u2e80-\u2fff\u3005-\u303f\u3100-\u318f\u31a0-\u31ff"
"""With radicals, strokes, single letters and the marks that repeat a character: people search for those, too. What
indexes hold rests on it: another range wants another `analysis.VERSION`."""

SOUTHEAST_ASIAN = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f"
"""Thai, Lao, Myanmar with its extensions, and Khmer: no spaces, but syllables of several characters."""

CJK_CHARACTER = re.compile(f"[{CJK}]")
_HAN_FIRST = re.compile(f"[{HAN}]")
# With the half-width letters of Japanese and Korean, which texts are not always folded to the usual ones.
_EAST_ASIAN_FIRST = re.compile(f"[{SEARCHED_BY_CHARACTER}\uff66-\uffdc]")
_FIRST_LETTER = "\u2e80"


def has_cjk(text: str) -> bool:
    """Whether the text holds a Chinese or Japanese character."""
    return CJK_CHARACTER.search(text) is not None


def space_cjk(text: str) -> str:
    """The text with spaces around each Chinese and Japanese character."""
    return CJK_CHARACTER.sub(lambda match: f" {match.group()} ", text)


def begins_with_han(word: str) -> bool:
    """Whether a word begins with a Chinese character (Japanese has them, too)."""
    return _HAN_FIRST.match(word) is not None


def is_east_asian(word: str) -> bool:
    """Whether a word begins with a character of Chinese, Japanese or Korean."""
    # The comparison first, as this is asked of each word of a corpus: most lie before. Behind lie emoji and the joined
    # forms of Arabic, too.
    return word[:1] >= _FIRST_LETTER and _EAST_ASIAN_FIRST.match(word) is not None
