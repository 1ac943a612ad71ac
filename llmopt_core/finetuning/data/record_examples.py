"""Training examples from what a project already has: runs, votes, corrected answers, few-shot sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from llmopt_core.finetuning.data.examples import ChatMessage, TrainingExample, preference_example
from llmopt_core.models.openai.wire_messages import message_body
from llmopt_core.types import Message, Record


def examples_from_records(
    records: Iterable[Record],
    *,
    min_scores: Mapping[str, float] | None = None,
    votes: Mapping[str, bool] | None = None,
    source: str = "run",
) -> list[TrainingExample]:
    """Records with a good answer become conversations: the prompt as it was sent, and the answer.

    Args:
        records: Records of one or several runs.
        min_scores: Lowest value per metric; a record that has no value for one of them is left out.
        votes: By example id, whether people liked the answer. A vote decides over the scores.
        source: Said in the examples' `source`.
    """
    examples = []
    for record in records:
        answer = record.answer
        if answer is None or not answer.text.strip() or record.failure:
            continue
        vote = (votes or {}).get(record.example.id)
        # A dislike speaks against the best score, and a like for the worst: people saw what no metric sees.
        if vote is False or (vote is None and not _good(record, min_scores or {})):
            continue
        # Imported runs do not know what was sent; the question alone is the best guess.
        prompt = answer.prompt or (Message("user", record.example.question),)
        examples.append(_example(prompt, answer.text, record, source))
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


def _good(record: Record, lowest: Mapping[str, float]) -> bool:
    values = [record.scores[metric].value if metric in record.scores else None for metric in lowest]
    # Without any limit nothing is good by its scores: then only votes choose. A record without a score may be bad.
    return bool(lowest) and all(v is not None and v >= low for v, low in zip(values, lowest.values(), strict=True))


def _example(prompt: Sequence[Message], answer: str, record: Record, source: str) -> TrainingExample:
    values = [s.value for s in record.scores.values() if s.value is not None]
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
