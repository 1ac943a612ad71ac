"""Metrics that compare the answer's text with the reference answer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import numpy as np

from llmopt_core.evaluation.sample import Encode, Meter, Outcome, Sample
from llmopt_core.evaluation.text import normalise, tokens


def exact_match(answer: str, reference: str) -> float:
    """1.0 where both are equal after SQuAD normalisation, else 0.0."""
    return float(normalise(answer) == normalise(reference))


def token_f1(answer: str, reference: str) -> float:
    """F1 of the words two texts share (SQuAD); CJK characters count as words."""
    answer_tokens, reference_tokens = tokens(answer), tokens(reference)
    # Both empty after normalising ("The" and "a") are equal; the script of SQuAD 2.0 decides so, too.
    if not answer_tokens or not reference_tokens:
        return float(answer_tokens == reference_tokens)
    # The smaller count of each word: a word that is said five times shares only as often as the reference has it.
    overlap = sum((Counter(answer_tokens) & Counter(reference_tokens)).values())
    return 2 * overlap / (len(answer_tokens) + len(reference_tokens))


async def score_exact_match(sample: Sample, meter: Meter) -> Outcome:
    """Metric `exact_match`: 1 where the answer equals one of the right ones."""
    right_answers = sample.example.right_answers
    reference = max(right_answers, key=lambda one: exact_match(sample.answer_text, one), default="")
    value = exact_match(sample.answer_text, reference)
    if len(right_answers) < 2:
        return Outcome(value, "Equal to the reference answer." if value else "Not equal to the reference answer.")
    none = f"Equal to none of the {len(right_answers)} right answers."
    return Outcome(value, f"Equal to one of {len(right_answers)} right answers: {reference}" if value else none)


async def score_answer_f1(sample: Sample, meter: Meter) -> Outcome:
    """Metric `answer_f1`: against the right answer that is nearest."""
    right_answers = sample.example.right_answers
    reference = max(right_answers, key=lambda one: token_f1(sample.answer_text, one), default="")
    answer_tokens, reference_tokens = tokens(sample.answer_text), tokens(reference)
    overlap = sum((Counter(answer_tokens) & Counter(reference_tokens)).values())
    value = token_f1(sample.answer_text, reference)
    explanation = (
        f"{overlap} words shared; the answer has {len(answer_tokens)}, the reference answer {len(reference_tokens)}."
    )
    if len(right_answers) < 2:
        return Outcome(value, explanation)
    return Outcome(value, f"{explanation} Best of {len(right_answers)} right answers: {reference}")


def semantic_similarity(encode: Encode) -> Callable[[Sample, Meter], asyncio.Future[Outcome]]:
    """Metric `semantic_similarity` to the nearest right answer, with the given embedding (unit vectors)."""

    async def score(sample: Sample, meter: Meter) -> Outcome:
        if not sample.answer_text:
            return Outcome(0.0, "The answer is blank.")
        right_answers = sample.example.right_answers
        answer_vector, *right_vectors = await asyncio.to_thread(encode, [sample.answer_text, *right_answers])
        cosines = [float(np.dot(answer_vector, one)) for one in right_vectors]
        cosine = max(cosines)
        explanation = f"Cosine similarity of the two embeddings: {cosine:.2f}."
        if len(right_answers) > 1:
            explanation += f" Best of {len(right_answers)} right answers: {right_answers[cosines.index(cosine)]}"
        # Cosines of unlike texts can be negative; scores are between 0 and 1.
        return Outcome(min(1.0, max(0.0, cosine)), explanation)

    # A coroutine function is a callable that gives an awaitable, which mypy does not take for a Future.
    return score  # type: ignore[return-value]
