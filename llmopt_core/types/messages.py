"""What is said to a model and by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that a model wants to have called.

    Attributes:
        id: What the result names; unique within a conversation.
        name: Of the tool.
        arguments: A JSON object as text, as the model wrote it: it may be broken, or fit no schema.
    """

    id: str
    name: str
    arguments: str = "{}"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat.

    Attributes:
        tool_calls: What an assistant's message calls, beside or instead of its content.
        tool_call_id: The call that a message of role `tool` answers; its content is the result.
        name: The tool that answers.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    name: str = ""

    @property
    def full_text(self) -> str:
        """All of it that is read as tokens: the content, and each call on a line of its own."""
        return "\n".join((self.content, *(f"{call.name} {call.arguments}" for call in self.tool_calls)))
