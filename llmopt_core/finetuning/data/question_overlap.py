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
_LABEL = re.compile(r"^\W*\w+(?: \w+)?\s*[:\uff1a]\s*")
_LITTLE = re.compile(r"[^\W\d_\u2e80-\uffff]{1,3}")
_FIGURE = re.compile(r"\d+")
_ENDS_QUESTION = ("?", "\uff1f")
# A shorter question is bound to stand in other texts by chance. A CJK character is less than a word.
_LONG_QUESTION = 5.0
_CHARACTER = 0.6
_SHARE_OF_TEXT = 0.5
_SHARE_OF_TRIPLES = 0.5
_SLACK = 40
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
    distinct = dict.fromkeys(texts)
    # What is far longer than every question can be none of them.
    longest = 2 * max(map(len, questions), default=0) + _SLACK
    lines = dict.fromkeys(line for text in distinct for line in _lines(text) if len(line) <= longest)
    found: dict[int, QuestionOverlap] = _find_containment(questions, distinct | lines)
    groups = group_values((_numbers(line), line) for line in dict.fromkeys(map(fold_to_words, lines)))
    asked = group_values((_numbers(fold_to_words(question)), number) for number, question in enumerate(questions))
    for figures, numbers in asked.items():
        alike, others = [{"question": questions[number]} for number in numbers], groups.get(figures, [])
        for overlap in find_overlap(alike, others):
            number = numbers[overlap.example]
            if overlap.kind == "exact":
                found[number] = "exact"
            elif number not in found and _same_but_for_typing(questions[number], others[overlap.question]):
                found[number] = "near"
    return dict(sorted(found.items()))


def _same_but_for_typing(question: str, text: str) -> bool:
    """Whether two texts a few characters apart ask the same: no word is another one, such as another name."""
    a, b = words(question), words(text)
    for kind, a_start, a_end, b_start, b_end in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        left, right = a[a_start:a_end], b[b_start:b_end]
        if kind == "equal" or all(_LITTLE.fullmatch(word) or is_east_asian(word) for word in (*left, *right)):
            continue
        joined = "".join(left), "".join(right)
        most = 2 if max(map(len, joined)) >= _LONG_WORD else 1
        if Levenshtein.distance(*joined, score_cutoff=most) > most:
            return False
    return True


def _numbers(text: str) -> tuple[str, ...]:
    """The figures in a text. Two questions that differ in one of them are two questions, however alike they look."""
    return tuple(sorted(_FIGURE.findall(text)))


def _lines(text: str) -> Iterator[str]:
    """The text, and those of its lines that may be the question; each also without a label before it."""
    lines = [line for line in (raw.strip() for raw in text.splitlines()) if line]
    if len(lines) > 1:
        yield text
    for number, line in enumerate(lines, 1):
        label = _LABEL.match(line)
        if number == len(lines) or label or line.endswith(_ENDS_QUESTION):
            yield line
            if label:
                yield line[label.end() :]


def _find_containment(questions: Sequence[str], texts: Mapping[str, None]) -> dict[int, QuestionOverlap]:
    """Questions inside longer texts."""
    listed = [words(question) for question in questions]
    overlap = Overlap(questions, near=_SHARE_OF_TRIPLES)
    found: dict[int, QuestionOverlap] = {}
    for text in texts:
        inside = words(text)
        for number in overlap.find_all(inside):
            if found.get(number) != "exact" and (kind := _kind(listed[number], inside)):
                found[number] = kind
    return found


def _kind(question: Sequence[str], inside: Sequence[str]) -> QuestionOverlap | None:
    weight = sum(_CHARACTER if len(word) == 1 and is_east_asian(word) else 1.0 for word in question)
    if weight >= _LONG_QUESTION and f" {' '.join(question)} " in f" {' '.join(inside)} ":
        return "exact"
    # Questions about a passage share many words with it, so a text that says much else is not nearly the question.
    alike = len(question) >= _SHARE_OF_TEXT * len(inside)
    # Short words may differ; another name, figure or CJK character makes another question.
    missing = set(question) - set(inside)
    return "near" if alike and all(_LITTLE.fullmatch(word) for word in missing) else None
