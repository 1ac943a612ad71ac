"""Our requests as OpenAI parameters, and OpenAI answers as ours. Pure: nothing is sent here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from llmopt_core.models.base import ChatRequest, ModelSpec
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.tokenizers import tokenizer, without_surrogates
from llmopt_core.types import Usage

Logprobs = tuple[Mapping[str, float], ...]


def model_name(spec: ModelSpec, endpoint: Endpoint) -> str:
    """The model's name at the endpoint."""
    return spec.name or endpoint.default_model


def mode_of(spec: ModelSpec, endpoint: Endpoint) -> str:
    """`chat` or `completion`."""
    return spec.mode or endpoint.mode


def plain_prompt(request: ChatRequest) -> str:
    """The one text of completion mode."""
    return without_surrogates("\n\n".join(message.content for message in request.messages))


def parameters(request: ChatRequest, endpoint: Endpoint) -> dict[str, Any]:
    """The body of a call to `/chat/completions` or `/completions`, as the endpoint's mode asks."""
    spec = request.model
    body: dict[str, Any] = {
        "model": model_name(spec, endpoint),
        "temperature": spec.temperature,
        "max_tokens": spec.max_tokens,
    }
    optional = {"top_p": spec.top_p, "seed": spec.seed, "stop": list(spec.stop) or None}
    body.update({name: value for name, value in optional.items() if value is not None})
    if mode_of(spec, endpoint) == "completion":
        return _completion(body, request)
    return _chat(body, request)


def _chat(body: dict[str, Any], request: ChatRequest) -> dict[str, Any]:
    body["messages"] = [{"role": m.role, "content": without_surrogates(m.content)} for m in request.messages]
    if request.response_format is not None:
        body["response_format"] = dict(request.response_format)
    if request.top_logprobs:
        body.update(logprobs=True, top_logprobs=request.top_logprobs)
    return body


def _completion(body: dict[str, Any], request: ChatRequest) -> dict[str, Any]:
    body["prompt"] = plain_prompt(request)
    if request.response_format is not None:
        # Not in OpenAI's legacy API, but llama.cpp and vLLM know it there.
        body["response_format"] = dict(request.response_format)
    if request.top_logprobs:
        body["logprobs"] = request.top_logprobs
    return body


@dataclass(frozen=True, slots=True)
class Piece:
    """What a whole answer, or one piece of a streamed one, says. `counts` are prompt, completion and cached tokens."""

    text: str = ""
    finish_reason: str = ""
    counts: tuple[int, int, int] | None = None
    logprobs: Logprobs = ()


def read_answer(answer: Any) -> Piece:
    """Read a whole (chat) completion.

    Raises:
        ValueError: It holds no choice or no text where one must be.
    """
    choice = _first_choice(answer)
    if choice is None:
        raise ValueError("no choices in the answer")
    return _read(choice, choice.get("message", choice), answer)


def read_chunk(chunk: Any) -> Piece:
    """Read one streamed piece. Some hold no choice, such as the last one with the usage.

    Raises:
        ValueError: It is no piece of a (chat) completion.
    """
    choice = _first_choice(chunk)
    if choice is None:
        return Piece(counts=_counts(chunk))
    return _read(choice, choice.get("delta") or choice, chunk)


def _first_choice(answer: Any) -> Mapping[str, Any] | None:
    if not isinstance(answer, dict):
        raise ValueError("the answer is no object")
    choices = answer.get("choices")
    if not choices:
        return None
    if not isinstance(choices, list) or not isinstance(choices[0], dict):
        raise ValueError("the choices are no list of objects")
    return choices[0]


def _read(choice: Mapping[str, Any], part: Any, whole: Mapping[str, Any]) -> Piece:
    if not isinstance(part, dict):
        raise ValueError("the choice holds no message")
    text = part.get("content")
    if text is None:
        text = part.get("text") or part.get("refusal") or ""
    if not isinstance(text, str):
        raise ValueError("the answer's text is not text")
    return Piece(text, str(choice.get("finish_reason") or ""), _counts(whole), _logprobs(choice.get("logprobs")))


def counts_of(answer: Any) -> tuple[int, int, int] | None:
    """What an answer says it took, also where nothing else of it can be read; None where it does not say."""
    try:
        return _counts(answer)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _counts(answer: Mapping[str, Any]) -> tuple[int, int, int] | None:
    usage = answer.get("usage")
    if not isinstance(usage, dict) or not isinstance(usage.get("prompt_tokens"), int):
        return None
    prompt, completion = usage["prompt_tokens"], usage.get("completion_tokens") or 0
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return prompt, completion, min(cached, prompt)


def _logprobs(found: Any) -> Logprobs:
    """Both forms: chat's list of objects (llama.cpp uses it for completions too) and the legacy parallel lists."""
    if not isinstance(found, dict):
        return ()
    if found.get("content"):
        return tuple(_highest([entry, *(entry.get("top_logprobs") or ())]) for entry in found["content"])
    return tuple(dict(entry or {}) for entry in found.get("top_logprobs") or ())


def _highest(entries: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Token -> log probability; different tokens that read alike (parts of one character) keep the higher."""
    best: dict[str, float] = {}
    for entry in entries:
        token, value = str(entry["token"]), float(entry["logprob"])
        best[token] = max(value, best.get(token, value))
    return best


def usage_of(piece: Piece, request: ChatRequest, endpoint: Endpoint) -> Usage:
    """What the call took. Where the endpoint reports no tokens they are counted here, with OpenAI's encoding."""
    if piece.counts is not None:
        return endpoint.usage(model_name(request.model, endpoint), *piece.counts)
    count = tokenizer("o200k_base").count
    return endpoint.usage(model_name(request.model, endpoint), count(plain_prompt(request)), count(piece.text))
