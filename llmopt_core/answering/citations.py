"""Which of the given passages an answer rests on: by its own `[1]` marks, else by comparing the texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from llmopt_core.text.scripts import EAST_ASIAN
from llmopt_core.text.words import fold, words
from llmopt_core.types import Hit

# One mark may name several: [1, 2], [1-3]; some models write them in full-width brackets.
# Three digits: `[2021]` is a year. Numbers and separators take turns, so the repeats never compete.
_NUMBERS = r"\d{1,3}(?:\s*[-–,;、]\s*\d{1,3})*"
MARK = rf"[\[【]\s*{_NUMBERS}\s*[\]】]"
_MARKS = re.compile(MARK)
_RANGE = re.compile(r"(?<!\d)(\d++)\s*+[-–]\s*+(\d+)")
_LETTER = rf"[^\W{EAST_ASIAN}]"

# Rule of thumb: where fewer than half of a sentence's words stand in a passage, it hardly came from there.
ENOUGH = 0.5
# English alone: in other languages the small words count as well, which lifts the share of every passage alike.
_STOP_WORDS = """a an and are as at be been but by did do does for from had has have he her his how i in is it its not
of on or she that the their them they this to was we were what when where which who whom whose why will with you"""
_STOP = frozenset(_STOP_WORDS.split())


@dataclass(frozen=True, slots=True)
class Citations:
    """Positions of the cited passages (0-based, in order of first mention), and how they were found."""

    positions: tuple[int, ...]
    notes: tuple[str, ...] = ()


def find_citations(answer: str, hits: Sequence[Hit]) -> Citations:
    """The passages an answer cites; where it has no marks, those that hold its text, else the one nearest to it."""
    if not hits or not answer.strip():
        return Citations(())
    numbers = read_citation_numbers(answer)
    wrong = tuple(
        f"The answer cites [{number}], but only {len(hits)} passages were given."
        for number in numbers
        if number > len(hits)
    )
    right = tuple(number - 1 for number in numbers if number <= len(hits))
    if right:
        return Citations(right, wrong)
    citations = _from_text(without_marks(answer), [hit.chunk.text for hit in hits])
    return Citations(citations.positions, wrong + citations.notes)


def read_citation_numbers(answer: str) -> list[int]:
    """The numbers in an answer's `[1]` marks, each once, in order."""
    numbers: list[int] = []
    for mark in _MARKS.findall(answer):
        for start, end in _RANGE.findall(mark):
            # `[1-999]` is a slip or a trick, and would make a note for each number.
            numbers += range(int(start), min(int(end), int(start) + 100) + 1)
        numbers += [int(number) for number in re.findall(r"\d+", _RANGE.sub("", mark))]
    # Passages are numbered from 1; `[0]` names none.
    return [number for number in dict.fromkeys(numbers) if number > 0]


def without_marks(answer: str) -> str:
    """The answer without its citation marks."""
    # With the blanks before it, so that no space stays before a full stop; begun at the first of them only.
    return re.sub(rf"(?<![ \t])[ \t]*+{MARK}", "", answer).strip()


def content_words(text: str) -> list[str]:
    """Case-folded words without English stop words; each Chinese, Japanese or Korean character is a word."""
    all_words = words(text)
    # "To be or not to be" has no others.
    return [word for word in all_words if word not in _STOP] or all_words


def coverage(claim: str, passage: str) -> float:
    """Share of the claim's content words that stand in the passage, 0 to 1."""
    claim_words, there = content_words(claim), set(words(passage))
    return sum(word in there for word in claim_words) / len(claim_words) if claim_words else 0.0


def _from_text(answer: str, passages: Sequence[str]) -> Citations:
    # Passages seldom end a sentence where the answer does.
    needle = fold(answer).strip(" .。!?！？")
    holding = tuple(i for i, passage in enumerate(passages) if needle and _holds(fold(passage), needle))
    if holding:
        return Citations(holding, ("Cited by text: the answer stands word for word in the passage.",))
    shares = [coverage(answer, passage) for passage in passages]
    # Of equal ones the first, which retrieval found best.
    best = max(range(len(passages)), key=shares.__getitem__)
    if shares[best] < ENOUGH:
        return Citations((), ("No citation: the answer has no marks, and no passage holds its words.",))
    share = f"{shares[best]:.0%}"
    return Citations((best,), (f"Cited by text: the best passage holds {share} of the answer's words.",))


def _holds(passage: str, phrase: str) -> bool:
    """Whether the text stands there in whole words: "19" does not stand in "1943". Chinese has no gaps to mind."""
    # Only where the text itself begins with a letter or digit: before a quote anything may stand.
    before = rf"(?<!{_LETTER})" if re.match(_LETTER, phrase) else ""
    after = rf"(?!{_LETTER})" if re.match(_LETTER, phrase[-1]) else ""
    return re.search(before + re.escape(phrase) + after, passage) is not None
