"""Chat and completion models on OpenAI-compatible endpoints. Import this module at use: it loads the SDK."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import openai

from llmopt_core.errors import EndpointError
from llmopt_core.models.base import ChatRequest, Completion
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.limiter import limiter_for
from llmopt_core.models.wire import (
    Logprobs,
    Piece,
    counts_of,
    mode_of,
    model_name,
    parameters,
    read_answer,
    read_chunk,
    usage_of,
)
from llmopt_core.models.wire_errors import WIRE_ERRORS, endpoint_error

OnText = Callable[[str], None]

_PATHS = {"chat": "/chat/completions", "completion": "/completions"}


class OpenAIChat:
    """One endpoint through the openai SDK, which retries with jitter and honours `Retry-After`.

    Args:
        endpoint: Where and how to call.
        client: The SDK's client, owned by the caller.
        key: Blotted out of error messages.
        extra: Further fields of every request body (llama.cpp's `lora`, for example).
    """

    def __init__(
        self, endpoint: Endpoint, client: openai.AsyncOpenAI, key: str = "", extra: Mapping[str, Any] | None = None
    ) -> None:
        self._endpoint = endpoint
        self._client = client
        self._key = key
        self._extra = dict(extra or {})
        self._limiter = limiter_for(endpoint.base_url or endpoint.name, endpoint.max_concurrency)
        self._unsupported: dict[tuple[str, str], set[str]] = {}

    async def complete(self, request: ChatRequest, on_text: OnText | None = None) -> Completion:
        """See `ChatModel.complete`."""
        name = model_name(request.model, self._endpoint)
        if not name:
            raise EndpointError(
                f"No model is named for endpoint {self._endpoint.name!r}; set model.name or its default_model.",
                "not-found",
            )
        async with self._limiter:
            started, heard = time.perf_counter(), _Heard()
            try:
                if on_text is None:
                    piece, first = await self._whole(request, name, heard), None
                else:
                    piece, first = await self._streamed(request, name, on_text, heard)
            except (EndpointError, asyncio.CancelledError) as error:
                self._charge(error, heard, request)
                raise
            seconds = time.perf_counter() - started
        return Completion(
            text=piece.text,
            usage=usage_of(piece, request, self._endpoint),
            finish_reason=piece.finish_reason,
            seconds=seconds,
            first_token_seconds=None if first is None else first - started,
            logprobs=piece.logprobs,
        )

    async def _whole(self, request: ChatRequest, name: str, heard: _Heard) -> Piece:
        try:
            answer = await self._create(request, name)
            heard.counts = counts_of(answer)
            return read_answer(answer)
        except WIRE_ERRORS as error:
            raise self._explain(error, name) from None

    async def _streamed(
        self, request: ChatRequest, name: str, on_text: OnText, heard: _Heard
    ) -> tuple[Piece, float | None]:
        async with aclosing(self._pieces(request, name)) as pieces:
            async for piece in pieces:
                heard.add(piece)
                if piece.text:
                    on_text(piece.text)
        if heard.pieces == 0:
            raise self._explain(ValueError("no stream"), name)
        if not heard.finish_reason:
            raise EndpointError(
                f"Endpoint {self._endpoint.name!r} ended its stream before the answer was whole; try again.",
                "truncated",
            )
        return heard.whole(), heard.first

    async def _pieces(self, request: ChatRequest, name: str) -> AsyncGenerator[Piece, None]:
        seconds = self._endpoint.timeout_seconds
        stream = None
        try:
            stream = await self._create(request, name, stream=True)
            source = aiter(stream)
            while True:
                # Not httpx's timeout: keep-alive comments reset that one for ever.
                async with asyncio.timeout(seconds):
                    chunk = await anext(source, None)
                if chunk is None:
                    return
                yield read_chunk(chunk)
        except WIRE_ERRORS as error:
            raise self._explain(error, name) from None
        finally:
            if stream is not None:
                await stream.close()

    async def _create(self, request: ChatRequest, name: str, stream: bool = False) -> Any:
        """Call, leaving out what this model has refused before; learn from a refusal once per parameter."""
        mode = mode_of(request.model, self._endpoint)
        refused = self._unsupported.setdefault((name, mode), set())
        while True:
            body = self._body(request, stream, refused)
            try:
                return await self._post(_PATHS[mode], body, stream)
            except openai.BadRequestError as error:
                parameter = _refused_parameter(error)
                if parameter is None or parameter in refused or (mode, parameter) == ("completion", "max_tokens"):
                    raise
                refused.add(parameter)

    async def _post(self, path: str, body: dict[str, Any], stream: bool) -> Any:
        # The SDK's typed methods load half a second of type definitions and cost a millisecond of checks per call.
        if stream:
            return await self._client.post(
                path, body=body, cast_to=object, stream=True, stream_cls=openai.AsyncStream[object]
            )
        return await self._client.post(path, body=body, cast_to=object)

    def _body(self, request: ChatRequest, stream: bool, refused: set[str]) -> dict[str, Any]:
        body = {**parameters(request, self._endpoint), **self._extra}
        if stream:
            body.update(stream=True, stream_options={"include_usage": True})
        for parameter in refused & body.keys():
            value = body.pop(parameter)
            if parameter == "max_tokens":
                body["max_completion_tokens"] = value
        return body

    def _charge(self, error: EndpointError | asyncio.CancelledError, heard: _Heard, request: ChatRequest) -> None:
        """Say in the error what was paid: what the endpoint reported, or what it must have read and written.

        Nobody tells what a call cost that ran out of time or was given up; its prompt was read at least.
        """
        begun = isinstance(error, asyncio.CancelledError) or error.kind in ("timeout", "truncated")
        if heard.counts is not None or heard.pieces or begun:
            setattr(error, "usage", usage_of(heard.whole(), request, self._endpoint))  # noqa: B010

    def _explain(self, error: Exception, name: str) -> EndpointError:
        return endpoint_error(error, self._endpoint, name, self._key)


@dataclass
class _Heard:
    """What has been streamed so far."""

    texts: list[str] = field(default_factory=list)
    logprobs: list[Mapping[str, float]] = field(default_factory=list)
    finish_reason: str = ""
    counts: tuple[int, int, int] | None = None
    first: float | None = None
    pieces: int = 0

    def add(self, piece: Piece) -> None:
        self.pieces += 1
        if piece.text:
            self.first = self.first or time.perf_counter()
            self.texts.append(piece.text)
        self.logprobs += piece.logprobs
        self.finish_reason = piece.finish_reason or self.finish_reason
        self.counts = piece.counts or self.counts

    def whole(self) -> Piece:
        logprobs: Logprobs = tuple(self.logprobs)
        return Piece("".join(self.texts), self.finish_reason, self.counts, logprobs)


# Newer OpenAI models refuse some of the older parameters by name.
_DROPPABLE = ("max_tokens", "temperature", "top_p", "seed", "stop", "stream_options")


def _refused_parameter(error: openai.BadRequestError) -> str | None:
    body = error.body if isinstance(error.body, dict) else {}
    parameter, code = body.get("param"), str(body.get("code") or "")
    return parameter if parameter in _DROPPABLE and code.startswith("unsupported") else None
