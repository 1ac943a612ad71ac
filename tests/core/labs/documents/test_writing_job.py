"""Writing questions as a job says how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from llmopt_core.errors import EndpointError
from llmopt_core.jobs.context import JobContext
from llmopt_core.labs.documents.jobs import WritingArguments, write
from llmopt_core.labs.documents.question_writing.writer import WritingSpec
from llmopt_core.models.base import ChatRequest, Completion, ModelSpec
from llmopt_core.models.scripted import ScriptedChat
from tests.engine_lab import Lab


class WaitingChat(ScriptedChat):
    """Answers no call before it is let go."""

    def __init__(self) -> None:
        super().__init__(lambda _: "")
        self.may_answer = asyncio.Event()

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> Completion:
        """See `ScriptedChat`."""
        await self.may_answer.wait()
        return await super().complete(request, on_text)


def test_cached_passages_say_nothing_of_the_time_left(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.store.save_documents("p", lab.documents)
    spec = WritingSpec(model=ModelSpec(endpoint="scripted", name="m"), passages=3, passage_size=100)
    messages: list[dict[str, Any]] = []

    def work(chat: ScriptedChat) -> None:
        messages.clear()
        lab.chat = chat
        context = JobContext(1, lab.store, lab.settings, "p", make_models=lab.models)
        write(context, WritingArguments(spec=spec))

    def report(_: JobContext, progress: dict[str, Any]) -> None:
        messages.append(progress)
        if isinstance(lab.chat, WaitingChat):
            lab.chat.may_answer.set()

    monkeypatch.setattr(JobContext, "report", report)
    busy = EndpointError("The endpoint is busy.", kind="busy")
    work(ScriptedChat(["", busy, busy]))
    work(WaitingChat())
    assert [(one["done"], one["cached"]) for one in messages] == [(1, 1), (2, 1), (3, 1)]
    first, second, last = (one["seconds_left"] for one in messages)
    assert first is None
    assert second > 0.0
    assert last == 0.0
