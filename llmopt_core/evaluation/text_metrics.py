"""Metrics that compare the answer's text with the reference answer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from llmopt_core.evaluation.sample import Meter, Outcome, Sample
from llmopt_core.evaluation.text import normalise, tokens
from llmopt_core.models.base import Vectors

Encode = Callable[[Sequence[str]], Vectors]


def exact_match(answer: str, reference: str) -> float:
    """1.0 where both are equal after SQuAD normalisation, else 0.0."""
    return float(normalise(answer) == normalise(reference))


def token_f1(answer: str, reference: str) -> float:
    """F1 of the words two texts share (SQuAD); CJK characters count as words."""
    said, meant = tokens(answer), tokens(reference)
    if not said or not meant:
        return float(said == meant)
    shared = sum((Counter(said) & Counter(meant)).values())
    return 2 * shared / (len(said) + len(meant))


async def score_exact_match(sample: Sample, meter: Meter) -> Outcome:
    """Metric `exact_match`."""
    reference = sample.example.reference or ""
    value = exact_match(sample.answer_text, reference)
    return Outcome(value, "Equal to the reference." if value else "Not equal to the reference.")


async def score_answer_f1(sample: Sample, meter: Meter) -> Outcome:
    """Metric `answer_f1`."""
    said, meant = tokens(sample.answer_text), tokens(sample.example.reference or "")
    shared = sum((Counter(said) & Counter(meant)).values())
    value = token_f1(sample.answer_text, sample.example.reference or "")
    return Outcome(value, f"{shared} words shared; the answer has {len(said)}, the reference {len(meant)}.")


def semantic_similarity(encode: Encode) -> Callable[[Sample, Meter], asyncio.Future[Outcome]]:
    """Metric `semantic_similarity` with the given embedding (unit vectors)."""

    async def score(sample: Sample, meter: Meter) -> Outcome:
        if not sample.answer_text:
            return Outcome(0.0, "The answer is blank.")
        pair = await asyncio.to_thread(encode, [sample.answer_text, sample.example.reference or ""])
        cosine = float(np.dot(pair[0], pair[1]))
        return Outcome(min(1.0, max(0.0, cosine)), f"Cosine similarity of the two embeddings: {cosine:.2f}.")

    return score  # type: ignore[return-value]
