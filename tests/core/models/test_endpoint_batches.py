"""Batches of texts to embed follow the service."""

from __future__ import annotations

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
