"""What services say when they do not take a parameter, in their own forms; what else they refuse teaches nothing."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from aiohttp import web

from llmopt_core.errors import EndpointError
from llmopt_core.models.base import ModelSpec
from llmopt_core.models.openai.refusals import find_parameter
from tests.stub_endpoint import StubEndpoint

from .conftest import MakeModels, ask

SENT = {
    "temperature": 0.0, "top_p": 0.9, "max_tokens": 256, "seed": 1, "stop": ["x"], "stream_options": {},
    "response_format": {"type": "json_object"}, "logprobs": True, "top_logprobs": 5,
}  # fmt: skip
RAW = json.dumps({"error": {"message": "Unsupported parameter: 'max_tokens' is not supported.", "param": "max_tokens"}})


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (403, {"error": {"message": "You are not allowed to request logprobs from this model"}}, "logprobs"),
        (403, {"error": {"message": "You are not allowed to use this model"}}, None),
        (400, {"error": {"message": "response_format value as json_schema is enabled only for newer versions"}},
         "response_format"),
        (400, {"error": "'response_format.type' must be 'json_schema' or 'text'"}, "response_format"),
        (400, {"error": {"message": "response_format.type: Input should be 'json_schema'"}}, "response_format"),
        (400, [{"error": {"code": 400, "message": "JSON mode is not enabled for models/small"}}], "response_format"),
        (500, {"error": {"message": "This model does not support response format `json_schema`."}}, "response_format"),
        (400, [{"error": {"code": 400, "message": "Logprobs is not supported for this model"}}], "logprobs"),
        (400, {"error": {"message": "Provider returned error", "metadata": {"raw": RAW}}}, "max_tokens"),
        (400, {"error": "Bad Request", "status": 400, "message": "Unknown parameter: seed"}, "seed"),
        (400, {"Message": "The model returned the following errors: `stop` : unsupported"}, "stop"),
        (400, {"errors": ["seed is an unknown parameter"]}, "seed"),
        (400, {"error": "Argument not supported on this model: stop"}, "stop"),
        (400, {"error": {"message": "invalid temperature: only 0.6 is allowed for this model"}}, "temperature"),
        (400, {"error": {"message": "temperature is immutable for this model"}}, "temperature"),
        (400, {"error": {"message": "This model does not allow setting temperature."}}, "temperature"),
        (400, {"error": {"message": "`temperature` and `top_p` cannot both be specified for this model."}}, "top_p"),
        (400, {"error": {"message": "These are not valid for this model: temperature, presence_penalty"}},
         "temperature"),
        (400, "stream_options is not supported", "stream_options"),
        (404, {"error": {"message": "No endpoints found that support the provided 'seed' parameter"}}, "seed"),
        (404, {"error": {"message": "No endpoints found for acme/small.", "code": 404}}, None),
        (400, {"error": {"message": "不支持参数 seed", "code": "1210"}}, "seed"),
        (400, {"error": {"message": "parameterseed is unknown"}}, None),
        (400, {"error": {"message": "Unknown model: seed-oss-36b"}}, None),
        (400, {"error": {"message": "max_tokens must be at least 1"}}, None),
        (400, {"error": {"message": "temperature should be between 0.1 and 2"}}, "temperature=0.0"),
        (404, {"error": {"message": "The model `m` does not exist or you do not have access to it."}}, None),
        (400, {"error": {"message": "The prompt was filtered; please change it and stop.", "param": "prompt"}}, None),
    ],
)  # fmt: skip
def test_what_a_refusal_names(status: int, body: Any, found: str | None):
    assert find_parameter(status, body, SENT) == found


def refusing(parameter: str, answer: Any):
    """A server that answers so while the request has a parameter."""

    async def refuse(request: web.Request, body: dict[str, Any], fault: object = None) -> Any:
        return await answer(request) if parameter in body else None

    return refuse


async def in_a_stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await response.write(b'data: {"error": {"message": "Unknown parameter: \'stream_options\'.", "code": 400}}\n\n')
    await response.write_eof()
    return response


async def as_json(_: web.Request) -> web.Response:
    return web.json_response({"error": {"message": "stream_options is not supported"}})


async def as_text(_: web.Request) -> web.Response:
    return web.Response(status=400, text="stream_options is not supported")


@pytest.mark.parametrize("answer", [in_a_stream, as_json, as_text])
async def test_a_streamed_call_learns_from_a_refusal(stub: StubEndpoint, make_models: MakeModels, answer: Any):
    stub._misbehave = refusing("stream_options", answer)  # type: ignore[method-assign]
    events: list[str] = []
    async with make_models() as models:
        chat = models.chat(ModelSpec(endpoint="stub"))
        completion = await chat.complete(ask(), events.append)
        await chat.complete(ask(), events.append)

    assert completion.text == "stub answer"
    assert "".join(events) == 2 * "stub answer"
    assert ["stream_options" in request["body"] for request in stub.requests] == [True, False, False]


REASONS = [
    (400, {"timestamp": "now", "error": "Bad Request", "message": "the true reason"}, "(400): the true reason."),
    (400, {"Message": "the true reason", "__type": "ValidationException"}, "(400): the true reason."),
    (400, {"error": {"message": None, "code": "model_overloaded"}}, "(400): model_overloaded."),
    (400, {"error": {"message": "Provider returned error", "metadata": {"raw": '{"error": {"message": "too long"}}'}}},
     "(400): Provider returned error; too long."),
    (400, "<html><head><title>400 Bad Request</title></head><body>nginx</body></html>", "(400): 400 Bad Request."),
    (200, {"success": False, "message": "not today"}, "with an error: not today."),
    (200, {"base_resp": {"status_code": 1004, "status_msg": "login failed"}}, "with an error: login failed."),
    (200, {"choices": [{"finish_reason": "error", "error": {"message": "it died", "code": 502},
                        "message": {"content": "half"}}]}, "(HTTP 502): it died"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "words"), REASONS)
async def test_the_reason_is_found_wherever_it_stands(
    stub: StubEndpoint, make_models: MakeModels, status: int, body: Any, words: str
):
    async def answer(_request: web.Request, _body: dict[str, Any], fault: object = None) -> web.Response:
        if isinstance(body, str):
            return web.Response(status=status, text=body, content_type="text/html")
        return web.json_response(body, status=status)

    stub._misbehave = answer  # type: ignore[method-assign]
    async with make_models(max_retries=0) as models:
        with pytest.raises(EndpointError) as failure:
            await models.chat(ModelSpec(endpoint="stub")).complete(ask())

    assert words in str(failure.value)


async def test_a_broker_without_a_service_for_an_optional_parameter(stub: StubEndpoint, make_models: MakeModels):
    async def answer(_: web.Request) -> web.Response:
        values = {"error": {"message": "No endpoints found that can handle the requested parameters.", "code": 404}}
        return web.json_response(values, status=404)

    stub._misbehave = refusing("logprobs", answer)  # type: ignore[method-assign]
    request = dataclasses.replace(ask(), top_logprobs=2)
    async with make_models() as models:
        assert (await models.chat(ModelSpec(endpoint="stub")).complete(request)).text == "stub answer"
        await models.chat(ModelSpec(endpoint="stub")).complete(request)

    assert ["logprobs" in request["body"] for request in stub.requests] == [True, False, False]


@pytest.mark.parametrize(
    "words",
    ["Der Parameter seed wird nicht unterstützt.", "Le champ « seed » est inconnu", "seed: パラメータが無効です"],
)
async def test_a_refusal_in_any_language_is_tried_once_without_what_it_mentions(
    stub: StubEndpoint, make_models: MakeModels, words: str
):
    async def refuse(_: web.Request) -> web.Response:
        return web.json_response({"error": {"message": words}}, status=400)

    stub._misbehave = refusing("seed", refuse)  # type: ignore[method-assign]
    async with make_models() as models:
        chat = models.chat(ModelSpec(endpoint="stub"))
        for question in "ab":
            assert (await chat.complete(ask(question, seed=3))).text == "stub answer"
        with pytest.raises(EndpointError, match="refused the request"):
            await chat.complete(ask("c", extra_body={"seed": 4}))

    assert ["seed" in request["body"] for request in stub.requests] == [True, False, False, True]
