"""The call cache: a finished model call is kept at once and never made twice."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from typing import Any

from llmopt_core.cache import CLAIM_POLL_SECONDS, Cache
from llmopt_core.errors import EndpointError
from llmopt_core.execution.accounts import enter
from llmopt_core.models.base import ChatModel, ChatRequest, Completion
from llmopt_core.models.calls.batched_cache import BatchedCache
from llmopt_core.models.finish import normalise_reason
from llmopt_core.text.thinking import split_thinking
from llmopt_core.types import Message, ToolCall, Usage, fingerprint

STAGE = "call"

# Part of every key. A larger number would leave all that is stored unused, so new fields are added where they are set
# alone.
_FORMAT = 1

# Event loop and cache (by identity) and key: a future belongs to its loop, and two workspaces in one process do not
# share answers. Between loops, as between processes, the claim in the store sees to it that a call is paid once.
_Slot = tuple[int, int, str]
# Of the whole process: several `Models` that ask the same at the same time share one call.
_running: dict[_Slot, asyncio.Future[Completion]] = {}


class CachedChat:
    """Answers from the cache where it can, else asks `inner` and keeps the answer before handing it on.

    Identical calls that overlap are made once. A cached answer reports one cached call, no tokens and
    no cost but those saved, and the seconds the call took when it was made.

    Args:
        inner: The model.
        cache: Where answers are kept.
        identity: Endpoint and weights, asked per request since a request may name an adapter; part of every key.
        room: Entered for the call itself; what is answered from the cache needs none.
    """

    def __init__(
        self,
        inner: ChatModel,
        cache: Cache,
        identity: Callable[[ChatRequest], Awaitable[str]],
        room: Callable[[], AbstractAsyncContextManager[Any]] = nullcontext,
    ) -> None:
        self._inner = inner
        self._room = room
        self._cache = cache
        self._store = BatchedCache(cache, STAGE)
        self._identity = identity

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> Completion:
        """See `ChatModel.complete`. A cached answer arrives as one piece."""
        key = fingerprint(_FORMAT, await self._identity(request), request_values(request))
        slot = (id(asyncio.get_running_loop()), id(self._cache), key)
        # Once more where the leader was cancelled: the first of those who waited leads then.
        while True:
            leader, future = _join(slot)
            if leader:
                return await self._lead(slot, future, request, on_text)
            completion = await _follow(future)
            if completion is not None:
                return _from_cache(completion, on_text)

    async def _lead(
        self,
        slot: _Slot,
        future: asyncio.Future[Completion],
        request: ChatRequest,
        on_text: Callable[[str], None] | None,
    ) -> Completion:
        """Answer for all who ask the same meanwhile."""
        try:
            # Looked up before it is claimed: most are hits, and a claim is a write.
            completion, is_new = await self._look_up(slot[-1]), False
            if completion is None:
                completion, is_new = await self._once(slot[-1], lambda: self._make(slot[-1], request, on_text))
        except EndpointError as error:
            # Before the future is settled: who wakes up must not join it again.
            _leave(slot)
            future.set_exception(error)
            # Perhaps nobody else asks; asyncio would complain that nobody looked.
            future.exception()
            raise
        except BaseException:
            # A cancelled caller or a broken callback is this caller's own affair: the others try for themselves.
            _leave(slot)
            future.cancel()
            raise
        _leave(slot)
        future.set_result(completion)
        return completion if is_new else _from_cache(completion, on_text)

    async def _look_up(self, key: str) -> Completion | None:
        entry = await self._store.get(key)
        return None if entry is None else decode(entry)

    async def _once(self, key: str, make: Callable[[], Awaitable[Completion]]) -> tuple[Completion, bool]:
        """The answer, and whether it was made here: of several processes that want it, one makes it."""
        # Of this attempt alone, so that giving it back never takes another's claim.
        token = uuid.uuid4().hex
        try:
            completion = await self._wait(key, token)
            return (completion, False) if completion is not None else (await make(), True)
        except BaseException:
            # A claim that was asked for by a caller who is cancelled meanwhile is given back as well.
            self._store.release(key, token)
            raise

    async def _wait(self, key: str, token: str) -> Completion | None:
        """The answer of the process that makes it already; None where the call is claimed for this one."""
        while not await self._store.claim(key, token):
            # The other may be another process, or machine: there is no event to wait for.
            await asyncio.sleep(CLAIM_POLL_SECONDS)
            completion = await self._look_up(key)
            if completion is not None:
                return completion
        # It may have been stored between the look and the claim.
        completion = await self._look_up(key)
        if completion is not None:
            self._store.release(key, token)
        return completion

    async def _make(self, key: str, request: ChatRequest, on_text: Callable[[str], None] | None) -> Completion:
        # For the call alone: storing it takes no place at the endpoint.
        async with self._room():
            completion = await self._inner.complete(request, on_text)
        # Waited for: an answer that was paid for is on the disk before anybody works with it.
        await self._store.put(key, encode(completion))
        return completion


def request_values(request: ChatRequest) -> dict[str, Any]:
    """What in a request decides the answer, JSON-like; endpoint, model name and mode are part of the identity."""
    tools = {"tools": [tool.body for tool in request.tools], "tool_choice": request.tool_choice}
    return {
        "messages": [_message_values(message) for message in request.messages],
        "model": request.model.model_dump(mode="json", exclude={"endpoint", "name", "mode"}),
        "response_format": request.response_format,
        "top_logprobs": request.top_logprobs,
        "repeat": request.repeat,
        # What was kept before there were tools keeps its key.
        **(tools if request.tools else {}),
    }


def _message_values(message: Message) -> list[Any]:
    values: list[Any] = [message.role, message.content]
    # Only there, so that the keys of plain messages are as they always were.
    if message.tool_calls or message.role == "tool":
        values += [_call_values(message.tool_calls), message.tool_call_id, message.name]
    return values


def _call_values(calls: Sequence[ToolCall]) -> list[list[str]]:
    return [[call.id, call.name, call.arguments] for call in calls]


def encode(completion: Completion) -> bytes:
    """A completion as bytes."""
    usage = completion.usage
    values = {
        "text": completion.text,
        "usage": [usage.prompt_tokens, usage.completion_tokens, usage.cost_usd],
        "finish_reason": completion.finish_reason,
        "seconds": completion.seconds,
        "first_token_seconds": completion.first_token_seconds,
        "logprobs": [dict(entry) for entry in completion.logprobs],
        # What is usual is left out: some hundred thousand entries lie in one file.
        **({"notes": completion.notes} if completion.notes else {}),
        **({"tool_calls": _call_values(completion.tool_calls)} if completion.tool_calls else {}),
        **({} if completion.may_think else {"may_think": False}),
        "reasoning": completion.reasoning,
        "reasoning_tokens": completion.reasoning_tokens,
    }
    return json.dumps(values).encode()


def decode(data: bytes) -> Completion | None:
    """The completion that was encoded, with its first usage; None where the bytes are damaged."""
    try:
        values = json.loads(data)
        prompt, completion, cost = values["usage"]
        # What was kept before thinking was told apart is told apart now.
        old = "reasoning" not in values
        text, reasoning = split_thinking(values["text"]) if old else (values["text"], values["reasoning"])
        # `get` with the value that was meant before there was the field.
        return Completion(
            text=text,
            usage=Usage(prompt, completion, cost, calls=1),
            finish_reason=normalise_reason(values["finish_reason"]),
            seconds=values["seconds"],
            first_token_seconds=values["first_token_seconds"],
            logprobs=tuple(values["logprobs"]),
            notes=tuple(values.get("notes", ())),
            reasoning=reasoning,
            reasoning_tokens=values.get("reasoning_tokens", 0),
            may_think=values.get("may_think", True),
            tool_calls=tuple(ToolCall(*call) for call in values.get("tool_calls", ())),
        )
    # Damaged counts as absent: the call is made again.
    except (ValueError, KeyError, TypeError):
        return None


def _from_cache(completion: Completion, on_text: Callable[[str], None] | None) -> Completion:
    if on_text is not None and completion.text:
        on_text(completion.text)
    usage = completion.usage.from_cache
    # Into the accounts alone and no budget: it costs nothing, but belongs to its record.
    enter(usage)
    return replace(completion, usage=usage)


def _join(slot: _Slot) -> tuple[bool, asyncio.Future[Completion]]:
    if slot in _running:
        return False, _running[slot]
    # Without a lock: a slot belongs to one event loop, and there is no wait in between.
    _running[slot] = asyncio.get_running_loop().create_future()
    return True, _running[slot]


def _leave(slot: _Slot) -> None:
    _running.pop(slot, None)


async def _follow(future: asyncio.Future[Completion]) -> Completion | None:
    """The leader's answer; None where the leader gave up and this call must be made after all."""
    try:
        # Unshielded, cancelling this one caller would cancel the future for all.
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        # Both look alike from here; only a task that is itself being cancelled must pass it on.
        if future.cancelled() and not (task and task.cancelling()):
            return None
        raise
