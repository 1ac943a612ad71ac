"""Messages and tools in the form of OpenAI's API, as requests and training files hold them. Pure."""

from __future__ import annotations

import json
from typing import Any

from llmopt_core.text.json_text import is_json_object
from llmopt_core.text.valid_text import without_surrogates
from llmopt_core.types import Message, ToolCall


def message_body(message: Message) -> dict[str, Any]:
    """One message, with its tool calls or the call that it answers."""
    body: dict[str, Any] = {"role": message.role, "content": without_surrogates(message.content)}
    if message.tool_calls:
        # An empty text beside calls is refused by some; null is OpenAI's own word for it.
        body.update(content=body["content"] or None, tool_calls=[_call_body(call) for call in message.tool_calls])
    if message.role == "tool":
        body["tool_call_id"] = message.tool_call_id
        # OpenAI does without the name, Mistral's and Gemini's models do not.
        body.update({"name": message.name} if message.name else {})
    return body


def tool_choice_body(choice: str) -> Any:
    """`none`, `auto` and `required` as they are, else the one tool that must be called."""
    return choice if choice in ("none", "auto", "required") else {"type": "function", "function": {"name": choice}}


def _call_body(call: ToolCall) -> dict[str, Any]:
    # Servers parse what was called before their model sees it: broken JSON would fail each further request.
    arguments = call.arguments if is_json_object(call.arguments) else json.dumps({"unreadable": call.arguments})
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": without_surrogates(arguments)},
    }
