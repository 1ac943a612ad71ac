"""Our requests as OpenAI parameters. Pure: nothing is sent here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.models.base import ChatRequest, ModelSpec
from llmopt_core.models.endpoints import Endpoint, model_name
from llmopt_core.models.openai.refusal_text import value_key
from llmopt_core.models.openai.wire_answers import Counts
from llmopt_core.models.openai.wire_messages import message_body, tool_choice_body
from llmopt_core.models.tokenizers import tokenizer
from llmopt_core.text.valid_text import without_surrogates
from llmopt_core.types import Usage

# OpenAI's reasoning models take only the new name, most others only the old one: where one is refused, the other is
# sent.
_OTHER_NAME = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}


def mode_of(spec: ModelSpec, endpoint: Endpoint) -> str:
    """`chat` or `completion`."""
    return spec.mode or endpoint.mode


def plain_prompt(request: ChatRequest) -> str:
    """The one text of completion mode."""
    # Blank lines and no roles: a model for plain text was trained on no marks of a chat.
    return without_surrogates("\n\n".join(message.content for message in request.messages))


def _parameters(request: ChatRequest, endpoint: Endpoint) -> dict[str, Any]:
    """The body of a call to `/chat/completions` or `/completions`, as the endpoint's mode asks.

    Raises:
        BadInput: Tools in completion mode.
    """
    spec = request.model
    body: dict[str, Any] = {
        "model": model_name(spec, endpoint),
        "temperature": spec.temperature,
        "max_tokens": spec.max_tokens,
    }
    # Left out where not set: null is refused by some, and the service's own default is meant.
    optional = {"top_p": spec.top_p, "seed": spec.seed, "stop": list(spec.stop) or None}
    body.update({name: value for name, value in optional.items() if value is not None})
    if mode_of(spec, endpoint) == "completion":
        if request.uses_tools:
            raise BadInput(
                f"Endpoint {endpoint.name!r} is asked in completion mode, which has no tools; set model.mode to chat."
            )
        return _completion(body, request)
    return _chat(body, request)


def request_body(
    request: ChatRequest, endpoint: Endpoint, extra: Mapping[str, Any], stream: bool, refusals: Collection[str]
) -> dict[str, Any]:
    """The body of a call.

    Args:
        request: What is asked.
        endpoint: Who is asked, with its names of parameters.
        extra: Further fields of every body.
        stream: Whether the answer comes in pieces.
        refusals: Parameters, and values such as `temperature=0`, that are left out.
    """
    body = {**_parameters(request, endpoint), **extra}
    if stream:
        # Without it OpenAI streams no counts, and tokens would have to be counted here.
        body.update(stream=True, stream_options={"include_usage": True})
    body = _with_names(body, request, endpoint)
    # The two are one: `top_logprobs` alone is refused by OpenAI, `logprobs` alone gives no alternatives.
    keys = {*refusals, *(("logprobs", "top_logprobs") if {"logprobs", "top_logprobs"} & set(refusals) else ())}
    for name in [name for name, value in body.items() if name in keys or value_key(name, value) in keys]:
        value = body.pop(name)
        other = _OTHER_NAME.get(name)
        if other is not None and other not in keys:
            body[other] = value
    return _with_extra(body, request)


def _with_names(body: dict[str, Any], request: ChatRequest, endpoint: Endpoint) -> dict[str, Any]:
    """The body with its parameters renamed or left out as endpoint and configuration say."""
    # The configuration's word after the endpoint's, so it wins.
    for name, other in {**endpoint.parameters, **request.model.parameters}.items():
        if name in body:
            value = body.pop(name)
            if other:
                body[other] = value
    return body


def _with_extra(body: dict[str, Any], request: ChatRequest) -> dict[str, Any]:
    """The body with the fields that a configuration adds; they take the place of any of their name."""
    extra = dict(request.model.extra_body)
    # Set by hand under the new name: OpenAI refuses both at once.
    if "max_completion_tokens" in extra:
        body.pop("max_tokens", None)
    return {**body, **extra}


def _chat(body: dict[str, Any], request: ChatRequest) -> dict[str, Any]:
    if request.model.reasoning_effort:
        body["reasoning_effort"] = request.model.reasoning_effort
    body["messages"] = [message_body(message) for message in request.messages]
    if request.tools:
        body["tools"] = [tool.body for tool in request.tools]
    if request.tool_choice:
        body["tool_choice"] = tool_choice_body(request.tool_choice)
    if request.response_format is not None:
        body["response_format"] = dict(request.response_format)
    if request.top_logprobs:
        # Chat takes a switch and a number, completions below the number alone.
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


def reasoning_tokens(counts: Counts | None, thinking: str) -> int:
    """Tokens of the thinking, as reported or counted here; a part of the completion's tokens."""
    # 0 is a report, too, and stands even where there is a text of thinking.
    if counts is not None and counts.reasoning is not None:
        return counts.reasoning
    return tokenizer("o200k_base").count(thinking) if thinking else 0


def only_reasoning(counts: Counts | None) -> bool:
    """Whether an endpoint reports that all it wrote is reasoning."""
    return counts is not None and bool(counts.reasoning) and counts.reasoning == counts.completion


def usage_of(counts: Counts, text: str, request: ChatRequest, endpoint: Endpoint) -> Usage:
    """What the call took. What the endpoint does not report is counted here, with OpenAI's encoding."""
    count = tokenizer("o200k_base").count
    prompt = count(without_surrogates("\n\n".join(request.texts))) if counts.prompt is None else counts.prompt
    completion = count(text) if counts.completion is None else counts.completion
    # At most the prompt: some report tokens cached over several calls, and the rest would cost less than nothing.
    return endpoint.usage(model_name(request.model, endpoint), prompt, completion, min(counts.cached, prompt))
