"""The tools that an answer called, each with what came back; for every place that shows answers."""

from __future__ import annotations

from dataclasses import dataclass

from llmopt_core.types import Answer, ToolCall


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A call, and its result as the model read it; None where nobody ran it."""

    call: ToolCall
    result: str | None


def tool_uses(answer: Answer) -> tuple[ToolUse, ...]:
    """Every call on the way to the answer, in order, and those that it ended with."""
    # By id and not by order: several calls of one message may be answered in any.
    results = {message.tool_call_id: message.content for message in answer.prompt if message.role == "tool"}
    calls = [call for message in answer.prompt for call in message.tool_calls]
    return tuple(ToolUse(call, results.get(call.id)) for call in (*calls, *answer.tool_calls))
