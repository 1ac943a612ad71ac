"""HTTP clients that keep to a time and a size, and to the host they were sent to. Import this module at use."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import httpx2
import openai

T = TypeVar("T")
# The largest batch that OpenAI takes, 2,048 vectors of 3,072 numbers, is some 80 MB of JSON; what an attacker packs
# small may be any number of gigabytes.
MOST_BYTES = 100_000_000
"""Of one answer, unpacked."""

_MOST_REDIRECTS = 5  # Within one host one or two are real (http to https, a slash); more are a circle.
# A server may keep the connection open after its answer; the rest is not waited for.
_REST_SECONDS = 0.05
# A training file of a hundred megabytes may take half an hour on a slow line, and is no hanging call.
_SLOWEST_UPLOAD = 50_000
"""Bytes a second: what a large body may take longer."""


class TooLargeError(openai.OpenAIError):
    """An answer went on beyond `MOST_BYTES`. As an error of the SDK it is not tried again."""


class AnswerTimeoutError(openai.APITimeoutError):
    """No whole answer came in so many seconds. As an error of the SDK it is not tried again.

    Args:
        request: What was asked.
        seconds: That were waited.
    """

    def __init__(self, request: httpx2.Request, seconds: float) -> None:
        super().__init__(request=request)
        self.seconds = seconds


class BoundedAsyncClient(httpx2.AsyncClient):
    """httpx limits each read; a server that drips bytes would keep a call open for ever. This limits the whole.

    A time-out after the connection stood is an `AnswerTimeoutError` at once: the SDK would ask again, five times,
    a server that still works on the first question.

    Args:
        seconds: For a whole answer, or for the head of a streamed one.
    """

    def __init__(self, seconds: float, **options: Any) -> None:
        super().__init__(**options)
        self._seconds = seconds

    async def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:
        """See `httpx2.AsyncClient.send`. Redirects are followed within the same host alone."""
        # httpx would follow to any host, and send the prompt along.
        options["follow_redirects"] = False
        try:
            async with asyncio.timeout(self._seconds):
                response = await super().send(request, stream=True, **options)
                for _ in range(_MOST_REDIRECTS):
                    following = _within_host(response)
                    if following is None:
                        break
                    # The connection is given back before it is needed again.
                    await response.aclose()
                    response = await super().send(following, stream=True, **options)
                # An error is read whole even where a stream was asked for: its words are in the body.
                if stream and response.is_success:
                    return _decompress(response, stream=_Parts(response))
                try:
                    return _decompress(response, content=b"".join([part async for part in _Parts(response)]))
                finally:
                    await response.aclose()
        except (TimeoutError, httpx2.ReadTimeout, httpx2.WriteTimeout) as error:
            raise AnswerTimeoutError(request, self._seconds) from error


class BoundedClient(httpx2.Client):
    """The same for threads. Here the time is looked at between two parts of an answer."""

    def __init__(self, seconds: float, **options: Any) -> None:
        super().__init__(**options)
        self._seconds = seconds

    def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:
        """See `BoundedAsyncClient.send`. Every answer is read whole."""
        options["follow_redirects"] = False
        # Uploads of files go through this client; they get time for their size.
        seconds = self._seconds + int(request.headers.get("content-length") or 0) // _SLOWEST_UPLOAD
        # One limit for all redirects together.
        end = time.monotonic() + seconds
        try:
            response = self._head(request, options, end)
            for _ in range(_MOST_REDIRECTS):
                following = _within_host(response)
                if following is None:
                    break
                response.close()
                response = self._head(following, options, end)
            try:
                return _decompress(response, content=_in_time(partial(_whole, response, request, end), end, request))
            finally:
                response.close()
        except (httpx2.ReadTimeout, httpx2.WriteTimeout) as error:
            raise AnswerTimeoutError(request, seconds) from error

    def _head(self, request: httpx2.Request, options: dict[str, Any], end: float) -> httpx2.Response:
        """The response up to its body."""
        send = partial(super().send, request, stream=True, **options)
        return _in_time(send, end, request, late=httpx2.Response.close)


def _whole(response: httpx2.Response, request: httpx2.Request, end: float) -> bytes:
    parts, size = [], 0
    for part in response.iter_bytes():
        parts.append(part)
        size += len(part)
        # Counted unpacked: a small packed answer can hold gigabytes.
        if size > MOST_BYTES:
            raise TooLargeError
        if time.monotonic() > end:
            raise httpx2.ReadTimeout("no whole answer in time", request=request)
    return b"".join(parts)


def _in_time(work: Callable[[], T], end: float, request: httpx2.Request, late: Callable[[T], None] | None = None) -> T:
    """Work that is waited for from outside, since bytes that drip keep to every limit of a single read.

    `end` is a time of `time.monotonic`;
    `late` takes what comes when nobody waits for it any more.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        # Everything: an exception that stays in this thread would leave the caller waiting for the whole time.
        except BaseException as error:
            future.set_exception(error)

    # A daemon: a read that never ends must not keep the program from ending.
    threading.Thread(target=run, daemon=True, name="llmopt-answer").start()
    # The thread cannot be stopped; it ends with its connection, and what it brings is closed.
    if wait([future], max(0.0, end - time.monotonic())).not_done:
        if late is not None:
            future.add_done_callback(lambda task: None if task.exception() else late(task.result()))
        raise httpx2.ReadTimeout("no answer in time", request=request)
    return future.result()


def _within_host(response: httpx2.Response) -> httpx2.Request | None:
    """The request that a redirect asks for, where it goes to the same host and stays the same request.

    Key and prompts go nowhere else. HTTP may become HTTPS, never the other way round.
    """
    following = response.next_request
    # A 302 turns a POST into a GET: another question, whose answer would make no sense.
    if following is None or following.method != response.request.method:
        return None
    before, after = response.request.url, following.url
    # With the port: another port is another program, of perhaps another user of that machine.
    same = (before.scheme, before.host, before.port) == (after.scheme, after.host, after.port)
    safer = (before.scheme, after.scheme) == ("http", "https") and before.port is None and after.port is None
    return following if same or (safer and before.host == after.host) else None


def _decompress(response: httpx2.Response, **content: Any) -> httpx2.Response:
    """The response with a body that is unpacked already."""
    # Body and headers must agree: the SDK would try to unpack a second time.
    headers = httpx2.Headers(
        [(k, v) for k, v in response.headers.multi_items() if k not in ("content-encoding", "content-length",
                                                                        "transfer-encoding")]
    )  # fmt: skip
    return httpx2.Response(
        response.status_code, headers=headers, request=response.request, extensions=response.extensions, **content
    )


class _Parts(httpx2.AsyncByteStream):
    """The unpacked parts of a response, up to a size.

    Closing reads the little that is left before: the SDK stops at `[DONE]`, just before the end; closed there, a
    connection cannot be used again, and every streamed call would cost a new handshake.
    """

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        # One iterator for reading and closing: httpx allows a body to be read once.
        self._parts = aiter(response.aiter_bytes())
        self._size = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._parts:
            self._size += len(part)
            if self._size > MOST_BYTES:
                raise TooLargeError
            yield part

    async def aclose(self) -> None:
        # Whatever breaks now, the answer is there already. RuntimeError: a reader that was cancelled still holds the
        # iterator.
        with suppress(TimeoutError, httpx2.HTTPError, httpx2.StreamError, RuntimeError):
            async with asyncio.timeout(_REST_SECONDS):
                async for _ in self._parts:
                    pass
        await self._response.aclose()
