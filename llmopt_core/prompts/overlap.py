"""Few-shot examples that also stand in the evaluation set: what they would show is not what a model can do."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Literal

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from llmopt_core.prompts.few_shot import question_of
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.text.words import fold_to_words
from llmopt_core.types import Example

# As for near repeats in training data: a tenth of the characters may differ, and not more than 25.
SHARE = 0.1
MOST_EDITS = 25
# Texts per side: a table of 4,096 x 4,096 distances takes 64 MB.
_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Overlap:
    """A few-shot example and the question of the evaluation set it repeats.

    Attributes:
        example: Position among the few-shot examples.
        question: Position among the questions.
        kind: `exact` after normalising case, spaces and punctuation; `near` where a tenth of the characters, and at
            most 25, differ.
    """

    example: int
    question: int
    kind: Literal["exact", "near"]


def find_overlap(examples: Sequence[Mapping[str, str]], questions: Sequence[str]) -> list[Overlap]:
    """Each few-shot example that repeats a question, with the nearest one."""
    shots = [fold_to_words(question_of(dict(example))) for example in examples]
    texts = [fold_to_words(question) for question in questions]
    # Sorted, since exact ones are found before near ones.
    nearest = sorted(_nearest(shots, texts).items())
    return [Overlap(number, best, "near" if edits else "exact") for number, (best, edits) in nearest]


def _nearest(shots: Sequence[str], questions: Sequence[str]) -> dict[int, tuple[int, int]]:
    """For each text that is close to one of `questions`: the closest one, and the number of edits."""
    places: dict[str, int] = {}
    for place, text in enumerate(questions):
        # Of equal questions the first is named.
        places.setdefault(text, place)
    matches = {number: (places[shot], 0) for number, shot in enumerate(shots) if shot and shot in places}
    by_length = sorted((len(text), place, text) for text, place in places.items() if text)
    lengths = [length for length, _, _ in by_length]
    # By length: all of one length are compared with the same stretch of questions.
    groups: dict[int, list[int]] = {}
    for number, shot in enumerate(shots):
        if shot and number not in matches:
            groups.setdefault(len(shot), []).append(number)
    for length, numbers in groups.items():
        # Whatever is much longer or shorter differs by more edits than are allowed, so it is never compared.
        start = bisect_left(lengths, length - _most_edits(length))
        end = bisect_right(lengths, next(n for n in count(length) if n + 1 - length > _most_edits(n + 1)))
        for at in range(start, end, _AT_ONCE):
            part = by_length[at : min(end, at + _AT_ONCE)]
            for first in range(0, len(numbers), _AT_ONCE):
                _compare(shots, numbers[first : first + _AT_ONCE], part, matches)
    return matches


def _compare(
    shots: Sequence[str],
    numbers: Sequence[int],
    part: Sequence[tuple[int, int, str]],
    near: dict[int, tuple[int, int]],
) -> None:
    """Note in `near` each shot that is close to a text of `part`, where it is closer than what is noted there."""
    most = _most_edits(max(len(shots[numbers[0]]), part[-1][0]))
    edits = process.cdist(
        [shots[number] for number in numbers],
        [text for _, _, text in part],
        scorer=Levenshtein.distance,
        score_cutoff=most,
        dtype=np.int32,
        # Threads of its own would take the cores from jobs that go on beside it.
        workers=1,
    )
    for row, column in np.argwhere(edits <= most).tolist():
        number, (length, place, _) = numbers[row], part[column]
        close = (int(edits[row, column]), place)
        # The limit above is that of the longest pair; each pair has its own. Of equally near questions the first
        # counts.
        if close[0] <= _most_edits(max(len(shots[number]), length)) and close < near.get(number, (0, most + 1))[::-1]:
            near[number] = (place, close[0])


def _most_edits(length: int) -> int:
    # Rounded down: texts of fewer than ten characters are equal or not.
    return min(MOST_EDITS, int(SHARE * length))


def without_repeated_questions(prompt: PromptSpec, examples: Sequence[Example]) -> tuple[PromptSpec, tuple[str, ...]]:
    """The prompt without few-shot examples that repeat a question it is going to be asked, and those left out.

    What stands in a prompt cannot be measured with: the model would copy its own example.
    """
    shots = prompt.few_shot
    if shots is None or not shots.examples:
        return prompt, ()
    repeat_numbers = {overlap.example for overlap in find_overlap(shots.examples, [e.question for e in examples])}
    if not repeat_numbers:
        return prompt, ()
    remaining_shots = tuple(shot for number, shot in enumerate(shots.examples) if number not in repeat_numbers)
    dropped_questions = tuple(shots.examples[number].get("question", "") for number in sorted(repeat_numbers))
    # Without any example the set is left out, as its template alone means nothing.
    new_shots = shots.model_copy(update={"examples": remaining_shots}) if remaining_shots else None
    return prompt.model_copy(update={"few_shot": new_shots}), dropped_questions
