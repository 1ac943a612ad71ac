"""An OpenAI-compatible endpoint that answers at once, or fails on demand.

In a test: `with StubEndpoint() as stub: ... stub.url ... stub.calls`. As a process of its own:
`python -m tests.stub_endpoint PORT [--delay 0.2] [--reply TEXT] [--key KEY]` (port 0 takes a free one; the address is
printed; the reply "clock" streams 50 times of day), then steer it with `POST /control` and read it with `GET /stats`.

Faults, for every call (`stub.fault = "500"`) or for the next ones (`stub.faults = ["429", "500", None]`):

    400 401 404 429 500 503 ...   that status (429 with `retry_after` seconds in Retry-After)
    timeout        no answer at all            drip          one byte of an answer now and then, for ever
    drop           closed without an answer    half-answer   closed in mid-answer
    half-stream    a stream closed in its middle               ended-stream  a stream that just stops, politely
    error-event    a stream with an error event                keep-alive    a stream of comments, for ever
    broken-json    half a JSON object          html          a web page
    no-choices     an answer without choices   no-usage      an answer without token counts
    unsupported:P  400, "parameter P is not supported", while the request has P
    refuses:P      400 without a reason, while the request has P
    redirect:URL   307 to that address             moved:URL      301 to it
    empty-pieces   a stream of pieces that say nothing, for ever
    endless        a stream of words, for ever

`stub.mangle`, where set, is given each answer, each event of a stream and each list, and returns what is sent in its
place: JSON-like (NaN and lone surrogates as Python writes them), or bytes as they are.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Self

from aiohttp import web

Reply = str | Callable[[dict[str, Any]], str]

MODELS = ("stub-large", "stub-small", "stub-embedding")


class StubEndpoint:
    """The endpoint and what it saw.

    Attributes:
        requests: Every request in order: `path`, `body`, `key`, `headers`, `at` (monotonic seconds).
        paths: Path and query of everything that was asked for.
        connections: The far ends that asked.
        calls: Requests that asked a model, faults included.
        answered: Calls that got a whole answer.
        peak: Most calls in flight at once.
        retry_after: Sent with 429; None for no header.
    """

    def __init__(self, reply: Reply = "stub answer", *, delay: float = 0.0, key: str = "") -> None:
        self.reply = reply
        self.delay = delay
        self.key = key
        self.fault: str | None = None
        self.faults: list[str | None] = []
        self.retry_after: float | None = 0.05
        self.stream_pause = 0.0
        self.mangle: Callable[[dict[str, Any]], Any] = lambda answer: answer
        self.port = 0
        self.reset()

    def reset(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.connections: set[object] = set()
        self.calls = self.answered = self.running = self.peak = 0
        self.last_answer = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    # -- as a thread

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self.serve(0, ready.set)), daemon=True)
        self._thread.start()
        assert ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def serve(self, port: int, ready: Callable[[], object]) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=64 * 2**20, middlewares=[self._note_path])
        app.add_routes([web.get("/v1/models", self._models), web.get("/stats", self._stats)])
        app.add_routes([web.post("/control", self._control), web.post("/v1/embeddings", self._embeddings)])
        for path in ("/v1/chat/completions", "/v1/completions", "/openai/deployments/{name}/chat/completions"):
            app.add_routes([web.post(path, self._complete)])
        runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port, backlog=512)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]
        ready()
        await self._stop.wait()
        await runner.cleanup()

    # -- handlers

    @web.middleware
    async def _note_path(self, request: web.Request, handler: Callable[..., Any]) -> web.StreamResponse:
        self.paths.append(request.path_qs)
        self.connections.add(request.transport.get_extra_info("peername") if request.transport else None)
        return await handler(request)

    async def _stats(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "calls": self.calls,
                "answered": self.answered,
                "running": self.running,
                "peak": self.peak,
                "span": self.last_answer - self.requests[0]["at"] if self.requests else 0.0,
            }
        )

    async def _control(self, request: web.Request) -> web.Response:
        for name, value in (await request.json()).items():
            if name == "reset":
                self.reset()
            elif name in ("reply", "delay", "key", "fault", "faults", "retry_after", "stream_pause"):
                setattr(self, name, value)
            else:
                return web.json_response({"error": f"unknown: {name}"}, status=400)
        return web.json_response({})

    async def _models(self, request: web.Request) -> web.StreamResponse:
        refusal = await self._misbehave(request, {})
        listing = [{"id": name, "object": "model", "created": 0, "owned_by": "stub"} for name in MODELS]
        return refusal or self._said({"object": "list", "data": listing})

    def _said(self, answer: dict[str, Any]) -> web.Response:
        return web.Response(body=self._bytes(answer), content_type="application/json")

    def _bytes(self, answer: dict[str, Any]) -> bytes:
        text = self.mangle(answer)
        return text if isinstance(text, bytes) else json.dumps(text).encode()

    async def _embeddings(self, request: web.Request) -> web.StreamResponse:
        async with _Counted(self, request) as body:
            refusal = await self._misbehave(request, body)
            if refusal is not None:
                return refusal
            texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
            data = [{"object": "embedding", "index": i, "embedding": embed(t)} for i, t in enumerate(texts)]
            count = sum(len(str(text).split()) for text in texts)
            usage = {"prompt_tokens": count, "total_tokens": count}
            self.answered += 1
            return self._said({"object": "list", "model": body["model"], "data": data[::-1], "usage": usage})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        async with _Counted(self, request) as body:
            body["_path"] = request.path
            fault = self._next_fault()
            refusal = await self._misbehave(request, body, fault)
            if refusal is not None:
                return refusal
            text = self.reply if isinstance(self.reply, str) else self.reply(body)
            answer = _Answer(body, text, request.path.endswith("/chat/completions"))
            if body.get("stream"):
                return await self._stream(request, answer, fault)
            whole = answer.whole()
            whole.pop({"no-choices": "choices", "no-usage": "usage"}.get(fault or "", ""), None)
            self.answered += 1
            return self._said(whole)

    async def _stream(self, request: web.Request, answer: _Answer, fault: str | None) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        if fault == "keep-alive":
            while True:
                await response.write(b": still here\n\n")
                await asyncio.sleep(0.05)
        while fault in ("empty-pieces", "endless"):
            piece = answer.piece("" if fault == "empty-pieces" else "word ")
            await response.write(b"data: " + json.dumps(piece).encode() + b"\n\n")
            await asyncio.sleep(self.stream_pause or 0.001)
        events = answer.events(with_usage=fault != "no-usage")
        if fault in ("half-stream", "ended-stream", "error-event"):
            events = events[: max(len(events) // 2, 1)]
        for event in events:
            text = answer.clock(event) if self.reply == "clock" else event
            await response.write(b"data: " + self._bytes(text) + b"\n\n")
            await asyncio.sleep(self.stream_pause)
        if fault == "half-stream":
            await response.write(b'data: {"id": "cut')
            request.transport.abort()
            return response
        if fault == "error-event":
            await response.write(b'data: {"error": {"message": "the model fell over", "type": "server_error"}}\n\n')
        elif fault != "ended-stream":
            await response.write(b"data: [DONE]\n\n")
            self.answered += 1
        await response.write_eof()
        return response

    # -- faults

    def _next_fault(self) -> str | None:
        return self.faults.pop(0) if self.faults else self.fault

    async def _misbehave(
        self, request: web.Request, body: dict[str, Any], fault: str | None = None
    ) -> web.StreamResponse | None:
        """The faulty answer, or None where the call shall succeed."""
        given = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.headers.get("api-key", "")
        if self.key and given != self.key:
            return _error(401, f"Incorrect API key provided: {given}", code="invalid_api_key")
        fault = fault if request.path.endswith("completions") else self._next_fault()
        await asyncio.sleep(self.delay)
        if not fault:
            return None
        if fault.isdigit():
            wait = {"Retry-After": str(self.retry_after)} if fault == "429" and self.retry_after is not None else {}
            return _error(int(fault), f"stub fault {fault}", headers=wait)
        if fault.startswith("unsupported:"):
            name = fault.split(":")[1]
            return _error(400, f"{name} is not supported", "unsupported_parameter", name) if name in body else None
        if fault.startswith("refuses:"):
            return _error(400, "Bad request") if fault.split(":")[1] in body else None
        if fault.startswith(("redirect:", "moved:")):
            word, _, url = fault.partition(":")
            return web.Response(status=307 if word == "redirect" else 301, headers={"Location": url})
        if fault == "timeout":
            await asyncio.sleep(3600)
        if fault == "drop":
            request.transport.abort()
            return web.Response()
        if fault == "html":
            return web.Response(text="<html><body>Welcome</body></html>", content_type="text/html")
        if fault == "broken-json":
            return web.Response(text='{"id": "x", "choices": [{"ind', content_type="application/json")
        if fault in ("half-answer", "drip"):
            return await _slow_or_cut(request, fault)
        return None


async def _slow_or_cut(request: web.Request, fault: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "5000"})
    await response.prepare(request)
    await response.write(b'{"id": "x", ')
    while fault == "drip":
        await response.write(b" ")
        await asyncio.sleep(0.05)
    request.transport.abort()
    return response


class _Counted:
    """Counts a call while it runs and records its request."""

    def __init__(self, stub: StubEndpoint, request: web.Request) -> None:
        self._stub, self._request = stub, request

    async def __aenter__(self) -> dict[str, Any]:
        at = time.monotonic()
        body = await self._request.json()
        key = self._request.headers.get("Authorization", "").removeprefix("Bearer ")
        headers = dict(self._request.headers)
        values = {"path": self._request.path, "body": dict(body), "key": key, "at": at, "headers": headers}
        self._stub.requests.append(values)
        self._stub.calls += 1
        self._stub.running += 1
        self._stub.peak = max(self._stub.peak, self._stub.running)
        return body

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self._stub.running -= 1
        self._stub.last_answer = time.monotonic()
        # The caller went away, as some faults make it do.
        return kind is not None and issubclass(kind, ConnectionError)


class _Answer:
    """One text as a whole answer or as events, in chat or completion form."""

    def __init__(self, body: dict[str, Any], text: str, chat: bool) -> None:
        self._body, self._text, self._chat = body, text, chat
        self._words = ["tick "] * 50 if text == "clock" else re.findall(r"\S+\s*|\s+", text)
        request = body.get("prompt") or " ".join(str(m["content"]) for m in body.get("messages", []))
        self._usage = {"prompt_tokens": len(request.split()), "completion_tokens": len(text.split())}
        self._usage["total_tokens"] = sum(self._usage.values())
        self._head = {"id": "stub", "created": 0, "model": body["model"]}

    def whole(self) -> dict[str, Any]:
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop", "logprobs": self._logprobs()}
        if self._chat:
            choice["message"] = {"role": "assistant", "content": self._text}
        else:
            choice["text"] = (self._body["prompt"] if self._body.get("echo") else "") + self._text
        kind = "chat.completion" if self._chat else "text_completion"
        return {**self._head, "object": kind, "choices": [choice], "usage": self._usage}

    def clock(self, event: dict[str, Any]) -> dict[str, Any]:
        """The event with the present time for its text."""
        if not event["choices"] or event["choices"][0]["finish_reason"]:
            return event
        return {**event, "choices": [self._piece(f"{time.time()} ", None)]}

    def piece(self, word: str) -> dict[str, Any]:
        """One event of a stream that has no end."""
        return {**self._head, "object": "chat.completion.chunk", "choices": [self._piece(word, None)]}

    def events(self, with_usage: bool) -> list[dict[str, Any]]:
        kind = "chat.completion.chunk" if self._chat else "text_completion"
        events = [{**self._head, "object": kind, "choices": [self._piece(word, None)]} for word in self._words]
        events.append({**self._head, "object": kind, "choices": [self._piece("", "stop")]})
        if with_usage and (self._body.get("stream_options") or {}).get("include_usage"):
            events.append({**self._head, "object": kind, "choices": [], "usage": self._usage})
        return events

    def _piece(self, word: str, reason: str | None) -> dict[str, Any]:
        values = {"delta": {"content": word}} if self._chat else {"text": word}
        return {"index": 0, "finish_reason": reason, "logprobs": None, **values}

    def _logprobs(self) -> dict[str, Any] | None:
        """A word of n characters has the log probability -n."""
        if not self._body.get("logprobs"):
            return None
        if self._chat:
            return {"content": [{"token": w, "logprob": -len(w), "bytes": None,
                                 "top_logprobs": [{"token": "the", "logprob": -9.0, "bytes": None}]}
                                for w in self._words]}  # fmt: skip
        prompt = self._body["prompt"] if self._body.get("echo") else ""
        matches = [(m.group(), m.start()) for m in re.finditer(r"\s*\S+", prompt)]
        matches += [(m.group(), m.start() + len(prompt)) for m in re.finditer(r"\s*\S+", self._text)]
        return {
            "tokens": [token for token, _ in matches],
            "text_offset": [offset for _, offset in matches],
            "token_logprobs": [None if prompt and not offset else -len(token) for token, offset in matches],
            "top_logprobs": [{token: -len(token)} for token, _ in matches],
        }


def embed(text: str, dimension: int = 32) -> list[float]:
    """Hashed bag of words, not normalised."""
    vector = [0.0] * dimension
    for word in re.findall(r"\w+", str(text).lower()):
        vector[int(hashlib.md5(word.encode()).hexdigest(), 16) % dimension] += 1.0
    return vector


def refused_url() -> str:
    """An address where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


def _error(
    status: int, message: str, code: str = "", param: str | None = None, headers: dict[str, str] | None = None
) -> web.Response:
    error = {"message": message, "type": "stub", "code": code or None, "param": param}
    return web.json_response({"error": error}, status=status, headers=headers)


def main() -> None:
    parser = argparse.ArgumentParser(description="An OpenAI-compatible stub endpoint.")
    parser.add_argument("port", type=int)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--reply", default="stub answer")
    parser.add_argument("--key", default="")
    choice = parser.parse_args()
    stub = StubEndpoint(choice.reply, delay=choice.delay, key=choice.key)
    asyncio.run(stub.serve(choice.port, lambda: print(stub.url, flush=True)))


if __name__ == "__main__":
    main()
