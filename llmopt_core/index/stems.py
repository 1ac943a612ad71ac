"""English words -> stems: Snowball's "English", and the ordinary forms of a word that it leaves apart."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from Stemmer import Stemmer

# A word and forms of it that no rule tells from others: freed from need, menus from virus, lenses from senses.
_FORMS = """
free freed
knee kneed
tree treed
dye dyed
toe toed
base basis
thesis theses
crisis crises
oasis oases
lens lenses
iris irises
menu menus
guru gurus
emu emus
cpu cpus
gpu gpus
tpu tpus
npu npus
quiz quizzes quizzed quizzing
gas gasses gassed gassing
bus busses bussed bussing
focus focusses focussed focussing
interfere interfered interfering
persevere persevered persevering
"""
_BASES = {form: base for base, *forms in map(str.split, _FORMS.strip().splitlines()) for form in forms}
# Snowball wants a vowel before the s of a plural; abbreviations have none (PDFs, VMs). The s of https is its own.
_ABBREVIATIONS = re.compile(r"(?!https$)[^aeiouy]+[^aeiouys]s")
# Bureaus: an s behind a u is left, as that of virus is its own.
_PLURALS_IN_EAUS = re.compile(r"[a-z]+eaus")
# Snowball takes -ence and -ice off whole words (reference) and not off what is left of `referenced`.
_LOST_E = re.compile(r"(?:(?<=[ea]nc)|(?<=ic))(?:ed|ing)$")
# Stems with a last letter that Snowball leaves of some forms of a word and not of others. It goes from all: of `case`
# as well as of `buse`, as nothing tells which of the two is a word.
_REMAINDERS = re.compile(
    r"""[^aeiouy]++[au]se           # bus, bus|e(s); gas, gas|e(s)
      | (?:[^aeiouy]++|que)ue       # glu|e, glu(ed); queu|e, queu(ed)
      | [a-z]{2,}[^e]as             # alia(s), alia|s(es); canva(s), canva|s(es). Not eras(e), which is no era
      | [a-z]{4,}si                  # hypothes|i(s), hypothes(es)
      | [a-z]*[aeiou][^aeiou]+ick   # panic, panic|k(ed)
      | [a-z]*zz                    # quiz, quiz|z(es)
    """,
    re.VERBOSE,
)


# A text has few distinct words, so most are stems known already; bounded, as damaged files bring words without end.
@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """The stem of an English word in lower case; words of other scripts and with digits pass unchanged."""
    # The stemmer knows English: of `café` or `x86` it would cut by rules that are none of theirs.
    if not (word.isascii() and word.isalpha()):
        return word
    word = _BASES.get(word, word)
    if _ABBREVIATIONS.fullmatch(word):
        return word[:-1]
    if _PLURALS_IN_EAUS.fullmatch(word):
        word = word[:-1]
    root: str = _stemmer().stemWord(_LOST_E.sub("e", word))
    return root[:-1] if _REMAINDERS.fullmatch(root) else root


@cache
def _stemmer() -> Stemmer:
    return Stemmer("english")
