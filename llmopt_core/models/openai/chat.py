"""Chat and completion models on OpenAI-compatible endpoints. Import this module at use: it loads the SDK."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import aclosing
from typing import Any

import httpx2
import openai

from llmopt_core.errors import EndpointError
from llmopt_core.models.base import ChatRequest, Completion
from llmopt_core.models.calls.limiter import limiter_for
from llmopt_core.models.endpoints import Endpoint, model_name
from llmopt_core.models.finish import LENGTH, STOP, TOOLS
from llmopt_core.models.openai.refusal_text import find_mentions
from llmopt_core.models.openai.refusals import Place, Refusals, find_parameter
from llmopt_core.models.openai.retry import pause_before_retry, with_retries
from llmopt_core.models.openai.stream import StreamedText, pieces_of
from llmopt_core.models.openai.thinking_memory import ThinkingForm, learn_thinking, recall_thinking
from llmopt_core.models.openai.waste import Waste
from llmopt_core.models.openai.wire import mode_of, only_reasoning, reasoning_tokens, request_body
from llmopt_core.models.openai.wire_answers import (
    InBandError,
    Piece,
    check_no_error,
    read_answer,
    read_counts,
)
from llmopt_core.models.openai.wire_errors import WIRE_ERRORS, endpoint_error, refusal_in
from llmopt_core.models.openai.wire_json import read_json

OnText = Callable[[str], None]

_PATHS = {"chat": "/chat/completions", "completion": "/completions"}


class OpenAIChat:
    """One endpoint through the openai SDK.

    Args:
        endpoint: Where and how to call.
        client: The SDK's client, owned by the caller.
        key: Blotted out of error messages.
        extra: Further fields of every request body (llama.cpp's `lora`, for example).
        refusals: What the endpoint is known to take; by default that is learnt anew.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        client: openai.AsyncOpenAI,
        key: str = "",
        extra: Mapping[str, Any] | None = None,
        refusals: Refusals | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._client = client
        self._key = key
        self._extra = dict(extra or {})
        self._limiter = limiter_for(endpoint.base_url or endpoint.name, endpoint.max_concurrency)
        self._refusals = refusals or Refusals()

    async def complete(self, request: ChatRequest, on_text: OnText | None = None) -> Completion:
        """See `ChatModel.complete`."""
        name = model_name(request.model, self._endpoint)
        if not name:
            raise EndpointError(
                f"No model is named for endpoint {self._endpoint.name!r}; set model.name or its default_model.",
                "not-found",
            )
        # One place in the line for all tries: a call that is made again does not wait behind new ones.
        async with self._limiter:
            waste = Waste(request, self._endpoint)
            try:
                if on_text is None:
                    return await self._whole(request, name, waste)
                return await self._stream(request, name, on_text, waste)
            # Cancelled calls are charged as well: the server may go on writing, and bill it.
            except (EndpointError, asyncio.CancelledError) as error:
                waste.charge(error)
                raise

    async def _whole(self, request: ChatRequest, name: str, waste: Waste) -> Completion:
        start = time.perf_counter()

        async def ask() -> Piece:
            try:
                answer, _ = await self._create(request, name)
            # An error with status 200 may report tokens, and those are billed.
            except InBandError as error:
                waste.add(read_counts(error.body))
                raise
            try:
                return read_answer(answer)
            except ValueError:
                waste.add(read_counts(answer))
                raise

        # A whole answer goes the way of a streamed one, so that both are read alike.
        reply = StreamedText(lambda _: None)
        piece = await with_retries(ask, self._endpoint.max_retries, lambda *error: self._explain(name, *error))
        reply.add(piece)
        reply.end()
        return self._completion(reply, waste, name, start, is_whole=True)

    def _place(self, request: ChatRequest, name: str) -> Place:
        return self._endpoint.base_url, name, mode_of(request.model, self._endpoint)

    def _tell_thinking(self, reply: StreamedText, request: ChatRequest, name: str) -> ThinkingForm:
        """A thinking that the prompt began has a closing mark alone; what ends before that is all thinking."""
        place, model = self._place(request, name), request.model
        # Cut, or ended by a stop text: a closing mark may have been still to come.
        ended_early = reply.is_cut or (bool(model.stop) and reply.finish_reason == STOP)
        if reply.splitter.lacks_opening:
            learn_thinking(self._refusals, place, model, "unopened")
        # Only a whole answer proves that its model does not think first.
        elif reply.is_plain and not ended_early:
            learn_thinking(self._refusals, place, model, "none")
        form = "unopened" if self._endpoint.begins_with_thinking else recall_thinking(self._refusals, place, model)
        # Where a mark was there, the text is parted already.
        if not reply.thinking and (
            (ended_early and form == "unopened") or (reply.is_cut and only_reasoning(reply.counts))
        ):
            reply.splitter.take_as_thinking()
        return form

    def _completion(self, reply: StreamedText, waste: Waste, name: str, start: float, *, is_whole: bool) -> Completion:
        form = self._tell_thinking(reply, waste.request, name)
        calls = reply.calls.calls(waste.request.messages)
        # Some end a call of a tool with the word for a whole answer; OpenAI does where the tool was named.
        calls_alone = bool(calls) and reply.finish_reason in ("", STOP)
        return Completion(
            text=reply.text,
            usage=waste.with_answer(reply.counts, reply.full_text),
            finish_reason=TOOLS if calls_alone else reply.finish_reason,
            seconds=time.perf_counter() - start,
            first_token_seconds=None if is_whole or reply.first is None else reply.first - start,
            logprobs=tuple(reply.logprobs),
            notes=reply.notes(is_whole),
            reasoning=reply.thinking,
            reasoning_tokens=reasoning_tokens(reply.counts, reply.thinking),
            tool_calls=calls,
            may_think=form != "none",
        )

    async def _stream(self, request: ChatRequest, name: str, on_text: OnText, waste: Waste) -> Completion:
        start = time.perf_counter()
        reply = StreamedText(on_text)
        try:
            await self._hear(request, name, reply, waste)
        except (EndpointError, asyncio.CancelledError):
            waste.add(reply.counts, reply.full_text)
            raise
        return self._completion(reply, waste, name, start, is_whole=False)

    async def _hear(self, request: ChatRequest, name: str, reply: StreamedText, waste: Waste) -> None:
        # Closed at once on a break: otherwise the connection stays open until the collector comes by.
        async with aclosing(self._pieces(request, name, waste)) as pieces:
            async for piece in pieces:
                reply.add(piece)
                # Our own limit of characters: a server that never stops is left, and the answer counts as cut.
                if reply.answer.full:
                    reply.finish_reason = reply.finish_reason or LENGTH
                    break
        reply.end()
        if not reply.finish_reason:
            raise EndpointError(
                f"Endpoint {self._endpoint.name!r} ended its stream before the answer was whole; try again.",
                "truncated",
            )

    async def _pieces(self, request: ChatRequest, name: str, waste: Waste) -> AsyncGenerator[Piece, None]:
        """The pieces of the answer. While none of them had text, the call may be made again."""
        for attempt in range(self._endpoint.max_retries + 1):
            # Pieces without text, such as the role alone: handed on only with the first text, since until then the call
            # may still be made again. None from then on.
            waiting: list[Piece] | None = []
            try:
                async with aclosing(self._pieces_once(request, name)) as pieces:
                    async for piece in pieces:
                        if waiting is not None and not piece.text:
                            waiting.append(piece)
                            continue
                        for earlier in (*(waiting or ()), piece):
                            yield earlier
                        waiting = None
                for piece in waiting or ():
                    yield piece
                return
            except WIRE_ERRORS as error:
                # The failed try may have said what it took, the last one, too.
                for piece in waiting or ():
                    waste.add(piece.counts)
                pause = pause_before_retry(error, attempt)
                if pause is None or waiting is None or attempt == self._endpoint.max_retries:
                    raise self._explain(name, error, attempt + 1) from None
            await asyncio.sleep(pause)

    async def _pieces_once(self, request: ChatRequest, name: str) -> AsyncGenerator[Piece, None]:
        """One try; a refusal may come as the stream's first event, too."""
        while True:
            stream, body, has_text = *await self._create(request, name, stream=True), False
            try:
                async with aclosing(pieces_of(stream, self._endpoint.timeout_seconds)) as pieces:
                    async for piece in pieces:
                        has_text = has_text or bool(piece.text)
                        yield piece
                return
            except (openai.APIError, InBandError) as error:
                # With text handed on, another try would write the answer twice.
                if has_text or not self._learn(error, request, name, body):
                    raise
            finally:
                await stream.close()

    async def _create(self, request: ChatRequest, name: str, stream: bool = False) -> tuple[Any, dict[str, Any]]:
        """Call, leaving out what this model has refused before; learn from a refusal once per parameter.

        Returns:
            The answer, and the body that was sent.
        """
        place = self._place(request, name)
        mode = place[2]
        # Each turn leaves out one parameter more, so it ends.
        while True:
            refused_names = self._refusals.list_parameters(place)
            body = request_body(request, self._endpoint, self._extra, stream, refused_names)
            trial = self._refusals.on_trial(place, body)
            try:
                answer = await self._post(_PATHS[mode], body, stream)
            except (openai.APIStatusError, InBandError) as error:
                if self._learn(error, request, name, body):
                    continue
                status, refusal = refusal_in(error)
                # What a person set by hand is theirs: its refusal is shown, never worked around.
                doubtful = (find_mentions(refusal, body) - request.model.extra_body.keys()) or trial
                # The statuses of a request that is wrong; 404 is a broker's "no provider that supports this".
                if not doubtful or status not in (400, 404, 422):
                    raise
                return await self._without(doubtful, place, body, stream, error), body
            self._refusals.learn(place, trial, is_taken=True)
            return answer, body

    def _learn(self, error: openai.APIError | InBandError, request: ChatRequest, name: str, body: Any) -> bool:
        """Whether a refusal was about a parameter that can be left out; it is from now on."""
        mode = mode_of(request.model, self._endpoint)
        parameter = find_parameter(*refusal_in(error), body)
        by_hand = parameter in request.model.extra_body
        # Without its own limit a completion would run to the end of the context, and `max_completion_tokens` is unknown
        # there.
        if parameter is None or by_hand or (mode, parameter) == ("completion", "max_tokens"):
            return False
        self._refusals.learn(self._place(request, name), [parameter], is_taken=False)
        return True

    async def _without(
        self, trial: Collection[str], place: Place, body: Mapping[str, Any], stream: bool, error: Exception
    ) -> Any:
        """Ask once without what is on trial: the refusal did not say what it is about."""
        less = {name: value for name, value in body.items() if name not in trial}
        try:
            answer = await self._post(_PATHS[place[2]], less, stream)
        except WIRE_ERRORS:
            # The first refusal and not that of this try, of which nobody asked.
            raise error from None
        # Learnt only now: it worked without, so that was what the refusal was about.
        self._refusals.learn(place, trial, is_taken=False)
        return answer

    async def _post(self, path: str, body: Mapping[str, Any], stream: bool) -> Any:
        # The SDK's typed methods load half a second of type definitions and cost a millisecond of checks per call.
        once: Any = {"max_retries": 0}
        if stream:
            return await self._client.post(
                path, body=body, options=once, cast_to=object, stream=True, stream_cls=openai.AsyncStream[object]
            )
        response = await self._client.post(path, body=body, options=once, cast_to=httpx2.Response)
        answer = read_json(response.content)
        check_no_error(answer)
        return answer

    def _explain(self, name: str, error: Exception, attempts: int) -> EndpointError:
        return endpoint_error(error, self._endpoint, name, self._key, attempts)
