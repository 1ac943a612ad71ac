"""Few-shot examples that also stand in the evaluation set: what they would show is not what a model can do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from llmopt_core.prompts.few_shot import question_of

NEAR = 0.9
MOST_EDITS = 25


@dataclass(frozen=True, slots=True)
class Overlap:
    """A few-shot example and the question of the evaluation set it repeats.

    Attributes:
        example: Position among the few-shot examples.
        question: Position among the questions.
        kind: `exact` after normalising case, spaces and punctuation; `near` where a tenth of the characters, and at
            most 25, differ.
        similarity: 1 minus the edit distance over the longer length.
    """

    example: int
    question: int
    kind: Literal["exact", "near"]
    similarity: float


def find_overlap(examples: Sequence[Mapping[str, str]], questions: Sequence[str]) -> list[Overlap]:
    """Each few-shot example that repeats a question, with the nearest one."""
    shots = [normalised(question_of(dict(example))) for example in examples]
    asked = [normalised(question) for question in questions]
    if not shots or not asked:
        return []
    scores = process.cdist(
        shots, asked, scorer=Levenshtein.normalized_similarity, score_cutoff=NEAR, dtype=np.float32, workers=1
    )
    found = []
    for number, row in enumerate(scores):
        best = int(np.argmax(row))
        longest = max(len(shots[number]), len(asked[best]))
        if shots[number] and row[best] > 0 and (1 - row[best]) * longest <= MOST_EDITS + 0.5:
            kind: Literal["exact", "near"] = "exact" if shots[number] == asked[best] else "near"
            found.append(Overlap(number, best, kind, float(row[best])))
    return found


def without_overlap(examples: Sequence[dict[str, str]], questions: Sequence[str]) -> list[dict[str, str]]:
    """The examples that repeat no question."""
    repeated = {overlap.example for overlap in find_overlap(examples, questions)}
    return [example for number, example in enumerate(examples) if number not in repeated]


def normalised(text: str) -> str:
    """Case folded, full-width forms made plain, punctuation gone, single spaces."""
    return " ".join(re.sub(r"[\W_]+", " ", unicodedata.normalize("NFKC", text).casefold()).split())
