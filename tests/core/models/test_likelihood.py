"""Likelihoods from endpoints that echo, and from scripts; the built-in model's are tested with it."""

from __future__ import annotations

import pytest

from llmopt_core.cache import MemoryCache
from llmopt_core.errors import EndpointError
from llmopt_core.models.base import Completion, ModelSpec
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import ScriptedChat
from tests.stub_endpoint import StubEndpoint

from .conftest import MakeModels

SPEC = ModelSpec(endpoint="stub")


async def test_an_endpoint_that_echoes(stub: StubEndpoint, make_models: MakeModels):
    async with make_models(MemoryCache()) as models:
        likelihood = await models.likelihood(SPEC).likelihood("some prompt:", " three words here")
        again = await models.likelihood(SPEC).likelihood("some prompt:", " three words here")

    # The stub gives a token of n characters the log probability -n.
    assert likelihood.mean == pytest.approx(-(6 + 6 + 5) / 3)
    assert (likelihood.tokens, likelihood.usage.calls) == (3, 1)
    assert again.usage == likelihood.usage.from_cache
    assert again.usage.original == likelihood.usage
    assert stub.requests[0]["body"]["echo"] is True


async def test_an_endpoint_that_does_not_echo_says_so(stub: StubEndpoint, make_models: MakeModels):
    stub.fault = "no-choices"
    async with make_models() as models:
        with pytest.raises(EndpointError, match="does not report the probabilities of a given text") as error:
            await models.likelihood(SPEC).likelihood("a", " b")

    assert error.value.kind == "bad-answer"


async def test_an_endpoint_without_completions(stub: StubEndpoint, make_models: MakeModels):
    stub.fault = "404"
    async with make_models() as models:
        with pytest.raises(EndpointError) as error:
            await models.likelihood(SPEC).likelihood("a", " b")

    assert error.value.kind == "not-found"


async def test_a_script_may_score(settings):
    scripted = ScriptedChat([Completion("x", logprobs=({"a": -1.0}, {"b": -3.0}))])
    async with Models(settings, None, {}) as models:
        models.register("builtin", scripted)
        likelihood = await models.likelihood(ModelSpec()).likelihood("prompt", " text")

    assert (likelihood.mean, likelihood.tokens) == (-2.0, 2)
    assert [message.content for message in scripted.requests[0].messages] == ["prompt", " text"]
