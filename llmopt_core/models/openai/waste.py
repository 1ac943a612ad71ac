"""What calls took that gave no answer: it is paid for, too."""

from __future__ import annotations

import asyncio

from llmopt_core.errors import EndpointError
from llmopt_core.models.base import ChatRequest
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.openai.wire import usage_of
from llmopt_core.models.openai.wire_answers import Counts
from llmopt_core.types import Usage

# Kinds of failures after which the server may have done some or all of its work.
_PARTIAL_FAILURES = ("timeout", "truncated")


class Waste:
    """What tries took that gave no answer."""

    def __init__(self, request: ChatRequest, endpoint: Endpoint) -> None:
        self.request, self._endpoint = request, endpoint
        self._usage: Usage | None = None

    def add(self, counts: Counts | None, text: str = "") -> None:
        """Add what a try took: what the endpoint reported, or what it must have written."""
        if counts not in (None, Counts()) or text:
            self._usage = self.with_answer(counts, text)

    def with_answer(self, counts: Counts | None, text: str) -> Usage:
        """All of it, with that of an answer."""
        usage = usage_of(counts or Counts(), text, self.request, self._endpoint)
        return usage if self._usage is None else self._usage + usage

    def charge(self, error: EndpointError | asyncio.CancelledError) -> None:
        """Say in the error what was paid.

        Nobody tells what a call cost that ran out of time or was given up; its prompt was read at least.
        """
        if self._usage is None and (isinstance(error, asyncio.CancelledError) or error.kind in _PARTIAL_FAILURES):
            # The prompt as counted here: an estimate is better than a budget that takes it for free.
            self._usage = self.with_answer(None, "")
        if self._usage is not None:
            # `CancelledError` has no such attribute of its own for a type checker.
            setattr(error, "usage", self._usage)  # noqa: B010
