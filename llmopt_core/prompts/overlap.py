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

SHARE = 0.1
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
    # A bound on the edits, unlike one on their share, lets the comparison of long texts stop early.
    distances = process.cdist(
        shots, asked, scorer=Levenshtein.distance, score_cutoff=MOST_EDITS, dtype=np.int32, workers=1
    )
    found = []
    for number, row in enumerate(distances):
        best = int(np.argmin(row))
        edits, longest = int(row[best]), max(len(shots[number]), len(asked[best]))
        if shots[number] and edits <= min(MOST_EDITS, SHARE * longest):
            kind: Literal["exact", "near"] = "near" if edits else "exact"
            found.append(Overlap(number, best, kind, 1 - edits / longest))
    return found


def without_overlap(examples: Sequence[dict[str, str]], questions: Sequence[str]) -> list[dict[str, str]]:
    """The examples that repeat no question."""
    repeated = {overlap.example for overlap in find_overlap(examples, questions)}
    return [example for number, example in enumerate(examples) if number not in repeated]


def normalised(text: str) -> str:
    """Case folded, full-width forms made plain, punctuation gone, single spaces."""
    return " ".join(re.sub(r"[\W_]+", " ", unicodedata.normalize("NFKC", text).casefold()).split())
