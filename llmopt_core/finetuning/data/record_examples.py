"""Training examples from what a project already has: runs, votes, corrected answers, few-shot sets."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from llmopt_core.finetuning.data.examples import ChatMessage, TrainingExample, preference_example
from llmopt_core.models.openai.wire_messages import message_body
from llmopt_core.types import Message, Record


def examples_from_records(
    records: Iterable[Record],
    *,
    min_scores: Mapping[str, float] | None = None,
    votes: Mapping[str, bool] | None = None,
    source: str = "run",
    lower_is_better: Collection[str] = (),
) -> list[TrainingExample]:
    """Records with a good answer become conversations: the prompt as it was sent, and the answer.

    Args:
        records: Records of one or several runs.
        min_scores: Lowest value per metric, the highest of one of `lower_is_better`; a record that has no value for one
            of them is left out.
        votes: By example id, whether people liked the answer. A vote decides over the scores.
        source: Said in the examples' `source`.
        lower_is_better: The metrics whose smaller values are better; they are no part of an example's score.
    """
    examples = []
    for record in records:
        answer = record.answer
        if answer is None or not answer.text.strip() or record.failure:
            continue
        vote = (votes or {}).get(record.example.id)
        # A dislike speaks against the best score, and a like for the worst: people saw what no metric sees.
        if vote is False or (vote is None and not _good(record, min_scores or {}, lower_is_better)):
            continue
        # Imported runs do not know what was sent; the question alone is the best guess.
        prompt = answer.prompt or (Message("user", record.example.question),)
        examples.append(_example(prompt, answer.text, record, source, lower_is_better))
    return examples


def examples_from_corrections(records: Iterable[Record], corrections: Mapping[str, str]) -> list[TrainingExample]:
    """Records whose answer a person rewrote: the prompt as it was sent, and the corrected answer, by example id."""
    examples = []
    for record in records:
        text = corrections.get(record.example.id, "").strip()
        if text:
            prompt = record.answer.prompt if record.answer else ()
            examples.append(_example(prompt or (Message("user", record.example.question),), text, record, "corrected"))
    return examples


def preferences_from_corrections(records: Iterable[Record], corrections: Mapping[str, str]) -> list[TrainingExample]:
    """Preference pairs: the corrected answer is preferred to the model's own."""
    pairs = []
    for record in records:
        correction = corrections.get(record.example.id, "").strip()
        # A correction that changes nothing is no preference.
        if correction and record.answer and record.answer.text.strip() not in ("", correction):
            pairs.append(
                preference_example(
                    record.example.question, correction, record.answer.text, group=_group(record), source="corrected"
                )
            )
    return pairs


def examples_from_few_shot(examples: Sequence[Mapping[str, str]], *, system: str = "") -> list[TrainingExample]:
    """Few-shot examples (`question`, `answer`, optional `context`) as conversations."""
    head: tuple[ChatMessage, ...] = ({"role": "system", "content": system},) if system else ()
    conversations = []
    for number, shot in enumerate(examples, 1):
        # Context first, as the prompts of this project put it.
        question = "\n\n".join(part for part in (shot.get("context", ""), shot.get("question", "")) if part)
        turns: tuple[ChatMessage, ...] = (
            {"role": "user", "content": question},
            {"role": "assistant", "content": shot.get("answer", "")},
        )
        if question and shot.get("answer"):
            conversations.append(TrainingExample(head + turns, source=f"few-shot example {number}"))
    return conversations


def _good(record: Record, limits: Mapping[str, float], lower_is_better: Collection[str]) -> bool:
    def holds(metric: str, limit: float) -> bool:
        value = record.scores[metric].value if metric in record.scores else None
        # A record without a score may be bad.
        return value is not None and (value <= limit if metric in lower_is_better else value >= limit)

    # Without any limit nothing is good by its scores: then only votes choose.
    return bool(limits) and all(holds(metric, limit) for metric, limit in limits.items())


def _example(
    prompt: Sequence[Message], answer: str, record: Record, source: str, lower_is_better: Collection[str] = ()
) -> TrainingExample:
    # Only what is good when it is high can be averaged, and held against a lowest score.
    values = [s.value for name, s in record.scores.items() if s.value is not None and name not in lower_is_better]
    return TrainingExample(
        (*map(message_body, prompt), {"role": "assistant", "content": answer.strip()}),
        label=record.example.category or "",
        group=_group(record),
        source=f"{source}, example {record.example.id}",
        score=sum(values) / len(values) if values else None,
    )


def _group(record: Record) -> str:
    # The first source stands for all: a question on two documents is rare.
    return record.example.references[0].document if record.example.references else ""
