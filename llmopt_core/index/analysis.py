"""Text -> the terms BM25 counts: folded English words, and character pairs for Chinese, Japanese and Korean."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

VERSION = 1

CJK = (
    "\u2e80-\u2fff\u3005-\u30ff\u3130-\u318f\u31c0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_CJK_RUN = re.compile(f"([{CJK}]+)")
# The second range holds the vowel signs of South and Southeast Asian scripts, which count as no letters.
_WORD = re.compile(r"\d+(?:[.,]\d+)+|(?:[^\W_]|[\u0900-\u0963\u0966-\u109f])+(?:['’][^\W\d_]+)?")
_MARKS = re.compile(r"[\u0300-\u036f]")


def analyse(text: str) -> list[str]:
    """Terms of a text in order.

    Width, case and Latin accents are folded. English stop words are left out and endings cut. A run of Chinese,
    Japanese or Korean gives its single characters and each two neighbours, so that words are found without a
    dictionary.
    """
    return list(_terms(_fold(text)))


def _terms(folded: str) -> Iterator[str]:
    for word in _WORD.findall(folded):
        if word.isascii():
            yield from _word_terms(word)
        else:
            for number, piece in enumerate(_CJK_RUN.split(word)):
                yield from _run_terms(piece) if number % 2 else _word_terms(piece)


def _run_terms(run: str) -> Iterator[str]:
    yield from run
    yield from (run[i : i + 2] for i in range(len(run) - 1))


def _word_terms(word: str) -> Iterator[str]:
    plain = _plain(word)
    if plain and plain not in STOP_WORDS:
        yield stem(plain)


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFC", _MARKS.sub("", unicodedata.normalize("NFD", folded)))


def _plain(word: str) -> str:
    """Without a possessive or contracted ending (the rest of "don't" is a stop word), and 1,000 as 1000."""
    return word if word.isalnum() else re.split(r"['’]", word, maxsplit=1)[0].replace(",", "")


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """Cut plural, -ed, -ing and -ly endings off an English word; other words pass unchanged.

    The first steps of Porter (1980), which bring inflected forms of one word together and leave its family apart.
    """
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    return _final_y(_past_and_gerund(_plural(word)))


def _plural(word: str) -> str:
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith("ies"):
        return word[:-3] + ("y" if len(word) > 4 else "ie")
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _past_and_gerund(word: str) -> str:
    if word.endswith("eed"):
        return word[:-1] if len(word) > 4 else word
    for ending in ("ing", "edly", "ed"):
        base = word.removesuffix(ending)
        if base != word and len(base) > 2 and re.search("[aeiouy]", base):
            return _repaired(base)
    return word[:-2] if word.endswith("ly") and len(word) > 5 else word


def _repaired(base: str) -> str:
    if base.endswith(("at", "bl", "iz")):
        return base + "e"
    if len(base) > 3 and base[-1] == base[-2] and base[-1] not in "aeiouylsz":
        return base[:-1]
    if re.fullmatch(r"[^aeiou]*[aeiouy][^aeiouwxy]", base):
        return base + "e"
    return base


def _final_y(word: str) -> str:
    return word[:-1] + "i" if word.endswith("y") and re.search("[aeiou]", word[:-1]) else word


_STOP_WORDS = """
a about above after again against all am an and any are aren as at be because been before being below between both but
by can cannot could couldn d did didn do does doesn doing don down during each few for from further had hadn has hasn
have haven having he her here hers herself him himself his how i if in into is isn it its itself ll m me mightn more
most mustn my myself needn no nor not now of off on once only or other our ours ourselves out over own re s same shan
she should shouldn so some such t than that the their theirs them themselves then there these they this those through
to too under until up ve very was wasn we were weren what when where which while who whom whose why will with won
would wouldn y you your yours yourself yourselves
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
