from __future__ import annotations

import asyncio

import numpy as np
import pytest

from llmopt_core.errors import EndpointError
from llmopt_core.models.base import Completion
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import HashEmbedder, ScriptedChat
from llmopt_core.types import Usage

from .conftest import ask


async def test_replies_come_in_order_and_requests_are_kept():
    chat = ScriptedChat(["one two", EndpointError("down", "timeout"), lambda r: r.messages[0].content.upper()])

    first = await chat.complete(ask("what now"))
    with pytest.raises(EndpointError, match="down"):
        await chat.complete(ask())
    third = await chat.complete(ask("shout"))

    assert (first.text, first.usage) == ("one two", Usage(2, 2, 0.0, calls=1))
    assert third.text == "SHOUT"
    assert [request.messages[0].content for request in chat.requests] == ["what now", "hello there", "shout"]


async def test_more_calls_than_replies_fail_the_test():
    chat = ScriptedChat(["one"])
    await chat.complete(ask())

    with pytest.raises(AssertionError, match="only 1 replies were scripted"):
        await chat.complete(ask())


async def test_a_function_answers_everything():
    chat = ScriptedChat(lambda request: request.model.endpoint, delay=0.01, cost_usd=0.5)

    results = await asyncio.gather(*(chat.complete(ask()) for _ in range(3)))

    assert {completion.text for completion in results} == {"stub"}
    assert results[0].usage.cost_usd == 0.5
    assert chat.peak == 3


async def test_streaming_goes_word_by_word():
    events: list[str] = []

    await ScriptedChat([Completion(" a  b\nc")]).complete(ask(), events.append)

    assert "".join(events) == " a  b\nc"
    assert len(events) == 4


def test_texts_that_share_words_are_near():
    a, b, c, empty = HashEmbedder().encode(["red cat", "a red cat", "blue dog", ""])

    assert a @ b > 0.6
    assert abs(a @ c) < 0.5
    assert np.linalg.norm(empty) == pytest.approx(1.0)


def test_hash_vectors_are_the_same_everywhere():
    assert HashEmbedder(8).encode(["cat"]) == pytest.approx(HashEmbedder(8).encode(["cat"]))
    assert HashEmbedder(8).encode([]).shape == (0, 8)


def test_a_token_is_a_word():
    (ids, vectors), (none, empty) = HashEmbedder(8).encode_tokens(["red cat red", ""])

    assert ids[0] == ids[2] != ids[1]
    assert vectors.shape == (3, 8)
    assert (none, empty.shape) == ([], (0, 8))


async def test_plugging_in(settings):
    embedder = HashEmbedder()
    async with Models(settings, None, {}) as models:
        models.register("anything", ScriptedChat(["hi"]))
        models.register_embedder("all-MiniLM-L6-v2", embedder)

        assert (await models.chat(ask(endpoint="anything").model).complete(ask())).text == "hi"
        assert models.token_embedder() is embedder
