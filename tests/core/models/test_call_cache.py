from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from llmopt_core.cache import MemoryCache
from llmopt_core.errors import EndpointError, StorageError
from llmopt_core.execution.event_loop import run_in_loop
from llmopt_core.models.base import ChatRequest, Completion, ModelSpec
from llmopt_core.models.calls.cache import CachedChat
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.runs.store import Store
from llmopt_core.types import Message, Usage
from tests.stub_endpoint import StubEndpoint

from .conftest import MakeModels, ask, until


async def complete(models: Models, request: ChatRequest, on_text=None) -> Completion:
    return await models.chat(request.model).complete(request, on_text)


async def test_the_same_call_is_made_once(stub: StubEndpoint, make_models: MakeModels):
    cache = MemoryCache()
    async with make_models(cache) as models:
        first = await complete(models, ask())
    async with make_models(cache) as models:
        second = await complete(models, ask())

    assert stub.calls == 1
    assert first.usage.calls == 1
    assert (second.text, second.finish_reason, second.seconds) == (first.text, first.finish_reason, first.seconds)
    assert (second.usage.calls, second.usage.cached_calls, second.usage.prompt_tokens) == (0, 1, 0)
    assert second.usage.original == first.usage
    assert first.usage.prompt_tokens > 0


async def test_without_a_cache_every_call_is_made(stub: StubEndpoint, make_models: MakeModels):
    async with make_models() as models:
        await complete(models, ask())
        await complete(models, ask())

    assert stub.calls == 2


@pytest.mark.parametrize(
    "other",
    [
        ask("other text"),
        ask(name="stub-small"),
        ask(mode="completion"),
        ask(temperature=0.1),
        ask(top_p=0.5),
        ask(max_tokens=5),
        ask(seed=1),
        ask(stop=("x",)),
        ChatRequest((Message("system", "hello there"),), ModelSpec(endpoint="stub")),
        ChatRequest(ask().messages, ask().model, response_format={"type": "json_object"}),
        ChatRequest(ask().messages, ask().model, top_logprobs=2),
        ChatRequest(ask().messages, ask().model, repeat=1),
    ],
)
async def test_another_call_is_made(stub: StubEndpoint, make_models: MakeModels, other: ChatRequest):
    async with make_models(MemoryCache()) as models:
        await complete(models, ask())
        await complete(models, other)

    assert stub.calls == 2


async def test_another_address_is_another_endpoint(make_models: MakeModels, stub: StubEndpoint):
    cache = MemoryCache()
    async with make_models(cache) as models:
        await complete(models, ask())
    with StubEndpoint("from elsewhere") as elsewhere:
        async with make_models(cache, base_url=elsewhere.url) as models:
            assert (await complete(models, ask())).text == "from elsewhere"


async def test_the_default_model_spelled_out_is_the_same_call(stub: StubEndpoint, make_models: MakeModels):
    async with make_models(MemoryCache()) as models:
        await complete(models, ask())
        again = await complete(models, ask(name="stub-large", mode="chat"))

    assert again.usage.cached_calls == 1


async def test_identical_calls_at_once_are_made_once(stub: StubEndpoint, make_models: MakeModels):
    stub.delay = 0.1
    async with make_models(MemoryCache()) as models:
        results = await asyncio.gather(*(complete(models, ask()) for _ in range(5)))

    assert stub.calls == 1
    assert sum((completion.usage for completion in results), Usage(cost_usd=None)).calls == 1
    assert sum(completion.usage.cached_calls for completion in results) == 4


