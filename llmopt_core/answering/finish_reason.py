"""Why an answer ended, where it did not just end; for every place that shows answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from llmopt_core.models.finish import ending
from llmopt_core.types import Answer, Record

# Long enough to tell two notes apart, short enough to meet one that carries further words.
_SAME_START = 17


def describe_finish(answer: Answer | None) -> str:
    """One sentence; empty where the answer just ended."""
    if answer is None:
        return ""
    sentence = ending(
        answer.finish_reason, answer.raw or answer.text, bool(answer.reasoning or answer.reasoning_tokens)
    )
    # The note that was made with the answer knows how many tokens it was allowed.
    return next((note for note in answer.notes if sentence and note[:_SAME_START] == sentence[:_SAME_START]), sentence)


def finish_lines(records: Iterable[Record]) -> list[str]:
    """How many answers ended in each such way, most frequent first: `3 of 10 answers: ...`."""
    answers = [record.answer for record in records if record.answer is not None]
    counts = Counter(line for answer in answers if (line := describe_finish(answer)))
    # `most_common` keeps the order of first appearance among equal counts.
    return [f"{count:,} of {len(answers):,} answers: {sentence}" for sentence, count in counts.most_common()]
