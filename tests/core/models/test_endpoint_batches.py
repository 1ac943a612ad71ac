"""Batches of texts to embed follow the service."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest
from aiohttp import web

from llmopt_core.errors import EndpointError
from llmopt_core.models.base import EmbeddingSpec
from tests.stub_endpoint import StubEndpoint

from .conftest import MakeModels

SPEC = EmbeddingSpec(endpoint="stub", model="m")


def limited(stub: StubEndpoint, most: int, message: str = "batch size {} > maximum allowed batch size {}") -> None:
    async def refuse(request, body, fault=None):
        if len(body.get("input", [])) <= most:
            return None
        return web.json_response({"error": message.format(len(body["input"]), most)}, status=400)

    stub._misbehave = refuse  # type: ignore[method-assign]


def test_a_batch_that_is_refused_is_halved_and_later_ones_are_smaller(stub: StubEndpoint, make_models: MakeModels):
    limited(stub, 8)
    embedder = make_models().embedder(SPEC)
    texts = [f"text {number}" for number in range(30)]

    vectors = embedder.encode(texts)

    assert vectors.shape == (30, 32)
    stub.reset()
    assert (embedder.encode(texts) == vectors).all()
    assert all(len(request["body"]["input"]) <= 8 for request in stub.requests)


def test_the_size_of_a_batch_is_a_setting(stub: StubEndpoint, make_models: MakeModels):
    make_models(embedding_batch=5).embedder(SPEC).encode([f"t{number}" for number in range(11)])

    assert sorted(len(request["body"]["input"]) for request in stub.requests) == [1, 5, 5]


def test_another_refusal_is_told_at_once(stub: StubEndpoint, make_models: MakeModels):
    limited(stub, 1, "no such model here")

    with pytest.raises(EndpointError, match="no such model here"):
        make_models().embedder(SPEC).encode(["a", "b", "c"])
    assert stub.calls == 1


def test_answers_without_an_index_are_taken_in_order(stub: StubEndpoint, make_models: MakeModels):
    right = make_models().embedder(SPEC).encode(["one", "two"])
    stub.mangle = lambda said: {**said, "data": [{**item, "index": None} for item in said["data"][::-1]]}

    assert (make_models().embedder(SPEC).encode(["one", "two"]) == right).all()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (413, "<html><head><title>413 Request Entity Too Large</title></head></html>"),
        (422, {"message": "batch size 3 > maximum allowed batch size 1", "type": "Validation"}),
        (400, {"error": {"message": "'$.input' is invalid. Please check the API reference."}}),
        (400, {"error": {"message": "input must be a string"}}),
        (400, {"error": {"code": "1210", "message": "input数组最大不得超过1条"}}),
        (500, {"error": {"code": 500, "message": "input is too large to process. increase the physical batch size"}}),
        (413, ""),
        (400, [{"error": {"code": 400, "message": "5 instance(s) is allowed per prediction. Actual: 250."}}]),
        (400, {"error": {"message": "the input token count is 27000 but the model supports up to 20000"}}),
        (422, {"detail": [{"type": "too_long", "loc": ["body", "input"], "msg": "Give 1 item, not 3"}]}),
        (400, {"error": "json: cannot unmarshal array into Go struct field EmbeddingRequest.prompt of type string"}),
        (400, {"error": {"message": "Zu viele Eingaben"}}),
        (400, {"error": "最多支持25条文本"}),
        (200, {"error_code": 336003, "error_msg": "the number of texts should be in range [1, 1]"}),
        (200, {"base_resp": {"status_code": 2013, "status_msg": "invalid params, texts length should not exceed 1"}}),
        (500, {"error": "CUDA out of memory. Tried to allocate 2.00 GiB"}),
        (429, {"error": {"message": "Request too large for m on tokens per min (TPM): Limit 400, Requested 600"}}),
    ],
)
def test_a_batch_is_refused_in_the_words_of_any_service(
    stub: StubEndpoint, make_models: MakeModels, status: int, body: Any
):
    async def refuse(request, asked, fault=None):
        if len(asked["input"]) < 2:
            return None
        if isinstance(body, str):
            return web.Response(status=status, text=body, content_type="text/html")
        return web.json_response(body, status=status)

    stub._misbehave = refuse  # type: ignore[method-assign]
    assert make_models(max_retries=0).embedder(SPEC).encode(["a", "b", "c"]).shape == (3, 32)


def test_an_encoding_that_may_not_be_named_is_not_named(stub: StubEndpoint, make_models: MakeModels):
    async def refuse(request, asked, fault=None):
        values = {"detail": [{"loc": ["body", "encoding_format"], "msg": "Extra inputs are not permitted"}]}
        return web.json_response(values, status=422) if "encoding_format" in asked else None

    stub._misbehave = refuse  # type: ignore[method-assign]
    embedder = make_models().embedder(SPEC)
    assert embedder.encode(["a", "b"]).shape == embedder.encode(["c", "d"]).shape
    assert ["encoding_format" in request["body"] for request in stub.requests] == [True, False, False]


def packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def in_order(data: list[dict[str, Any]]) -> list[list[float]]:
    return [item["embedding"] for item in sorted(data, key=lambda item: item["index"])]


@pytest.mark.parametrize(
    "form",
    [
        lambda data: {"data": [{**item, "embedding": packed(item["embedding"])} for item in data]},
        lambda data: {"data": [{**item, "index": str(item["index"])} for item in data[::-1]]},
        lambda data: {"data": [{**item, "index": item["index"] + 1} for item in data[::-1]]},
        lambda data: {"data": [{"index": 0, "embedding": vector} for vector in in_order(data)]},
        lambda data: {"embeddings": in_order(data)},
        in_order,
        lambda data: {"data": [{**item, "index": item["index"] + 64} for item in data[::-1]]},
        lambda data: {"data": [{**item, "index": float(item["index"])} for item in data[::-1]]},
        lambda data: {"data": [{**item, "embedding": [item["embedding"]]} for item in data]},
    ],
)
def test_vectors_in_the_forms_of_other_servers(stub: StubEndpoint, make_models: MakeModels, form: Any):
    right = make_models().embedder(SPEC).encode(["one", "two words"])
    stub.mangle = lambda said: form(said["data"])

    assert make_models().embedder(SPEC).encode(["one", "two words"]) == pytest.approx(right, abs=1e-6)


def test_an_error_in_place_of_vectors_is_told(stub: StubEndpoint, make_models: MakeModels):
    stub.mangle = lambda _: {"error": {"message": "the model is loading"}}

    with pytest.raises(EndpointError, match="answered with an error, 2 times in a row: the model is loading"):
        make_models().embedder(SPEC).encode(["a"])


def test_a_refusal_that_one_text_gets_too_is_told_after_one_more_call(stub: StubEndpoint, make_models: MakeModels):
    limited(stub, 0, "today the service rests")

    with pytest.raises(EndpointError, match="today the service rests"):
        make_models().embedder(SPEC).encode([f"t{number}" for number in range(64)])
    assert [len(request["body"]["input"]) for request in stub.requests] == [64, 1]


def test_a_batch_that_comes_back_with_too_few_vectors_is_halved(stub: StubEndpoint, make_models: MakeModels):
    right = make_models().embedder(SPEC).encode(["one", "two words", "three"])
    stub.reset()
    stub.mangle = lambda said: {**said, "data": sorted(said["data"], key=lambda item: item["index"])[:1]}

    assert (make_models().embedder(SPEC).encode(["one", "two words", "three"]) == right).all()
    assert [len(request["body"]["input"]) for request in stub.requests] == [3, 3, 2, 2, 1, 1, 1]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (lambda data: [], "answered with 0 vectors for 1 text"),
        (lambda data: data * 2, "answered with 2 vectors for 1 text"),
        (lambda data: [{**item, "embedding": [None]} for item in data], "vectors that are no finite numbers"),
    ],
)
def test_vectors_that_do_not_fit_are_told_as_such(stub: StubEndpoint, make_models: MakeModels, form: Any, said: str):
    stub.mangle = lambda answer: {**answer, "data": form(answer["data"])}

    with pytest.raises(EndpointError, match=said):
        make_models(max_retries=0).embedder(SPEC).encode(["one"])


def test_vectors_of_another_length_in_a_later_batch_are_refused(stub: StubEndpoint, make_models: MakeModels):
    embedder = make_models(embedding_batch=2).embedder(SPEC)
    embedder.encode(["a", "b"])
    stub.mangle = lambda said: {
        **said, "data": [{**item, "embedding": item["embedding"][:16]} for item in said["data"]]
    }  # fmt: skip

    with pytest.raises(EndpointError, match="changed the length of its vectors from 32 to 16"):
        embedder.encode(["c", "d"])
