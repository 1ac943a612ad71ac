"""Messages of a chat as they were sent, with the tools that were called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st

from llmopt_core.types import Message, ToolCall
from llmopt_ui import format as fmt


def messages_view(messages: Iterable[Message]) -> None:
    """Each message below who says it."""
    for message in messages:
        tool = f" {fmt.markdown(message.name)}" if message.name else ""
        st.caption(f"{message.role.capitalize()}{tool}")
        # A message that only calls tools has no text; an empty message of anybody else must be seen to be empty.
        if message.content or not message.tool_calls:
            st.code(message.content, language=None, wrap_lines=True)
        tool_calls_view(message.tool_calls)


def tool_calls_view(calls: Sequence[ToolCall]) -> None:
    """Each call with its arguments, as the model wrote them."""
    for call in calls:
        st.caption(f"Calls the tool {fmt.markdown(call.name)}")
        # Not parsed: a model may write broken JSON, and then that is what has to be seen.
        st.code(call.arguments, language="json", wrap_lines=True)
