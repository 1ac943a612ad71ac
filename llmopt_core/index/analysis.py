"""Text -> the terms BM25 counts: folded words by their stems, character pairs for scripts that part no words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

import regex

from llmopt_core.index.stems import stem
from llmopt_core.text.scripts import SEARCHED_BY_CHARACTER, SOUTHEAST_ASIAN

# Raised where other terms come out: the words of an index are then counted anew, and what was found by words is not
# taken from the cache. Vectors do not rest on it.
VERSION = 3

# A letter of Thai and its neighbours with the signs above, below and behind it.
CLUSTER = rf"[{SOUTHEAST_ASIAN}][\p{{Mn}}\p{{Mc}}]*"
# A word that is parted at the end of a line.
LINE_BREAK = r"(?<=\w)[-\u2010]\s*\n\s*(?=\w)"

# `1,000.50` as one term, else letters and digits, with what an apostrophe joins (`don't`). ASCII alone: `re` is faster.
_ASCII_WORD = re.compile(r"\d+(?:[.,]\d+)+|[^\W_]+(?:'[^\W\d_]+)?")
# The same for all scripts; marks (`\p{M}`) belong to their letter, as in Hindi, and an apostrophe may be typographic.
_WORD = regex.compile(r"\p{Nd}+(?:[.,]\p{Nd}+)+|[\p{L}\p{N}\p{M}]+(?:['’]\p{L}+)?")
# Group 1: characters that are words by themselves; group 2: letters of scripts that set no space between words.
_RUNS = regex.compile(f"([{SEARCHED_BY_CHARACTER}]+)|((?:{CLUSTER})+)")
_CLUSTERS = regex.compile(CLUSTER)
_LINE_BREAK = re.compile(LINE_BREAK)
# Where a raised or lowered number, a fraction or a circled one meets digits: 10\u2076 is not 106, nor 1\u00bd 11/2.
# Behind three letters or more a raised number is that of a footnote; behind fewer it belongs to a unit.
_NUMBERS_MEET = regex.compile(
    r"(?<=\p{Nd})(?=[\p{No}\u207f])|(?<=\p{No})(?=\p{Nd})|(?<=\p{L}{3})(?=[\u00b2\u00b3\u00b9\u2070-\u2079])"
)
# Possessive (`++`): a run of letters that is not at the end is given up at once, and not letter by letter.
_LAST_LETTERS = regex.compile(r"(?<!\p{L})\p{L}++$")
_FIRST_LETTERS = regex.compile(r"\p{L}+")
# Longer runs of letters are encoded data; they would fill the index and are never asked for.
_LONGEST_WORD = 60
# What readers of a language write or leave out at will: accents, vowel points of Arabic and Hebrew, the stretching of
# Arabic letters, and signs that only say where a line may or may not be broken.
_OPTIONAL = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u0652\u0670\u06d6-\u06dc"
    "\u00ad\u200b-\u200f\u2060\ufeff]"
)


def analyse(text: str) -> list[str]:
    """Terms of a text in order.

    Width, case, accents and vowel points are folded, soft hyphens and invisible signs left out. English stop words are
    left out and English words cut to their stem (Snowball's "English", also called Porter 2). A run of Chinese,
    Japanese or Korean gives its single characters and each two neighbours, one of Thai, Lao, Khmer or Myanmar each two,
    so that words are found without a dictionary. A word that is parted at the end of a line is found whole and in
    parts. A number is the same with and without separators of thousands, with a decimal point or comma; one that is
    raised behind it is another number.
    """
    plain_text = _fold(text)
    terms = list(_terms(plain_text))
    for match in _LINE_BREAK.finditer(plain_text):
        terms += _terms(_join(plain_text, match))
    return terms


def _join(text: str, at: re.Match[str]) -> str:
    """The word that a line break parts, whole; empty where it parts no letters."""
    # At most a word's length to each side, however long the line is.
    before = _LAST_LETTERS.search(text[max(0, at.start() - _LONGEST_WORD) : at.start()])
    after = _FIRST_LETTERS.match(text[at.end() : at.end() + _LONGEST_WORD])
    return before[0] + after[0] if before and after else ""


def _terms(text: str) -> Iterator[str]:
    if text.isascii():
        for word in _ASCII_WORD.findall(text):
            yield from _word_terms(word)
        return
    for word in _WORD.findall(text):
        if word.isascii():
            # An ASCII word among others has no run of other scripts: the cheap way for the many.
            yield from _word_terms(word)
            continue
        end = 0
        # A word such as `iPhone手机` is of several scripts; what stands between the runs are ordinary words.
        for run in _RUNS.finditer(word):
            yield from _word_terms(word[end : run.start()])
            yield from _run_terms(run[1], run[2])
            end = run.end()
        yield from _word_terms(word[end:])


def _run_terms(characters: str | None, letters: str | None) -> Iterator[str]:
    """The terms of a run of Chinese, Japanese or Korean characters, or of letters with their signs."""
    parts = list(characters or "") or _CLUSTERS.findall(letters)
    # A single letter of Thai says nothing, and would be in every text; alone it is kept, as it has no pair.
    if characters or len(parts) == 1:
        yield from parts
    yield from (a + b for a, b in pairwise(parts))


def _word_terms(word: str) -> Iterator[str]:
    if not word:
        return
    if "." in word or "," in word:
        yield from _number_terms(word)
        return
    # The rest of "don't" is a stop word, and that of "ship's" says nothing.
    plain = re.split("['’]", word, maxsplit=1)[0]
    if plain and plain not in STOP_WORDS:  # empty where the word begins with its apostrophe
        yield stem(plain)


def _number_terms(number: str) -> Iterator[str]:
    """A number with a point for decimals and without separators of thousands.

    Where a single point may be either (1.250), both numbers are meant.
    """
    # Groups of three digits are thousands, but only where the first has three at most (1,250; not 2024,125).
    groups = re.split("[.,]", number)
    marks = "".join(character for character in number if character in ".,")
    in_thousands = len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
    # One kind of mark (1.250.000), or several with a comma at last: 1.250,750 cannot be English.
    if in_thousands and (len(set(marks)) == 1 or marks[-1] == ","):
        yield "".join(groups)
        if marks == ".":
            yield number
    elif len(marks) > 1 and len(set(marks)) == 1:
        # A date, an address, a version.
        yield number
    else:
        yield f"{''.join(groups[:-1])}.{groups[-1]}"


def _fold(text: str) -> str:
    # Lower case is all that folding does to ASCII, and most English texts are ASCII.
    if text.isascii():
        return text.lower()
    text = _NUMBERS_MEET.sub(" ", text)
    # NFKC first: full-width letters and ligatures become plain ones, which have a case to fold.
    caseless = unicodedata.normalize("NFKC", text).casefold()
    # Accents are signs of their own in NFD alone; NFC puts together again what is left, such as Korean syllables.
    return unicodedata.normalize("NFC", _OPTIONAL.sub("", unicodedata.normalize("NFD", caseless)))


# Words that are in nearly every English text: they would cost a look at each chunk and rank nothing.
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
