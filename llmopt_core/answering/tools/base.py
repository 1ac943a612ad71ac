"""What a tool is: a definition that the model reads, and one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from llmopt_core.errors import LlmOptError
from llmopt_core.models.base import ToolDefinition


class ToolError(LlmOptError):
    """A call that gave nothing; the model reads the message and may call again."""


class Tool(Protocol):
    """Something that a model may call for an answer."""

    @property
    def definition(self) -> ToolDefinition:
        """Name, description and arguments as the model reads them."""
        ...

    async def call(self, arguments: Mapping[str, Any]) -> str:
        """The result as text.

        Args:
            arguments: What the model wrote, a JSON object; anything may be missing from it.

        Raises:
            ToolError: The arguments are wrong, or the tool failed.
        """
        ...
