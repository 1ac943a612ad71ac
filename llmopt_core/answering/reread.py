"""A kept answer, read again with what was since seen of its model. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from llmopt_core.models.base import ModelSpec
from llmopt_core.models.finish import CUT, LENGTH, MAY_BE_THINKING, STOP, ending, normalise_reason
from llmopt_core.models.tokenizers import tokenizer
from llmopt_core.types import Answer

if TYPE_CHECKING:
    from llmopt_core.models.openai.thinking_memory import ThinkingForm


def is_doubtful(answer: Answer | None, model: ModelSpec) -> bool:
    """Whether an answer ended early and holds no mark of thinking: it may be thinking that the prompt opened."""
    # With thinking beside it, the text is the answer.
    if answer is None or answer.reasoning or answer.reasoning_tokens or not (answer.raw or answer.text).strip():
        return False
    reason = normalise_reason(answer.finish_reason)
    # A stop text may stand within the thinking and end the call there.
    return reason == LENGTH or (reason == STOP and bool(model.stop))


def reread_answer(answer: Answer, model: ModelSpec, form: ThinkingForm) -> Answer:
    """The answer as it is to be read now.

    Args:
        answer: As it was read when it came.
        model: Who gave it.
        form: What was seen of its thinking since.
    """
    if not form or not is_doubtful(answer, model):
        return answer
    if form == "none":
        return replace(answer, notes=tuple(CUT if note == MAY_BE_THINKING else note for note in answer.notes))
    thinking_text = (answer.raw or answer.text).strip()
    # As if it had been read so when it came: all was thinking, no answer.
    ending_note = ending(answer.finish_reason, "", thinking=True, max_tokens=model.max_tokens)
    notes = [note for note in answer.notes if note not in (CUT, MAY_BE_THINKING)]
    return replace(
        answer,
        text="",
        raw="",
        reasoning=thinking_text,
        reasoning_tokens=tokenizer("o200k_base").count(thinking_text),
        # What was cited and checked was the thinking.
        citations=(),
        claims=(),
        notes=(ending_note, *notes),
    )