def test_identical_calls_of_two_threads_are_made_once(stub: StubEndpoint, make_models: MakeModels):
    stub.delay = 0.2
    cache = MemoryCache()
    texts: list[str] = []

    async def one() -> None:
        async with make_models(cache) as models:
            texts.append((await complete(models, ask())).text)

    threads = [threading.Thread(target=lambda: run_in_loop(one())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert texts == ["stub answer"] * 3
    assert stub.calls == 1


async def test_where_the_first_of_two_identical_calls_is_cancelled_the_second_is_made(
    stub: StubEndpoint, make_models: MakeModels
):
    async with make_models(MemoryCache()) as models:
        stub.faults = ["timeout", None]
        first = asyncio.create_task(complete(models, ask()))
        await until(lambda: stub.calls > 0)
        second = asyncio.create_task(complete(models, ask()))
        await asyncio.sleep(0.05)
        assert stub.calls == 1
        first.cancel()

        assert (await second).text == "stub answer"
        assert first.cancelled()


async def test_where_the_second_of_two_identical_calls_is_cancelled_the_first_goes_on(
    stub: StubEndpoint, make_models: MakeModels
):
    stub.delay = 0.2
    async with make_models(MemoryCache()) as models:
        first = asyncio.create_task(complete(models, ask()))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(complete(models, ask()))
        await asyncio.sleep(0.05)
        second.cancel()

        assert (await first).text == "stub answer"
    assert second.cancelled()


async def test_a_failure_is_shared_and_not_kept(stub: StubEndpoint, make_models: MakeModels):
    stub.faults, stub.delay = ["400"], 0.1
    async with make_models(MemoryCache()) as models:
        results = await asyncio.gather(*(complete(models, ask()) for _ in range(3)), return_exceptions=True)
        again = await complete(models, ask())

    assert [type(error) for error in results] == [EndpointError] * 3
    assert again.text == "stub answer"
    assert stub.calls == 2


async def test_a_broken_callback_is_no_failure_of_the_others(stub: StubEndpoint, make_models: MakeModels):
    stub.reply, stub.stream_pause = "one two", 0.05
    texts: list[str] = []

    def broken(_text: str) -> None:
        raise KeyError("mine")

    async with make_models(MemoryCache()) as models:
        results = await asyncio.gather(
            complete(models, ask(), broken), complete(models, ask(), texts.append), return_exceptions=True
        )

    assert isinstance(results[0], KeyError)
    assert results[1].text == "one two"
    assert "".join(texts) == "one two"


async def test_a_cached_answer_is_heard_as_one_piece(stub: StubEndpoint, make_models: MakeModels):
    stub.reply = "one two three"
    events: list[str] = []
    async with make_models(MemoryCache()) as models:
        await complete(models, ask())
        await complete(models, ask(), events.append)

    assert events == ["one two three"]


async def test_log_probabilities_survive_the_cache(make_models: MakeModels):
    request = ChatRequest(ask().messages, ask().model, top_logprobs=1)
    async with make_models(MemoryCache()) as models:
        first, second = await complete(models, request), await complete(models, request)

    assert second.logprobs == first.logprobs
    assert second.usage.cached_calls == 1


class Damaged(MemoryCache):
    def get_many(self, stage, keys):
        return {key: b'{"text": "half' for key in keys}


async def test_a_damaged_entry_is_made_anew(make_models: MakeModels):
    async with make_models(Damaged()) as models:
        assert (await complete(models, ask())).text == "stub answer"


class Full(MemoryCache):
    def put_many(self, stage, values):
        raise StorageError("The disk is full; free some space.")


async def test_a_full_disk_is_told(make_models: MakeModels):
    async with make_models(Full()) as models:
        with pytest.raises(StorageError, match="The disk is full"):
            await complete(models, ask())


class Slow(MemoryCache):
    """Lets the test look at what is written while a write is under way."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[int] = []
        self.gate = threading.Event()

    def put_many(self, stage, values):
        self.gate.wait(10)
        self.written.append(len(values))
        super().put_many(stage, values)


async def test_answers_that_arrive_during_a_write_are_written_together(stub: StubEndpoint, make_models: MakeModels):
    cache = Slow()
    async with make_models(cache, max_concurrency=6) as models:
        calls = [asyncio.create_task(complete(models, ask("0")))]
        await until(lambda: stub.answered > 0)
        await asyncio.sleep(0.1)
        cache.gate.set()
        calls += [asyncio.create_task(complete(models, ask(str(i)))) for i in range(1, 6)]
        await asyncio.gather(*calls)

    assert sum(cache.written) == 6
    assert len(cache.get_many("call", [key for stage, key in cache._values])) == 6


async def test_an_answer_is_kept_even_where_its_caller_is_cancelled_while_it_is_written(
    stub: StubEndpoint, make_models: MakeModels
):
    cache = Slow()
    async with make_models(cache) as models:
        call = asyncio.create_task(complete(models, ask()))
        await until(lambda: stub.answered > 0)
        await asyncio.sleep(0.2)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        cache.gate.set()

        assert (await complete(models, ask())).usage.cached_calls == 1
    assert stub.calls == 1


async def test_registered_models_are_cached_too(settings):
    scripted = ScriptedChat(["once"])
    async with Models(settings, MemoryCache(), {}) as models:
        models.register("builtin", scripted)
        request = ChatRequest((Message("user", "x"),), ModelSpec())
        await complete(models, request)
        again = await complete(models, request)

    assert again.text == "once"
    assert len(scripted.requests) == 1


@pytest.mark.parametrize("when", range(6))
async def test_a_cancelled_call_leaves_no_claim(tmp_path: Path, when: int) -> None:
    store = Store(f"sqlite:///{tmp_path / 'llmopt.db'}", tmp_path)

    class Slow:
        async def complete(self, request: ChatRequest, on_text: object = None) -> Completion:
            await asyncio.sleep(60)
            raise AssertionError("it is cancelled before")

    async def identity(_: ChatRequest) -> str:
        return "model"

    chat = CachedChat(Slow(), store.cache, identity)
    calls = [
        asyncio.create_task(chat.complete(ChatRequest((Message("user", str(n)),), ModelSpec(endpoint="x"))))
        for n in range(20)
    ]
    for _ in range(when):
        await asyncio.sleep(0.003 * when)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    # Claims are given back behind the cancelled callers. Another process would wait for one that is not.
    other = CachedChat(ScriptedChat(["now"] * 20), store.cache, identity)
    again = [other.complete(ChatRequest((Message("user", str(n)),), ModelSpec(endpoint="x"))) for n in range(20)]
    assert {done.text for done in await asyncio.wait_for(asyncio.gather(*again), 30)} == {"now"}


async def test_without_a_cache_results_of_stages_last_as_long_as_the_models_and_calls_are_made_each_time(
    stub: StubEndpoint, make_models: MakeModels
):
    cache = MemoryCache()
    assert make_models(cache).cache is cache
    async with make_models() as models:
        models.cache.put_many("stage", {"key": b"1"})
        for _ in range(2):
            await complete(models, ask())
        assert models.cache.get_many("stage", ["key"]) == {"key": b"1"}
        assert make_models().cache.get_many("stage", ["key"]) == {}
    assert stub.calls == 2
