"""Where sentences end, in scripts with and without spaces.

Two rules, because two things rest on them: the borders of chunks, which must give back the text to the character and
may span lines (`sentence_spans`), and the statements that judges grade, where each line stands for itself
(`sentences`). The built-in judge's agreement with people was measured with the second as it is; a change to either
changes cached results, and wants a new version of the judge or of chunking.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

# What closes a quote somewhere: German ends with what begins an English one.
_CLOSERS = "\"'”’“‘»«›‹)\\]）】」』》〉〕｝＂＇"
# Without the marks that open a quote in English or French: in East Asian texts those open one, too.
_EAST_ASIAN_CLOSERS = re.sub("[“‘«‹]", "", _CLOSERS)
_END = re.compile(
    # CJK: the marks themselves end the sentence, whatever follows; but not inside a quote that goes on.
    rf"[。！？｡]++[{_EAST_ASIAN_CLOSERS}]*+(?!(?<=[{_EAST_ASIAN_CLOSERS}])(?:と|って|という|、|，|,))\s*"
    # Elsewhere: a mark, white space, and no small letter after it. In a row of marks only the first begins a match:
    # each of a thousand dots would look through all those after it.
    rf"|(?:(?<![.!?…])[.!?…]|[؟۔।॥])[.!?…]*[{_CLOSERS}]*\s+(?![a-zà-öø-ÿа-яα-ω])"
    # A blank line, and a line before a list item, heading or table row.
    r"|\n[ \t]*\n\s*|\n(?=[ \t]*(?:[-*•#|]|\d{1,3}[.)] ))"
)
_SHORT_WORDS = (
    "mr mrs ms dr prof sr jr st vs etc eg ie cf al fig figs vol pp ed eds inc ltd co corp dept est approx gen "
    "col lt sgt capt rev hon gov sen rep jan feb mar apr jun jul aug sep sept oct nov dec bzw ca usw "
    "vgl ggf evtl inkl exkl zzgl bspw sog mio mrd hrsg dipl ing geb gez lfd nr"
)
_ABBREVIATIONS = frozenset(_SHORT_WORDS.split())
# Words of their own too, such as `art`: short for something where a number follows.
_SHORT_BEFORE_NUMBERS = "no nos art arts abs ziff abb tab kap bd aufl rn anm sec secs ch chap para eq ex tel"
_BEFORE_NUMBERS = frozenset(_SHORT_BEFORE_NUMBERS.split())
_LAST_WORD = re.compile(r"(?:^|[\s(\[\"'“‘])([^\s()\[\]\"'“‘]+)$")
_MONTHS = (
    "januar februar märz april mai juni juli august september oktober november dezember jänner quartal jahrhundert"
)
_GERMAN_MONTHS = frozenset(_MONTHS.split())
# Before a number with a full stop they make it an ordinal: `im 2. Stock`, `die 3. Auflage`.
_BEFORE_ORDINALS = re.compile(
    r"\b(?:der|die|das|dem|den|des|(?<!\bi )am|im|vom|zum|zur|beim|jede[rnsm]?|eine?[rnsm]?|seine?[rnsm]?|ihre?[rnsm]?)"
    r"\s\d{1,2}$",
    re.IGNORECASE,
)
# `3. 4. 2021`
_DATE_AFTER, _DATE_BEFORE, _YEAR = (
    re.compile(r"\d{1,2}\.\s?\d{4}\b"),
    re.compile(r"\d\.\s?\d{1,2}$"),
    re.compile(r"\d{4}\b"),
)
_NEXT_WORD = re.compile(r"[^\W\d_]+")
# Of a shortened phrase in one-letter words, such as `z. B.` and `i. d. R.`: the next of them.
_NEXT_LETTER = re.compile(r"[^\W\d_]\.")
_INITIAL = re.compile(r"(?:[A-Z]\.)*[A-Z]|(?:[a-z]\.)+[a-z]")
# Characters: longer than any abbreviation or month, and short enough that a text without spaces costs no more.
_LOOK_BACK = 24
# A full stop ends a sentence before white space and something that can start one, but not after an initial or a
# common abbreviation; CJK full stops need no space. Closing quotes belong to the sentence they close.
_LINE_OR_SENTENCE_END = re.compile(
    r"(?P<closing>(?<=[.!?…])[\"'”’)\]]*)\s+(?=[\"'“‘(\[]*[^\W_a-z])"
    r"|(?P<cjk>(?<=[。！？；])[”’」』）]*)(?![”’」』）])|(?<!\s)[^\S\n]*+\n\s*+"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Mt|Jr|Sr|vs|No|Inc|Ltd|Co|Corp|Gen|Col|Lt|Sgt|Gov|Sen|Rep|Rev|Fig|ca|cf|approx)"
    r"|\b[A-Z]|\be\.g|\bi\.e)\.$"
)


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Sentences that together are the whole text; white space goes with the sentence before it."""
    borders = [0]
    for match in _END.finditer(text):
        end = match.end()
        # Only what is inside: a border at the end would make an empty sentence.
        if end > borders[-1] and end < len(text) and not _is_abbreviation(text, match):
            borders.append(end)
    borders.append(len(text))
    return [(a, b) for a, b in pairwise(borders) if b > a]


