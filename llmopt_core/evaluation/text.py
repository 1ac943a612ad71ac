"""Normalising answers as SQuAD does, and finding the sentence that is nearest to a statement."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Sequence

from llmopt_core.index.analysis import analyse
from llmopt_core.text.scripts import has_cjk, space_cjk
from llmopt_core.text.sentences import sentences

# Whole words only: "a" and "the" go, "atlas" and "theme" stay.
_ARTICLE = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = set(string.punctuation)


def normalise(text: str) -> str:
    """SQuAD's answer normalisation: lower case, no punctuation, no English articles, single spaces.

    English text is treated exactly as by the official SQuAD 1.1 script, which knows ASCII punctuation only; where
    there are CJK characters, all punctuation of Unicode goes, as in the CMRC 2018 and MLQA scripts.
    """
    # Decided by the whole text, so that "GPT-4 的" loses the same punctuation at both ends.
    is_cjk = has_cjk(text)
    words = "".join(c for c in text.lower() if not _is_punctuation(c, is_cjk))
    # Punctuation goes first, as in the official script: "a.m." becomes "am" and does not lose an article.
    return " ".join(_ARTICLE.sub(" ", words).split())


def tokens(text: str) -> list[str]:
    """Normalised words; CJK characters one by one."""
    return space_cjk(normalise(text)).split()


def nearest_sentence(statement: str, contexts: Sequence[str]) -> str:
    """The sentence that shares most words with a statement; empty where none shares any."""
    words = set(analyse(statement))
    candidates = [sentence for context in contexts for sentence in sentences(context)]
    overlaps = [len(words & set(analyse(sentence))) for sentence in candidates]
    # The first of equals, so that the same text always gets the same evidence.
    return candidates[overlaps.index(max(overlaps))] if any(overlaps) else ""


def _is_punctuation(character: str, wide: bool) -> bool:
    return character in _PUNCTUATION or (wide and unicodedata.category(character).startswith("P"))
