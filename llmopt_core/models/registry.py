"""Names -> models. The one place that knows how each is made, shared and cached."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Self

from llmopt_core.cache import Cache, MemoryCache
from llmopt_core.errors import BadInput
from llmopt_core.execution.budget import Budget
from llmopt_core.execution.lanes import LANES
from llmopt_core.execution.spending import NO_SPENDING, Spending, spending
from llmopt_core.models.base import (
    BUILTIN,
    ChatModel,
    ChatRequest,
    ModelSpec,
)
from llmopt_core.models.builtin.chat import BuiltinChat
from llmopt_core.models.builtin.server import close_builtin
from llmopt_core.models.calls.cache import CachedChat
from llmopt_core.models.calls.meter import MeteredChat
from llmopt_core.models.embedding_registry import EmbeddingRegistry
from llmopt_core.models.endpoints import Endpoint, builtin_endpoint, endpoints_from, model_name
from llmopt_core.models.openai.refusals import refusals_of
from llmopt_core.models.openai.wire import mode_of
from llmopt_core.settings import Settings

if TYPE_CHECKING:
    import openai

    from llmopt_core.models.builtin.likelihood import LikelihoodModel
    from llmopt_core.models.openai.thinking_memory import ThinkingForm

Identity = Callable[[ChatRequest], Awaitable[str]]

__all__ = ["Models", "close_builtin"]


class Models(EmbeddingRegistry):
    """Every model a piece of work needs. Cheap to make; use it in one event loop, as an asynchronous context manager.

    It is all that stages are handed on: their models, the `settings`, and the `cache` that keeps what they made.

    Weights and the built-in server are shared by the whole process.

    Args:
        settings: Workspace and threads.
        cache: Where finished calls and the results of stages are kept; without one every call is made, and results
            last as long as this object.
        endpoints: Endpoints by name, beside `builtin`; by default those of the environment and the endpoints file.
        keys: Keys by endpoint name, for keys that are not in the environment. Never stored or shown.
    """

    def __init__(
        self,
        settings: Settings,
        cache: Cache | None = None,
        endpoints: Mapping[str, Endpoint] | None = None,
        keys: Mapping[str, str] | None = None,
    ) -> None:
        entries = endpoints_from(settings, os.environ) if endpoints is None else endpoints
        super().__init__(settings, {BUILTIN: builtin_endpoint(), **entries}, keys or {})
        # Here and not at import: the number comes from the settings, which a notebook may give itself.
        LANES.resize(settings.threads)
        # Kept apart from `cache`: without one, results of stages may last as long as this object, but no call is ever
        # answered from memory, so that repeats are real.
        self._call_cache = cache
        self.cache: Cache = MemoryCache() if cache is None else cache
        self._clients: dict[tuple[str, str], openai.AsyncOpenAI] = {}
        self._chats: dict[str, ChatModel] = {}
        self._scorers: dict[str, ChatModel] = {}
        self._room: AbstractAsyncContextManager[Any] = nullcontext()
        # None: only the endpoints' own limits.
        self._most: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        # Taken out first: a chat made while the old clients close gets a new one. Chats hold a client each, so they go,
        # too.
        clients, self._clients = list(self._clients.values()), {}
        self._chats, self._scorers = {}, {}
        for client in clients:
            await client.close()

    def at_once(self, calls: int) -> None:
        """From now on make at most so many calls at once, whatever the endpoints allow."""
        self._room, self._most = asyncio.Semaphore(calls), calls

    def at_most(self, name: str) -> int:
        """How many calls an endpoint gets at once. Errors as in `endpoint`."""
        limit = self.endpoint(name).max_concurrency
        return limit if self._most is None else min(self._most, limit)

    @contextmanager
    def within(self, budget: Budget) -> Iterator[Budget]:
        """Make every call within this budget; one beyond it raises `OutOfBudget`. Cached answers are free."""
        # Put back at the end, as a search has its own budget inside that of its experiment.
        before, self._budget = self._budget, budget
        try:
            yield budget
        finally:
            self._budget = before

    @contextmanager
    def spending(
        self,
        work: str,
        usd: float | None = None,
        calls: int | None = None,
        *,
        pilot: bool = False,
        minimum: Spending = NO_SPENDING,
    ) -> Iterator[Budget]:
        """`within` a budget for work of that name, earlier sessions of it included; see `execution.spending`."""
        with spending(self._call_cache, work, usd, calls, pilot=pilot, minimum=minimum) as budget, self.within(budget):
            yield budget

    def register(self, name: str, chat_model: ChatModel) -> None:
        """Let a model of your own stand for an endpoint. Its answers are cached like any other's."""

        async def identity(_request: ChatRequest) -> str:
            return f"registered:{name}"

        # An endpoint that is configured under this name lends its prices and limits.
        endpoint = self._endpoints.setdefault(name, Endpoint(name=name))
        self._chats[name] = self._with_cache(chat_model, endpoint, identity)
        # The same model answers both questions; the prefix keeps a score from being read as an answer.
        self._scorers[name] = self._with_cache(chat_model, endpoint, identity, "likelihood|")

    def chat(self, spec: ModelSpec) -> ChatModel:
        """The model at `spec.endpoint`; requests say which of its models they want.

        Raises:
            BadInput: No such endpoint, or an adapter elsewhere than at the built-in model.
            EndpointError: Its key is missing or cannot be sent.
        """
        if spec.adapter and spec.endpoint != BUILTIN:
            raise BadInput(
                f"Adapter {spec.adapter!r} belongs to the built-in model, not to endpoint {spec.endpoint!r}; there a "
                f"fine-tuned model has a name of its own."
            )
        if spec.endpoint not in self._chats:
            self._chats[spec.endpoint] = self._make_chat(self.endpoint(spec.endpoint))
        return self._chats[spec.endpoint]

    def recall_thinking(self, spec: ModelSpec) -> ThinkingForm:
        """What was seen of a model's thinking, up to now. Errors as in `endpoint`."""
        from llmopt_core.models.openai.thinking_memory import recall_thinking

        endpoint = self.endpoint(spec.endpoint)
        if endpoint.name == BUILTIN:
            return "none"
        if endpoint.begins_with_thinking:
            return "unopened"
        place = (endpoint.base_url, model_name(spec, endpoint), mode_of(spec, endpoint))
        return recall_thinking(refusals_of(self.settings.home), place, spec)

    def likelihood(self, spec: ModelSpec) -> LikelihoodModel:
        """Scores how likely a text is after a prompt. Errors as in `chat`."""
        from llmopt_core.models.builtin.likelihood import LikelihoodModel

        if spec.endpoint not in self._scorers:
            self._scorers[spec.endpoint] = self._make_scorer(self.endpoint(spec.endpoint))
        return LikelihoodModel(self._scorers[spec.endpoint], spec)

    def _make_chat(self, endpoint: Endpoint) -> ChatModel:
        if endpoint.name == BUILTIN:
            builtin = BuiltinChat(self.settings, endpoint, self._client)
            return self._with_cache(builtin, endpoint, builtin.identity)
        from llmopt_core.models.openai.chat import OpenAIChat

        # The key is read here, at the first use and not before: an endpoint that is never asked needs none.
        key, refusals = self._key(endpoint), refusals_of(self.settings.home)
        chat = OpenAIChat(endpoint, self._client(endpoint, key), key, refusals=refusals)
        return self._with_cache(chat, endpoint, _identity_of(endpoint))

    def _make_scorer(self, endpoint: Endpoint) -> ChatModel:
        from llmopt_core.models.builtin.likelihood import BuiltinScorer, EchoScorer

        if endpoint.name == BUILTIN:
            builtin = BuiltinChat(self.settings, endpoint, self._client)
            return self._with_cache(BuiltinScorer(builtin), endpoint, builtin.identity, "likelihood|")
        key = self._key(endpoint)
        scorer = EchoScorer(endpoint, self._client(endpoint, key), key)
        return self._with_cache(scorer, endpoint, _identity_of(endpoint), "likelihood|")

    def _with_cache(self, model: ChatModel, endpoint: Endpoint, identity: Identity, kind: str = "") -> ChatModel:
        # Inside the cache: what it answers is free and must need no room in a budget.
        model = MeteredChat(model, endpoint, lambda: self._budget)
        if self._call_cache is None:
            return model

        async def whole(request: ChatRequest) -> str:
            # Two kinds of answers to one request must never share a key.
            return kind + await identity(request)

        # A function, since `at_once` may change the room after this model was made.
        return CachedChat(model, self._call_cache, whole, lambda: self._room)

    def _client(self, endpoint: Endpoint, key: str) -> openai.AsyncOpenAI:
        from llmopt_core.models.openai.client import make_client

        # With the address: the built-in server has another port after each start.
        place = (endpoint.name, endpoint.base_url)
        if place not in self._clients:
            self._clients[place] = make_client(endpoint, key)
        return self._clients[place]


def _identity_of(endpoint: Endpoint) -> Identity:
    """What decides an endpoint's answers, beside the request; defaults count as if they had been spelled out."""

    async def identity(request: ChatRequest) -> str:
        return "|".join(
            (endpoint.base_url, endpoint.api_version, model_name(request.model, endpoint),
             mode_of(request.model, endpoint), *map(str, endpoint.parameters_identity))
        )  # fmt: skip

    return identity
