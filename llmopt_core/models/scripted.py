"""Models without weights, for tests: one answers from a list, the other embeds by hashing words."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Callable, Sequence

import numpy as np

from llmopt_core.models.base import ChatRequest, Completion, Vectors
from llmopt_core.models.finish import STOP, TOOLS
from llmopt_core.types import Message, ToolCall, Usage

Calls = ToolCall | tuple[ToolCall, ...]
Reply = str | Exception | Completion | Calls | Callable[[ChatRequest], str | Completion | Calls]


class ScriptedChat:
    """A chat model that answers from a script.

    Args:
        replies: Replies in order (a text, tool calls, a whole `Completion`, an exception to raise, or a function of the
            request), or one function for every request. Asking for more than there are is an `AssertionError`.
        delay: Seconds each call takes.
        cost_usd: Cost reported per call.

    Attributes:
        requests: Every request received.
        peak: Most calls that were in flight at once.
    """

    def __init__(
        self,
        replies: Sequence[Reply] | Callable[[ChatRequest], str | Completion | Calls],
        delay: float = 0.0,
        cost_usd: float = 0.0,
    ) -> None:
        self._replies = replies
        self._delay = delay
        self._cost = cost_usd
        self._running = 0
        self.requests: list[ChatRequest] = []
        self.peak = 0

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> Completion:
        """See `ChatModel.complete`. A streamed reply arrives word by word."""
        # The reply is taken before the wait, so that replies go to requests in the order in which they came.
        start = time.perf_counter()
        reply = self._next(request)
        self._running += 1
        self.peak = max(self.peak, self._running)
        try:
            await asyncio.sleep(self._delay)
        finally:
            self._running -= 1
        completion = self._answer(reply, request, start)
        if on_text is not None:
            for piece in re.findall(r"\S+\s*|\s+", completion.text):
                on_text(piece)
        return completion

    def _next(self, request: ChatRequest) -> Reply:
        self.requests.append(request)
        if not isinstance(self._replies, Sequence):
            return self._replies
        number = len(self.requests)
        assert number <= len(self._replies), f"call {number}, but only {len(self._replies)} replies were scripted"  # noqa: S101
        return self._replies[number - 1]

    def _answer(self, reply: Reply, request: ChatRequest, start: float) -> Completion:
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, Completion):
            return reply
        if callable(reply):
            return self._answer(reply(request), request, start)
        text = reply if isinstance(reply, str) else ""
        calls = (reply,) if isinstance(reply, ToolCall) else reply if isinstance(reply, tuple) else ()
        # A word is a token here: tests can count them by eye.
        prompt_tokens = sum(len(text.split()) for text in request.texts)
        tokens = len(Message("assistant", text, calls).full_text.split())
        return Completion(
            text=text,
            usage=Usage(prompt_tokens=prompt_tokens, completion_tokens=tokens, cost_usd=self._cost, calls=1),
            finish_reason=TOOLS if calls else STOP,
            seconds=time.perf_counter() - start,
            tool_calls=calls,
        )


class HashEmbedder:
    """A deterministic embedder: each word has a random direction, a text is the sum of its words.

    Texts that share words are similar; nothing else is known about them. `inputs` lists every text it was given.
    """

    def __init__(self, dimension: int = 64) -> None:
        self.name = f"hash-{dimension}"
        self.dimension = dimension
        self.max_tokens = 512
        self.inputs: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.encode`."""
        self.inputs += texts
        # A text without words gets the vector of the empty word: zeros are no unit vector.
        rows = [_unit(self._word_vectors(_words(text) or [""]).sum(axis=0)) for text in texts]
        return np.array(rows, dtype=np.float32).reshape(len(texts), self.dimension)

    def encode_tokens(self, texts: Sequence[str]) -> list[tuple[list[int], Vectors]]:
        """See `TokenEmbedder.encode_tokens`; a token is a word."""
        return [([_seed(word) % 2**31 for word in _words(t)], self._word_vectors(_words(t))) for t in texts]

    def _word_vectors(self, words: Sequence[str]) -> Vectors:
        rows = [_unit(np.random.default_rng(_seed(word)).standard_normal(self.dimension)) for word in words]
        return np.array(rows, dtype=np.float32).reshape(len(words), self.dimension)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _seed(word: str) -> int:
    # Not `hash()`, which Python salts anew in each process. `surrogatepass`: tests embed broken text, too.
    return int.from_bytes(hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()[:8], "little")


def _unit(vector: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector
