"""How likely a text is after a prompt: the score of reranking by query likelihood (Sachan et al. 2022, UPR)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmopt_core.errors import EndpointError
from llmopt_core.models.base import ChatModel, ChatRequest, Completion, ModelSpec
from llmopt_core.models.builtin.chat import BuiltinChat, lora
from llmopt_core.models.builtin.server import RunningServer
from llmopt_core.models.calls.limiter import limiter_for
from llmopt_core.models.endpoints import Endpoint, model_name
from llmopt_core.models.openai.wire import usage_of
from llmopt_core.models.openai.wire_answers import read_counts
from llmopt_core.models.openai.wire_values import finite
from llmopt_core.text.valid_text import without_surrogates
from llmopt_core.types import Message, Usage

if TYPE_CHECKING:
    import openai


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Mean log probability per token of a continuation, how many tokens were scored, and what the call took."""

    mean: float
    tokens: int
    usage: Usage
    seconds: float = 0.0


class LikelihoodModel:
    """Scores a continuation after a prompt.

    Args:
        scorer: A chat model that reads a prompt (user) and a continuation (assistant) and returns the continuation
            with its log probabilities.
        spec: The model to ask for.
    """

    def __init__(self, scorer: ChatModel, spec: ModelSpec) -> None:
        self._scorer = scorer
        self._spec = spec

    async def likelihood(self, prompt: str, continuation: str) -> Likelihood:
        """How likely `continuation` follows `prompt`. Begin it with a space where a new word begins.

        Raises:
            EndpointError: The endpoint failed, or cannot report the probabilities of a given text.
        """
        # Its mean would be a division by nothing.
        if not continuation:
            raise EndpointError("The likelihood of an empty text was asked for.", "bad-request")
        # As a request like any other, so that meter and cache need to know nothing of scores.
        messages = (Message("user", prompt), Message("assistant", continuation))
        answer = await self._scorer.complete(ChatRequest(messages, self._spec))
        values = [value for token in answer.logprobs for value in token.values()]
        if not values:
            raise EndpointError("The endpoint scored no token of the text.", "bad-answer")
        # The mean: sums would prefer short texts.
        return Likelihood(sum(values) / len(values), len(values), answer.usage, answer.seconds)


class BuiltinScorer:
    """llama.cpp reports no probabilities of prompt tokens, but those of generated ones before any constraint acts.

    So the continuation is generated, token by token, under a grammar that allows nothing else: one call, exact.
    """

    def __init__(self, chat: BuiltinChat) -> None:
        self._chat = chat

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> Completion:
        """See `LikelihoodModel`."""
        prompt, continuation = _texts(request)

        async def call(endpoint: Endpoint, server: RunningServer) -> Completion:
            poster = _Poster(endpoint, self._chat.client(endpoint, server.key), server.key)
            async with limiter_for(endpoint.base_url, endpoint.max_concurrency):
                tokens = await _tokens(poster, server.url, continuation)
                body = {
                    "prompt": prompt,
                    "max_tokens": len(tokens),
                    "grammar": _only(tokens, continuation),
                    **lora(server, request.model.adapter),
                }
                return await poster.score_tokens(
                    request, body, lambda logprobs: [e["logprob"] for e in logprobs["content"]]
                )

        return await self._chat.run(call, request.model.adapter)


class EchoScorer:
    """Endpoints whose `/completions` echoes the prompt with its log probabilities (vLLM and its kin)."""

    def __init__(self, endpoint: Endpoint, client: openai.AsyncOpenAI, key: str) -> None:
        self._poster = _Poster(endpoint, client, key)
        self._limiter = limiter_for(endpoint.base_url, endpoint.max_concurrency)

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> Completion:
        """See `LikelihoodModel`."""
        prompt, continuation = _texts(request)
        # Places in characters, as `text_offset` counts.
        start, end = len(prompt), len(prompt + continuation)
        # One token, since some refuse 0; it begins at `end` and is not counted.
        body = {"prompt": prompt + continuation, "max_tokens": 1, "echo": True}
        async with self._limiter:
            return await self._poster.score_tokens(
                request, body, lambda logprobs: _echo_log_probabilities(logprobs, start, end)
            )


