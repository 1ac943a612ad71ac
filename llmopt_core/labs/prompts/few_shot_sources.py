"""Where few-shot examples come from: good records of earlier runs; and which of them repeat a question."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.experiments.run_scores import higher_is_better
from llmopt_core.types import Record


def examples_from_records(
    records: Sequence[Record],
    metric: str,
    threshold: float,
    *,
    answer: str = "model",
    with_context: bool = False,
) -> list[dict[str, str]]:
    """Few-shot examples from answers that scored well, best first, each question once.

    Args:
        records: Of one run or several.
        metric: Which score decides.
        threshold: Answers whose score is worse are left out.
        answer: `model` shows what the model said, `reference` the reference answer.
        with_context: Whether the chunks shown to the model go along, as `context`.
    """
    # Turned where less is better, so that more is.
    sign = 1 if higher_is_better(metric) else -1
    candidates = [(sign * score, record) for record in records if (score := _value(record, metric)) is not None]
    good = [item for item in candidates if item[0] >= sign * threshold]
    # Stable: of equal scores the earlier record first.
    good.sort(key=lambda item: -item[0])
    examples: dict[str, dict[str, str]] = {}
    for _, record in good:
        text = record.example.reference if answer == "reference" else record.answer and record.answer.text
        # Failed answers and missing references show nothing. The best answer to a question stays.
        if not text or record.example.question in examples:
            continue
        examples[record.example.question] = {**_context(record, with_context), "question": record.example.question,
                                             "answer": text}  # fmt: skip
    return list(examples.values())


def _value(record: Record, metric: str) -> float | None:
    score = record.scores.get(metric)
    if score is None or record.answer is None or record.failure is not None:
        return None
    return score.value


def _context(record: Record, with_context: bool) -> dict[str, str]:
    hits = record.answer.hits if record.answer is not None and with_context else ()
    # White space around chunks would be read as part of the example.
    return {"context": "\n\n".join(hit.chunk.text.strip() for hit in hits)} if hits else {}
