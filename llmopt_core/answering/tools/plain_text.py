"""Tools for models without tool calling: calls and results as lines of the conversation."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from llmopt_core.models.base import Completion, ToolDefinition
from llmopt_core.text.json_replies import plain_objects
from llmopt_core.types import Message, ToolCall

# A line of its own; the arguments may go on over several lines.
_CALL = re.compile(r"^[ \t>*`]*TOOL[ \t:]+([A-Za-z0-9_-]{1,64})[ \t:]*(?=\{)", re.MULTILINE)
# The same without a JSON object, whose complaint the model can mend.
_BARE_CALL = re.compile(r"^[ \t>*`]*TOOL[ \t:]+([A-Za-z0-9_-]{1,64})\b([^\n]*)", re.MULTILINE)
_ARGUMENTS = ("arguments", "parameters", "args", "input")

INSTRUCTION = """You may use tools. To use one, write one line and stop:
TOOL name {"argument": "value"}
Its result comes back in a line that begins with RESULT. When you know the answer, write it without TOOL.

Tools:"""


def with_instruction(messages: Sequence[Message], tools: Sequence[ToolDefinition]) -> tuple[Message, ...]:
    """The messages with a description of the tools before them, in the system message where there is one."""
    lines = [f"- {tool.name}: {tool.description} Arguments: {json.dumps(dict(tool.parameters))}" for tool in tools]
    text = "\n".join([INSTRUCTION, *lines])
    first, *rest = messages
    if first.role == "system":
        return (replace(first, content=f"{first.content}\n\n{text}"), *rest)
    return (Message("system", text), *messages)


def as_plain_messages(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Calls and results as texts that any model reads."""
    return tuple(_plain(message) for message in messages)


def read_call(completion: Completion, number: int, names: Collection[str] = ()) -> Completion:
    """The completion with the first call that stands in its text as a tool call; as it is where there is none.

    What the model wrote behind the call is dropped: it is the result as the model imagines it. Calls as JSON objects
    with a name and arguments, as many models were taught to write them, are calls too.

    Args:
        completion: What the model wrote.
        number: Of the round.
        names: Of the tools that there are.
    """
    if completion.tool_calls:
        return completion
    match = _CALL.search(completion.text)
    if match is None:
        return _read_other_call(completion, number, names)
    try:
        _, end = json.JSONDecoder().raw_decode(completion.text, match.end())
    except ValueError:
        # Broken JSON goes to the tool as it is, whose complaint the model can mend.
        end = len(completion.text)
    call = ToolCall(f"call-{number}", match[1], completion.text[match.end() : end])
    return replace(completion, text=completion.text[: match.start()].strip(), tool_calls=(call,))


def _read_other_call(completion: Completion, number: int, names: Collection[str]) -> Completion:
    for value in plain_objects(completion.text):
        name = value.get("name") or value.get("tool")
        arguments = next((value[key] for key in _ARGUMENTS if key in value), None)
        if isinstance(name, str) and name in names and arguments is not None:
            text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
            return replace(completion, text="", tool_calls=(ToolCall(f"call-{number}", name, text),))
    match = _BARE_CALL.search(completion.text)
    if match is None or match[1] not in names:
        return completion
    call = ToolCall(f"call-{number}", match[1], match[2].strip())
    return replace(completion, text=completion.text[: match.start()].strip(), tool_calls=(call,))


def _plain(message: Message) -> Message:
    if message.role == "tool":
        return Message("user", f"RESULT {message.name}: {message.content}")
    if message.tool_calls:
        lines = [f"TOOL {call.name} {call.arguments}" for call in message.tool_calls]
        return Message(message.role, "\n".join([message.content, *lines]).strip())
    return message
