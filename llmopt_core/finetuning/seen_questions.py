"""Which evaluation questions stand in the texts that something was trained on: word for word, or nearly."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from llmopt_core.finetuning.data import TrainingExample, message_text
from llmopt_core.finetuning.similarity import Overlap, words
from llmopt_core.prompts.overlap import find_overlap, normalised

Seen = Literal["exact", "near"]

# `Question:`, `User question:`, `问题：` before what is asked.
_LABEL = re.compile(r"^\W*\w+(?: \w+)?\s*[:\uff1a]\s*")
_FIGURE = re.compile(r"\d+")
_ENDS_QUESTION = ("?", "\uff1f")
# A shorter question is bound to stand in other texts by chance. A CJK character is less than a word.
_LONG_QUESTION = 5.0
_CHARACTER = 0.6
_SHARE_OF_TEXT = 0.5
_SLACK = 40


def asked_in(examples: Iterable[TrainingExample]) -> Iterator[str]:
    """Every text that a user says in training examples, before the answer that is learned."""
    for example in examples:
        yield from (text for m in example.prompt if m.get("role") == "user" and (text := message_text(m)))


def seen_questions(questions: Sequence[str], texts: Iterable[str]) -> dict[int, Seen]:
    """The questions that stand in training texts, by their position.

    A text is a question, or a whole prompt with the question in it. `exact`: the question is the text, a line of it, or
    stands in it word for word, whatever the case, spaces and punctuation. `near`: a text or line differs by a tenth of
    the characters (at most 25), or holds most of the question's word triples and little else; but never where their
    figures differ.

    Args:
        questions: Of an evaluation set.
        texts: What was trained on; 50,000 questions of usual length against 2,000 take seconds.
    """
    distinct = dict.fromkeys(texts)
    # What is far longer than every question can be none of them.
    longest = 2 * max(map(len, questions), default=0) + _SLACK
    lines = dict.fromkeys(line for text in distinct for line in _lines(text) if len(line) <= longest)
    found: dict[int, Seen] = _contained(questions, distinct | lines)
    asked: dict[tuple[str, ...], list[int]] = {}
    groups: dict[tuple[str, ...], list[str]] = {}
    for line in dict.fromkeys(map(normalised, lines)):
        groups.setdefault(_numbers(line), []).append(line)
    for number, question in enumerate(questions):
        asked.setdefault(_numbers(normalised(question)), []).append(number)
    for figures, numbers in asked.items():
        texts_alike = [{"question": questions[number]} for number in numbers]
        for overlap in find_overlap(texts_alike, groups.get(figures, ())):
            number = numbers[overlap.example]
            if overlap.kind == "exact" or number not in found:
                found[number] = overlap.kind
    return dict(sorted(found.items()))


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


def _contained(questions: Sequence[str], texts: Mapping[str, None]) -> dict[int, Seen]:
    """Questions inside longer texts."""
    listed = [words(question) for question in questions]
    overlap = Overlap(questions)
    found: dict[int, Seen] = {}
    for text in texts:
        inside = words(text)
        for number in overlap.find_all(inside):
            if found.get(number) != "exact" and (kind := _kind(listed[number], inside)):
                found[number] = kind
    return found


def _kind(question: Sequence[str], inside: Sequence[str]) -> Seen | None:
    weight = sum(_CHARACTER if len(word) == 1 and word > "\u3000" else 1.0 for word in question)
    if weight >= _LONG_QUESTION and f" {' '.join(question)} " in f" {' '.join(inside)} ":
        return "exact"
    # Questions about a passage share many words with it, so a text that says much else is not nearly the question.
    alike = len(question) >= _SHARE_OF_TEXT * len(inside)
    figures = {word for word in question if _FIGURE.search(word)}
    return "near" if alike and figures <= set(inside) else None
