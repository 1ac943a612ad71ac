"""Words that exclude each other, read from `words/`: opposites (rise, fall) and groups such as the months."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

from llmopt_core.evaluation.judges.builtin.word_lists import word_list
from llmopt_core.index.stems import stem
from llmopt_core.text.scripts import begins_with_han

_FILES = ("opposites.en.txt", "opposites.zh.txt")
# Form -> lemma; each entry has the lemma first: sink sank sunk.
_LEMMAS = {form: forms[0] for forms in map(str.split, word_list("irregular forms", ",")) for form in forms[1:]}
_NEGATING = ("un", "in", "im", "il", "ir", "dis", "non", "non-", "mis")


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a group.

    Attributes:
        group: Number of the group.
        side: Number of the side within it.
        converse: Whether the other side is right once the two things are exchanged.
    """

    group: int
    side: int
    converse: bool = False


def is_irregular(word: str) -> bool:
    """Whether a word is an irregular form, such as `sunk`."""
    return word in _LEMMAS


def lemma(word: str) -> str:
    """An English word in lower case without its ending, irregular forms included."""
    base = stem(_LEMMAS.get(word, word))
    # The stem of `raised` has lost its e, that of `raise` has not.
    return base[:-1] if len(base) > 4 and base.endswith("e") else base


# Read at first use and kept: the lists never change while the program runs.
@cache
def sides() -> dict[str, tuple[Side, ...]]:
    """The sides that a word or phrase stands on; words of phrases as lemmas, joined by a blank."""
    sides_by_key: dict[str, list[Side]] = {}
    for number, (words, converse) in enumerate(_groups()):
        for place, side in enumerate(words):
            for phrase in side:
                for form in (phrase, *_comparatives(phrase, converse)):
                    key = " ".join(lemma(word) for word in form.split())
                    sides_by_key.setdefault(key, []).append(Side(number, place, converse))
    return {key: tuple(dict.fromkeys(where)) for key, where in sides_by_key.items()}


def _comparatives(word: str, converse: bool) -> tuple[str, ...]:
    """`Shallower` and `shallowest`, of a short adjective."""
    # Short adjectives alone take -er; "er" at the end is one already.
    if not converse or not re.fullmatch(r"[a-z]{3,8}", word) or word.endswith(("er", "est")):
        return ()
    base = word[:-1] + "i" if word.endswith("y") else word.removesuffix("e")
    return (base + "er", base + "est")


@cache
def phrases() -> dict[str, list[list[str]]]:
    """English entries of several words, as lemmas, by their first; the longest first."""
    phrases_by_word: dict[str, list[list[str]]] = {}
    # Longer phrases must be tried before those that they begin with.
    for key in sorted((key for key in sides() if " " in key), key=lambda key: -key.count(" ")):
        words = key.split()
        phrases_by_word.setdefault(words[0], []).append(words)
    return phrases_by_word


@cache
def chinese_words() -> re.Pattern[str]:
    """Finds the Chinese entries, the longest first."""
    words = sorted((key for key in sides() if begins_with_han(key)), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, words)))


@cache
def negation_lemmas(word: str) -> frozenset[str]:
    """Lemmas of a word without its negating prefix, or with one: `used` and `unused`, `useful` and `useless`."""
    forms = {prefix + word for prefix in _NEGATING}
    # Four letters must be left, or "under" would be the opposite of "der".
    forms |= {word.removeprefix(prefix) for prefix in _NEGATING if len(word) >= len(prefix) + 4}
    for end, other in (("ful", "less"), ("less", "ful"), ("less", ""), ("y", "less"), ("less", "y")):
        if word.endswith(end) and len(word) > len(end) + 3:
            # Useful and useless, careless and care, guilty and guiltless.
            forms.add(word.removesuffix(end) + other)
    forms.add(word + "less")
    return frozenset(lemma(form) for form in forms - {word})


def _groups() -> Iterator[tuple[list[list[str]], bool]]:
    for name in _FILES:
        folder = resources.files("llmopt_core.evaluation.judges.builtin").joinpath("words")
        text = folder.joinpath(name).read_text(encoding="utf-8")
        for line in text.splitlines():
            if "|" in line and not line.startswith("#"):  # no separator, no group: a comment or a blank line
                body = line.removeprefix("<>").strip()
                words = [[word.strip() for word in side.split(",") if word.strip()] for side in body.split("|")]
                yield words, line.startswith("<>")
