"""Which evaluation questions stand in the texts that something was trained on: word for word, or nearly."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Literal

from rapidfuzz.distance import Levenshtein

from llmopt_core.finetuning.data.examples import TrainingExample, message_text
from llmopt_core.finetuning.data.similarity import Overlap
from llmopt_core.prompts.overlap import find_overlap
from llmopt_core.text.scripts import is_east_asian
from llmopt_core.text.words import fold_to_words, words
from llmopt_core.types.grouping import group_values

QuestionOverlap = Literal["exact", "near"]

# `Question:`, `User question:`, `问题：` before what is asked.
# One or two words before a colon, ASCII or full-width (\uff1a). "Who wrote it: A or B" begins with three words and is
# no label. Each part takes other characters than the next, so a long line costs one pass.
_LABEL = re.compile(r"^\W*\w+(?: \w+)?\s*[:\uff1a]\s*")
# Words of up to three letters (the, of, was), in scripts before \u2e80, where those of East Asia begin: a single
# character there is a word with a meaning.
_LITTLE = re.compile(r"[^\W\d_\u2e80-\uffff]{1,3}")
_FIGURE = re.compile(r"\d+")
_ENDS_QUESTION = ("?", "\uff1f")
# A shorter question is bound to stand in other texts by chance. A CJK character is less than a word.
# In words. A larger number misses short questions that were trained on, a smaller one finds "What is it?" everywhere.
_LONG_QUESTION = 5.0
# About 1.7 characters make a word in Chinese.
_CHARACTER = 0.6
# The question must be at least half of the text, and half of its triples must be found in it; both are guesses on the
# side of saying less.
_SHARE_OF_TEXT = 0.5
_SHARE_OF_TRIPLES = 0.5
# Characters for a label and some politeness around a question.
_SLACK = 40
# Letters from which a word may have two typing errors instead of one, about one in four.
_LONG_WORD = 8


def user_texts(examples: Iterable[TrainingExample]) -> Iterator[str]:
    """Every text that a user says in training examples, before the answer that is learned."""
    for example in examples:
        yield from (text for m in example.prompt if m.get("role") == "user" and (text := message_text(m)))


def find_question_overlap(questions: Sequence[str], texts: Iterable[str]) -> dict[int, QuestionOverlap]:
    """The questions that stand in training texts, by their position.

    A text is a question, or a whole prompt with the question in it. `exact`: the question is the text, a line of it, or
    stands in it word for word, whatever the case, spaces and punctuation. `near`: a text or line differs by a tenth of
    the characters (at most 25), or holds the words of the question in their order and little else; but never where a
    figure or a word is another one.

    Args:
        questions: Of an evaluation set.
        texts: What was trained on; 50,000 questions of usual length against 2,000 take seconds.
    """
    # A dictionary instead of a set keeps the order, so the same texts give the same result.
    distinct = dict.fromkeys(texts)
    # What is far longer than every question can be none of them.
    longest = 2 * max(map(len, questions), default=0) + _SLACK
    lines = dict.fromkeys(line for text in distinct for line in _lines(text) if len(line) <= longest)
    overlaps: dict[int, QuestionOverlap] = _find_containment(questions, distinct | lines)
    # Grouped by figures first: edit distances are reckoned only among texts with the same ones.
    groups = group_values((_numbers(line), line) for line in dict.fromkeys(map(fold_to_words, lines)))
    question_groups = group_values(
        (_numbers(fold_to_words(question)), number) for number, question in enumerate(questions)
    )
    for figures, numbers in question_groups.items():
        question_rows, others = [{"question": questions[number]} for number in numbers], groups.get(figures, [])
        for overlap in find_overlap(question_rows, others):
            number = numbers[overlap.example]
            # Positions within the group, so both are looked up in their own lists.
            if overlap.kind == "exact":
                overlaps[number] = "exact"
            # Never over an exact one, which containment may have found before.
            elif number not in overlaps and _same_but_for_typing(questions[number], others[overlap.question]):
                overlaps[number] = "near"
    return dict(sorted(overlaps.items()))


def _same_but_for_typing(question: str, text: str) -> bool:
    """Whether two texts a few characters apart ask the same: no word is another one, such as another name."""
    a, b = words(question), words(text)
    # `autojunk` leaves out words that are common in long texts, and would call equal ones different.
    for kind, a_start, a_end, b_start, b_end in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        a_part, b_part = a[a_start:a_end], b[b_start:b_end]
        # A CJK character may differ here: the edit distance that was passed before already limits how many do.
        if kind == "equal" or all(_LITTLE.fullmatch(word) or is_east_asian(word) for word in (*a_part, *b_part)):
            continue
        # Joined, so that "data base" is "database" with no error.
        pair = "".join(a_part), "".join(b_part)
        edit_limit = 2 if max(map(len, pair)) >= _LONG_WORD else 1
        # `score_cutoff` stops reckoning as soon as the limit is passed.
        if Levenshtein.distance(*pair, score_cutoff=edit_limit) > edit_limit:
            return False
    return True


def _numbers(text: str) -> tuple[str, ...]:
    """The figures in a text. Two questions that differ in one of them are two questions, however alike they look."""
    return tuple(sorted(_FIGURE.findall(text)))


def _lines(text: str) -> Iterator[str]:
    """The text, and those of its lines that may be the question; each also without a label before it."""
    lines = [line for line in (raw.strip() for raw in text.splitlines()) if line]
    if len(lines) > 1:  # a text of one line is that line, which comes below
        yield text
    for number, line in enumerate(lines, 1):
        label = _LABEL.match(line)
        # Templates put the question last, behind a label, or mark it by its question mark.
        if number == len(lines) or label or line.endswith(_ENDS_QUESTION):
            yield line
            if label:
                yield line[label.end() :]


def _find_containment(questions: Sequence[str], texts: Mapping[str, None]) -> dict[int, QuestionOverlap]:
    """Questions inside longer texts."""
    question_words = [words(question) for question in questions]
    overlap = Overlap(questions, near=_SHARE_OF_TRIPLES)
    overlaps: dict[int, QuestionOverlap] = {}
    for text in texts:
        text_words = words(text)
        for number in overlap.find_all(text_words):
            # An exact find is final; others may be found better in another text.
            if overlaps.get(number) != "exact" and (kind := _kind(question_words[number], text_words)):
                overlaps[number] = kind
    return overlaps


def _kind(question: Sequence[str], inside: Sequence[str]) -> QuestionOverlap | None:
    weight = sum(_CHARACTER if len(word) == 1 and is_east_asian(word) else 1.0 for word in question)
    # Spaces on both sides, so that "art" is not found within "part".
    if weight >= _LONG_QUESTION and f" {' '.join(question)} " in f" {' '.join(inside)} ":
        return "exact"
    # Questions about a passage share many words with it, so a text that says much else is not nearly the question.
    is_alike = len(question) >= _SHARE_OF_TEXT * len(inside)
    # Short words may differ; another name, figure or CJK character makes another question.
    missing = set(question) - set(inside)
    return "near" if is_alike and all(_LITTLE.fullmatch(word) for word in missing) else None
