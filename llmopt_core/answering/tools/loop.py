"""A conversation with tools: the model calls, the results go back, until it answers."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from llmopt_core.answering.tools.base import Tool, ToolError
from llmopt_core.answering.tools.plain_text import as_plain_messages, read_call, with_instruction
from llmopt_core.errors import EndpointError
from llmopt_core.execution.concurrency import run_together
from llmopt_core.models.base import Completion, ToolDefinition
from llmopt_core.types import Message, ToolCall

# Questions need one call or three; a model that calls on and on would spend the budget on one question.
MOST_ROUNDS = 8
# Of a result, in characters: more would push the question out of the model's window.
_LONGEST_RESULT = 8_000
# A service without tool calling names them when it refuses a request; a request that it refuses for another reason is
# refused again in plain text, with the same message.
_TOOL_WORDS = ("tool", "function")

Complete = Callable[[tuple[Message, ...], tuple[ToolDefinition, ...]], Awaitable[Completion]]
"""Asks the model once, with these tools offered."""


@dataclass
class Conversation:
    """The messages of a conversation with tools, and its last completion.

    Attributes:
        messages: With each call and its result; those of a model without tool calling stand here in the same form.
        notes: What a reader should know of the way.
    """

    messages: tuple[Message, ...]
    completion: Completion
    notes: list[str] = field(default_factory=list)


async def converse(
    messages: tuple[Message, ...], tools: Sequence[Tool], complete: Complete, *, plain: bool = False
) -> Conversation:
    """Go on until the model answers without calling.

    Args:
        messages: The question as it is asked without tools.
        tools: What it may call.
        complete: Asks the model.
        plain: Whether the model is known to have no tool calling.

    Raises:
        EndpointError: The model failed.
    """
    by_name = {tool.definition.name: tool for tool in tools}
    notes: list[str] = []
    for round_number in range(MOST_ROUNDS + 1):
        # In the last round nothing is offered, so that it ends with an answer.
        offered = tools if round_number < MOST_ROUNDS else ()
        try:
            completion = await _ask(messages, offered, complete, plain, round_number)
        except EndpointError as error:
            if plain or round_number or not _refuses_tools(error):
                raise
            plain = True
            notes.append("The endpoint has no tool calling, so tools were called through plain text.")
            completion = await _ask(messages, offered, complete, plain, round_number)
        if not completion.tool_calls or not offered:
            break
        results = await run_together([_call(by_name, call) for call in completion.tool_calls])
        messages = (*messages, completion.message, *results)
    if round_number == MOST_ROUNDS:
        notes.append(f"After {MOST_ROUNDS} rounds of calls the model had to answer with what it had.")
    return Conversation(messages, completion, notes)


async def _ask(
    messages: tuple[Message, ...], tools: Sequence[Tool], complete: Complete, plain: bool, round_number: int
) -> Completion:
    definitions = tuple(tool.definition for tool in tools)
    if not plain:
        return await complete(messages, definitions)
    texts = as_plain_messages(messages)
    completion = await complete(with_instruction(texts, definitions) if definitions else texts, ())
    return read_call(completion, round_number, [one.name for one in definitions]) if definitions else completion


async def _call(tools: dict[str, Tool], call: ToolCall) -> Message:
    try:
        text = await _result(tools, call)
    except ToolError as error:
        text = f"Error: {error}"
    if len(text) > _LONGEST_RESULT:
        text = f"{text[:_LONGEST_RESULT]}\n(cut; the result has {len(text)} characters)"
    return Message("tool", text, tool_call_id=call.id, name=call.name)


async def _result(tools: dict[str, Tool], call: ToolCall) -> str:
    if call.name not in tools:
        raise ToolError(f"There is no tool {call.name!r}; there is: {', '.join(tools)}.")
    try:
        arguments = json.loads(call.arguments or "{}")
    except ValueError as error:
        raise ToolError(f"The arguments are no JSON: {error}") from None
    if not isinstance(arguments, dict):
        raise ToolError("The arguments must be a JSON object.")
    return await tools[call.name].call(arguments)


def _refuses_tools(error: EndpointError) -> bool:
    text = str(error).casefold()
    return error.kind in ("bad-request", "not-found", "server-error") and any(word in text for word in _TOOL_WORDS)
