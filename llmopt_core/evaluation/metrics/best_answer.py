"""Metrics against one reference answer -> against the best of several right answers, as SQuAD counts."""

from __future__ import annotations

from dataclasses import replace

from llmopt_core.evaluation.sample import Meter, Outcome, Sample, Work
from llmopt_core.evaluation.text import normalise
from llmopt_core.types import Example

# Each costs calls of the judge, and further ones are mostly other spellings of the same.
MOST_ANSWERS = 5
VERSION = "best"
"""Part of the key of scores that count the best of several answers, so that those by the first one are not taken."""


def distinct_answers(example: Example) -> tuple[str, ...]:
    """The right answers that differ by more than case, punctuation and articles, the first of each."""
    answers: dict[str, str] = {}
    for answer in example.right_answers:
        if answer.strip():
            # An answer of punctuation alone, such as "-", is normalised to nothing and stands for itself.
            answers.setdefault(normalise(answer) or answer, answer)
    return tuple(answers.values())


def best_of_answers(work: Work) -> Work:
    """The work done once for each right answer until one scores 1; the first of the best counts and is named."""

    async def score(sample: Sample, meter: Meter) -> Outcome:
        answers = distinct_answers(sample.example)
        # With one answer nothing is added to the explanation, so scores are as they were.
        if len(answers) < 2:
            return await work(sample, meter)
        outcomes: list[tuple[Outcome, str]] = []
        for answer in answers[:MOST_ANSWERS]:
            outcomes.append((await work(_with_reference(sample, answer), meter), answer))
            # No other answer can do better, and each costs calls.
            if outcomes[-1][0].value >= 1.0:
                break
        # `max` gives the first of equals, so the order of the answers decides and not chance.
        best, best_answer = max(outcomes, key=lambda one: one[0].value)
        count = f"the first {MOST_ANSWERS} of {len(answers)}" if len(answers) > MOST_ANSWERS else f"{len(answers)}"
        return replace(best, explanation=f"{best.explanation} Best of {count} right answers: {best_answer}".strip())

    return score


def _with_reference(sample: Sample, answer: str) -> Sample:
    return replace(sample, example=replace(sample.example, reference=answer))