def sentences(text: str) -> list[str]:
    """The sentences of a text, stripped, in order; line breaks end sentences too."""
    return join_abbreviations(_pieces(text))


def join_abbreviations(pieces: Iterable[str]) -> list[str]:
    """The pieces, stripped; one that was cut behind an abbreviation such as `Dr.` is joined with the next."""
    sentences: list[str] = []
    for piece in map(str.strip, pieces):
        if piece and sentences and _ABBREVIATION.search(sentences[-1]):
            sentences[-1] += f" {piece}"
        elif piece:
            sentences.append(piece)
    return sentences


def _pieces(text: str) -> Iterator[str]:
    start = 0
    for match in _LINE_OR_SENTENCE_END.finditer(text):
        ending = match["closing"] or match["cjk"] or ""
        yield text[start : match.start() + len(ending)]
        start = match.end()
    yield text[start:]


def _is_abbreviation(text: str, match: re.Match[str]) -> bool:
    """Whether the full stop belongs to a word such as `Dr.`, `e.g.` or an initial."""
    # An ellipsis is no abbreviation.
    if text[match.start()] != "." or text[match.start() : match.start() + 2] == "..":
        return False
    word = _LAST_WORD.search(text[max(0, match.start() - _LOOK_BACK) : match.start()])
    if word is None:
        return False
    if word[1].lower() in _ABBREVIATIONS or _INITIAL.fullmatch(word[1]) is not None:
        return True
    if word[1].lower() in _BEFORE_NUMBERS:
        return text[match.end() : match.end() + 1].isdecimal()
    # `z. B.`: a small letter ends a sentence where no other follows (`variant b. Then`).
    if len(word[1]) == 1 and word[1].islower():
        return _NEXT_LETTER.match(text, match.end()) is not None
    # Days, months, floors; `In 1999. Then` ends.
    return word[1].isdecimal() and len(word[1]) <= 2 and _is_ordinal(text, match)


def _is_ordinal(text: str, match: re.Match[str]) -> bool:
    """Whether the full stop makes a number the third, as in `am 3. Mai`, or stands in a date, as in German."""
    # Bounded: a word may be a megabyte of letters.
    following = _NEXT_WORD.match(text, match.end(), match.end() + _LOOK_BACK)
    before = text[max(0, match.start() - _LOOK_BACK) : match.start()]
    if following is None:
        date = _DATE_BEFORE.search(before) and _YEAR.match(text, match.end())
        return bool(date or _DATE_AFTER.match(text, match.end()))
    return following[0].lower() in _GERMAN_MONTHS or _BEFORE_ORDINALS.search(before) is not None
