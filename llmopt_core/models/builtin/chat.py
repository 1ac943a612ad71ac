"""The built-in chat model as a `ChatModel`: its server is an endpoint like any other, started at first use."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from llmopt_core.errors import BadInput, EndpointError
from llmopt_core.models.base import ChatRequest, Completion
from llmopt_core.models.builtin.files import ADAPTER_ENCODING, adapter_file, chat_file
from llmopt_core.models.builtin.server import RunningServer, serve
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.openai.wire import mode_of
from llmopt_core.settings import Settings

if TYPE_CHECKING:
    import openai

T = TypeVar("T")

_CONNECTION_FAILURES = ("unreachable", "truncated", "timeout")


class BuiltinChat:
    """Calls the built-in server; where it dies under a call, that call is made once more on a new one.

    Args:
        settings: Workspace and threads.
        endpoint: The `builtin` endpoint (prices, limits).
        client: Makes or reuses an SDK client for an endpoint and key.
    """

    def __init__(
        self, settings: Settings, endpoint: Endpoint, client: Callable[[Endpoint, str], openai.AsyncOpenAI]
    ) -> None:
        self._settings = settings
        self._endpoint = endpoint
        self.client = client

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> Completion:
        """See `ChatModel.complete`.

        Raises:
            BadInput: Tools are offered, or were called in the conversation.
        """
        # 135 million parameters write no call that could be read.
        if request.uses_tools:
            raise BadInput("The built-in model cannot call tools; name an endpoint and a model that can in 'model'.")
        from llmopt_core.models.openai.chat import OpenAIChat

        has_text = False

        def hear(text: str) -> None:
            nonlocal has_text
            has_text = True
            if on_text is not None:
                on_text(text)

        async def call(endpoint: Endpoint, server: RunningServer) -> Completion:
            extra = {**lora(server, request.model.adapter), **_schema(request, endpoint)}
            # Without the workspace's memory of refusals: it goes by address, and each server has a port of its own.
            chat = OpenAIChat(endpoint, self.client(endpoint, server.key), server.key, extra)
            # Streamed only where somebody listens: a whole answer is one read.
            return await chat.complete(request, hear if on_text is not None else None)

        return await self.run(call, request.model.adapter, may_repeat=lambda: not has_text)

    async def run(
        self,
        call: Callable[[Endpoint, RunningServer], Awaitable[T]],
        adapter: str = "",
        may_repeat: Callable[[], bool] = lambda: True,
    ) -> T:
        """Make a call on the running server, and once more where the server died under it."""
        if adapter:
            # Before the server starts, which takes longer than to see that there is no such adapter.
            await asyncio.to_thread(adapter_file, self._settings, adapter)
        for attempt in (1, 2):
            # It waits for a lock and for a process: the event loop goes on.
            server = await asyncio.to_thread(serve, self._settings, bool(adapter))
            # No retries of its own: this loop repeats, on a server that lives.
            endpoint = self._endpoint.model_copy(update={"base_url": f"{server.url}/v1", "max_retries": 0})
            try:
                return await call(endpoint, server)
            except EndpointError as error:
                if error.kind not in _CONNECTION_FAILURES or await _survives(server):
                    raise
                # Text that was shown cannot be taken back.
                if attempt == 2 or not may_repeat():
                    raise EndpointError(
                        "The built-in model's server stopped in the middle of an answer; try again, and see "
                        "'llmopt doctor' if it happens again.",
                        "truncated",
                    ) from None
        raise AssertionError("unreachable")

    async def identity(self, request: ChatRequest) -> str:
        """Weights and adapter, for cache keys."""
        adapter = request.model.adapter
        # The adapter's base has other weights (16 bits), so answers with and without never share a key.
        file = await asyncio.to_thread(chat_file, self._settings, *([ADAPTER_ENCODING] if adapter else []))
        if not adapter:
            return f"builtin:{file.identity}"
        adapter_model = await asyncio.to_thread(adapter_file, self._settings, adapter)
        return f"builtin:{file.identity}:{adapter_model.identity}"


def lora(server: RunningServer, adapter: str) -> dict[str, Any]:
    """The request field that switches one adapter on and all others off."""
    if not server.adapters:
        return {}
    # Every adapter with its scale, so that nothing rests on the server's defaults.
    return {"lora": [{"id": i, "scale": float(name == adapter)} for i, name in enumerate(server.adapters)]}


def _schema(request: ChatRequest, endpoint: Endpoint) -> dict[str, Any]:
    """llama.cpp reads `response_format` for chats only; for completions the schema has a field of its own."""
    response_format = request.response_format
    if (
        response_format is None
        or mode_of(request.model, endpoint) == "chat"
        or response_format.get("type") not in ("json_object", "json_schema")
    ):
        return {}
    # `json_object` alone is any object.
    return {"json_schema": response_format.get("json_schema", {}).get("schema", {"type": "object"})}


async def _survives(server: RunningServer) -> bool:
    """Whether the server still runs. A connection may break a moment before its process is seen to be gone."""
    # Half a second: longer than a process takes to be gone after its connection.
    for _ in range(5):
        if not server.alive:
            return False
        await asyncio.sleep(0.1)
    return True