class _Poster:
    """Raw calls with our errors."""

    def __init__(self, endpoint: Endpoint, client: openai.AsyncOpenAI, key: str) -> None:
        self._endpoint = endpoint
        self._client = client
        self._key = key

    async def post(self, path: str, body: Mapping[str, Any], root: str = "") -> Any:
        """The answer's JSON; `root` replaces the base URL."""
        from llmopt_core.models.openai.retry import with_retries
        from llmopt_core.models.openai.wire_errors import endpoint_error

        # Not `with_options`: its copy of the client reads the environment again.
        url = f"{root.rstrip('/')}{path}"
        name = str(body.get("model", ""))

        async def ask() -> Any:
            answer = await self._client.post(url, body=dict(body), options={"max_retries": 0}, cast_to=object)
            if not isinstance(answer, dict):
                raise ValueError("the answer is no object")
            return answer

        return await with_retries(
            ask,
            self._endpoint.max_retries,
            lambda error, attempts: endpoint_error(error, self._endpoint, name, self._key, attempts),
        )

    async def score_tokens(
        self, request: ChatRequest, body: Mapping[str, Any], read: Callable[[Any], Sequence[float]]
    ) -> Completion:
        """A call to `/completions` whose answer's log probabilities `read` picks out."""
        name, start = model_name(request.model, self._endpoint), time.perf_counter()
        answer = await self.post("/completions", {"model": name, "temperature": 0, "logprobs": 1, **body})
        try:
            # The very first token of a prompt has no probability: null.
            numbers = [finite(value) for value in read(answer["choices"][0]["logprobs"])]
            values = [number for number in numbers if number is not None]
        # Whatever shape came instead: it is no report of probabilities.
        except (KeyError, IndexError, TypeError, ValueError, AttributeError):
            values = []
        if not values:
            raise EndpointError(
                f"Endpoint {self._endpoint.name!r} does not report the probabilities of a given text; use the "
                f"built-in model, a vLLM server, or another reranker.",
                "bad-answer",
            )
        # Under their places: the same token may come twice, and its text is not needed.
        logprobs = tuple({str(position): value} for position, value in enumerate(values))
        # An empty answer: nothing was written but what was given.
        usage = usage_of(read_counts(answer), "", request, self._endpoint)
        return Completion("", usage, "stop", time.perf_counter() - start, logprobs=logprobs)


def _texts(request: ChatRequest) -> tuple[str, str]:
    prompt, continuation = request.messages
    return without_surrogates(prompt.content), without_surrogates(continuation.content)


async def _tokens(poster: _Poster, root: str, text: str) -> list[int]:
    # `parse_special`: a text that holds `<|im_end|>` is scored as its letters, not as a mark.
    answer = await poster.post("/tokenize", {"content": text, "parse_special": False}, root=root)
    tokens = answer.get("tokens") if isinstance(answer, dict) else None
    if not isinstance(tokens, list) or not tokens:
        raise EndpointError("The built-in model's server did not cut the text into tokens.", "bad-answer")
    return [int(token) for token in tokens]


def _only(tokens: Sequence[int], text: str) -> str:
    """A grammar that allows these tokens alone.

    llama.cpp's own grammars break on tokens that are parts of one character, as in Chinese; its llguidance does not.
    """
    # By number, not by text: one text may be cut in several ways.
    rule = " ".join(f"<[{token}]>" for token in tokens)
    return f"root ::= {rule}" if text.isascii() else f"%llguidance {{}}\nstart: {rule}"


def _echo_log_probabilities(logprobs: Any, start: int, end: int) -> list[float]:
    """The log probabilities of the tokens that begin between `start` and `end` of the echoed text."""
    pairs = zip(logprobs["text_offset"], logprobs["token_logprobs"], strict=True)
    # A token across the border belongs to the prompt.
    return [value for offset, value in pairs if start <= offset < end]
