"""The openai SDK against a stub endpoint that misbehaves."""

from __future__ import annotations

import asyncio
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest
from aiohttp import web

from llmopt_core.errors import BadInput, EndpointError
from llmopt_core.execution.event_loop import run_in_loop
from llmopt_core.models.base import ChatRequest, ModelSpec
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.prices import Prices
from llmopt_core.models.registry import Models
from llmopt_core.types import Message, Usage
from tests.stub_endpoint import StubEndpoint, refused_url

from .conftest import MakeModels, ask, until


async def answer(models: Models, request: ChatRequest, on_text=None):
    async with models:
        return await models.chat(request.model).complete(request, on_text)


async def failure(models: Models, request: ChatRequest, on_text=None) -> EndpointError:
    with pytest.raises(EndpointError) as error:
        await answer(models, request, on_text)
    return error.value


async def test_chat_sends_messages_and_counts_tokens_and_cost(stub: StubEndpoint, make_models: MakeModels):
    prices = {"*": Prices(prompt=9.0, completion=9.0), "stub-small": Prices(prompt=1.0, completion=10.0)}
    spec = ModelSpec(endpoint="stub", name="stub-small", temperature=0.5, top_p=0.9, max_tokens=7, seed=3, stop=("\n",))
    messages = (Message("system", "Be brief."), Message("user", "one two three"))

    completion = await answer(make_models(prices=prices), ChatRequest(messages, spec))

    assert completion.text == "stub answer"
    assert completion.finish_reason == "stop"
    assert completion.usage == Usage(5, 2, (5 * 1.0 + 2 * 10.0) / 1e6, calls=1)
    assert completion.seconds > 0
    assert completion.first_token_seconds is None
    request = stub.requests[0]
    assert request["path"] == "/v1/chat/completions"
    assert request["body"] == {
        "model": "stub-small",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "one two three"}],
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 7,
        "seed": 3,
        "stop": ["\n"],
    }


async def test_completion_mode_sends_one_text(stub: StubEndpoint, make_models: MakeModels):
    request = ChatRequest(
        (Message("system", "Passage: x"), Message("user", "Answer:")), ModelSpec(endpoint="stub", mode="completion")
    )

    completion = await answer(make_models(), request)

    assert completion.text == "stub answer"
    assert stub.requests[0]["path"] == "/v1/completions"
    assert stub.requests[0]["body"]["prompt"] == "Passage: x\n\nAnswer:"


async def test_the_endpoints_own_mode_is_the_default(stub: StubEndpoint, make_models: MakeModels):
    await answer(make_models(mode="completion"), ask())

    assert stub.requests[0]["path"] == "/v1/completions"


@pytest.mark.parametrize("mode", ["chat", "completion"])
async def test_a_streamed_answer_arrives_in_pieces_and_is_counted(
    stub: StubEndpoint, make_models: MakeModels, mode: str
):
    stub.reply = "one two  three\n"
    events: list[str] = []

    completion = await answer(make_models(prices={"*": Prices()}), ask(mode=mode), events.append)

    assert events == ["one ", "two  ", "three\n"]
    assert completion.text == "one two  three\n"
    assert completion.usage == Usage(2, 3, 0.0, calls=1)
    assert completion.finish_reason == "stop"
    assert completion.first_token_seconds is not None
    assert 0 < completion.first_token_seconds <= completion.seconds


@pytest.mark.parametrize("mode", ["chat", "completion"])
async def test_log_probabilities(make_models: MakeModels, mode: str):
    request = ask(mode=mode)
    request = ChatRequest(request.messages, request.model, top_logprobs=1)

    completion = await answer(make_models(), request)

    assert len(completion.logprobs) == 2
    assert min(completion.logprobs[1].values()) <= -6


async def test_a_response_format_is_passed_on(stub: StubEndpoint, make_models: MakeModels):
    request = ask()
    await answer(make_models(), ChatRequest(request.messages, request.model, response_format={"type": "json_object"}))

    assert stub.requests[0]["body"]["response_format"] == {"type": "json_object"}


async def test_tokens_are_counted_here_where_the_endpoint_does_not(stub: StubEndpoint, make_models: MakeModels):
    stub.fault = "no-usage"

    completion = await answer(make_models(), ask("hello there my friend"))

    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (4, 2)


async def test_a_model_without_price_has_unknown_cost(make_models: MakeModels):
    assert (await answer(make_models(), ask())).usage.cost_usd is None


async def test_text_that_cannot_be_encoded_is_sent_without_the_broken_character(
    stub: StubEndpoint, make_models: MakeModels
):
    await answer(make_models(), ask("a\ud800b"))

    assert stub.requests[0]["body"]["messages"][0]["content"] == "a\ufffdb"


@pytest.mark.parametrize(
    ("fault", "kind", "calls", "words"),
    [
        ("400", "bad-request", 1, "refused the request (400): stub fault 400"),
        ("401", "unauthorized", 1, "refused the key (401)"),
        ("403", "unauthorized", 1, "refused the key (403)"),
        ("404", "not-found", 1, "no model 'stub-large'"),
        ("429", "rate-limited", 2, "2 times in a row (429)"),
        ("500", "server-error", 2, "failed, 2 times in a row (HTTP 500)"),
        ("503", "server-error", 2, "failed, 2 times in a row (HTTP 503)"),
        (
            "504",
            "timeout",
            1,
            "longer than the proxy before it waits, once (HTTP 504): stub fault 504; try again, lower",
        ),
        ("524", "timeout", 1, "longer than the proxy before it waits, once (HTTP 524)"),
        ("timeout", "timeout", 1, "no whole answer within 0.3 s"),
        ("drip", "timeout", 1, "no whole answer within 0.3 s"),
        ("drop", "truncated", 2, "closed the connection before its answer was whole"),
        ("half-answer", "truncated", 2, "closed the connection before its answer was whole"),
        ("broken-json", "bad-answer", 2, "not an OpenAI-style reply, 2 times in a row"),
        ("html", "bad-answer", 2, "not an OpenAI-style reply, 2 times in a row"),
        ("no-choices", "bad-answer", 2, "not an OpenAI-style reply, 2 times in a row"),
    ],
)
async def test_a_fault_is_told_in_one_sentence(
    stub: StubEndpoint, make_models: MakeModels, fault: str, kind: str, calls: int, words: str
):
    stub.fault = fault

    error = await failure(make_models(timeout_seconds=0.3), ask())

    assert error.kind == kind
    assert "'stub'" in str(error)
    assert words in str(error)
    assert "\n" not in str(error)
    assert stub.calls == calls


@pytest.mark.parametrize(
    ("fault", "kind", "heard_some"),
    [
        ("401", "unauthorized", False),
        ("500", "server-error", False),
        ("timeout", "timeout", False),
        ("keep-alive", "timeout", False),
        ("half-stream", "truncated", True),
        ("error-event", "server-error", True),
        ("broken-json", "bad-answer", False),
        ("html", "bad-answer", False),
    ],
)
async def test_a_fault_in_a_stream(
    stub: StubEndpoint, make_models: MakeModels, fault: str, kind: str, heard_some: bool
):
    stub.fault, stub.reply = fault, "one two three four"
    events: list[str] = []

    error = await failure(make_models(timeout_seconds=0.3), ask(), events.append)

    assert error.kind == kind
    assert bool(events) == heard_some
    assert events == ["one ", "two ", "three ", "four"][: len(events)]


async def test_a_stream_closed_in_good_order_is_an_answer_that_says_what_was_missing(
    stub: StubEndpoint, make_models: MakeModels
):
    stub.fault, stub.reply = "ended-stream", "one two three four"

    result = await answer(make_models(), ask(), on_text=lambda _: None)

    assert (result.text, result.finish_reason) == ("one two three ", "stop")
    assert any("may not be whole" in note for note in result.notes)


async def test_faults_that_pass_are_outlived(stub: StubEndpoint, make_models: MakeModels):
    stub.faults = ["500", "429", "drop", "broken-json", "no-choices", "html", None]

    completion = await answer(make_models(max_retries=6), ask())

    assert completion.text == "stub answer"
    assert stub.calls == 7


async def test_retry_after_is_honoured(stub: StubEndpoint, make_models: MakeModels):
    stub.faults, stub.retry_after = ["429", None], 1.2

    await answer(make_models(), ask())

    first, second = (request["at"] for request in stub.requests)
    assert second - first >= 1.2


async def test_a_wait_of_many_minutes_is_told_and_not_waited_for(stub: StubEndpoint, make_models: MakeModels):
    stub.fault, stub.retry_after = "429", 900

    error = await failure(make_models(), ask())

    assert stub.calls == 1
    assert "once (429): stub fault 429; lower the concurrency or wait 900 s, as it asks." in str(error)


async def test_a_refused_connection(make_models: MakeModels):
    url = refused_url()

    error = await failure(make_models(base_url=url), ask())

    assert error.kind == "unreachable"
    assert f"{url} (connection refused)" in str(error)


async def test_an_unknown_host(make_models: MakeModels):
    error = await failure(make_models(base_url="http://no-such-host.invalid/v1", max_retries=0), ask())

    assert error.kind == "unreachable"


async def test_a_parameter_the_model_refuses_is_left_out_from_then_on(stub: StubEndpoint, make_models: MakeModels):
    stub.fault = "unsupported:max_tokens"
    async with make_models() as models:
        chat = models.chat(ModelSpec(endpoint="stub"))
        await chat.complete(ask("a", max_tokens=9))
        await chat.complete(ask("b", max_tokens=9))

    assert stub.calls == 3
    assert stub.requests[2]["body"]["max_completion_tokens"] == 9
    assert "max_tokens" not in stub.requests[2]["body"]


async def test_the_key_is_sent_and_never_shown(stub: StubEndpoint, make_models: MakeModels, monkeypatch):
    monkeypatch.setenv("STUB_KEY", "sesame-from-environment")
    stub.key = "sesame-from-environment"
    await answer(make_models(api_key_env="STUB_KEY"), ask())

    models = make_models(keys={"stub": "sesame-of-session"}, api_key_env="STUB_KEY")
    with pytest.raises(EndpointError) as error:
        await answer(models, ask())

    assert [request["key"] for request in stub.requests] == ["sesame-from-environment", "sesame-of-session"]
    text = "".join(traceback.format_exception(error.value)) + repr(models) + repr(models.endpoint("stub"))
    assert "Incorrect API key provided: ***" in str(error.value)
    assert "set STUB_KEY or enter the right key in Settings" in str(error.value)
    assert "sesame" not in text


@pytest.mark.parametrize("before", range(240, 310, 7))
async def test_a_key_is_hidden_before_a_message_is_cut(stub: StubEndpoint, make_models: MakeModels, before: int):
    key = "q7w8e9r0t1y2u3i4"

    async def refuse(request: web.Request, body: object, fault: object = None) -> web.Response:
        return web.json_response({"error": {"message": f"{'x' * before} {key} is wrong"}}, status=400)

    stub._misbehave = refuse  # type: ignore[method-assign]

    text = str(await failure(make_models(keys={"stub": key}), ask()))

    assert "refused the request" in text
    assert key[:3] not in text


@pytest.mark.parametrize("key", ["two\nlines", "clé"])
async def test_a_key_that_cannot_be_sent(stub: StubEndpoint, make_models: MakeModels, key: str):
    error = await failure(make_models(keys={"stub": key}), ask())

    assert error.kind == "unauthorized"
    assert key not in str(error)
    assert stub.calls == 0


async def test_openai_without_a_key_is_not_called(settings):
    endpoint = Endpoint(name="openai", base_url="https://api.openai.com/v1", api_key_env="LLMOPT_TEST_NO_SUCH_KEY")

    error = await failure(Models(settings, None, {"openai": endpoint}), ask(endpoint="openai", name="gpt-5"))

    assert error.kind == "unauthorized"
    assert "set LLMOPT_TEST_NO_SUCH_KEY" in str(error)


async def test_a_configuration_without_a_model_name(stub: StubEndpoint, make_models: MakeModels):
    error = await failure(make_models(default_model=""), ask())

    assert error.kind == "not-found"
    assert stub.calls == 0


async def test_an_unknown_endpoint_lists_those_there_are(make_models: MakeModels):
    with pytest.raises(BadInput, match=r"no endpoint named 'nowhere' \(there: builtin, stub\)"):
        make_models().chat(ModelSpec(endpoint="nowhere"))


async def test_an_adapter_belongs_to_the_builtin_model(make_models: MakeModels):
    with pytest.raises(BadInput, match="Adapter 'mine' belongs to the built-in model"):
        make_models().chat(ModelSpec(endpoint="stub", adapter="mine"))


async def test_azure_puts_the_deployment_into_the_path(stub: StubEndpoint, make_models: MakeModels):
    root = stub.url.removesuffix("/v1")
    stub.key = "azure-key"
    models = make_models(base_url=root, api_version="2024-10-21", default_model="mine", keys={"stub": "azure-key"})

    completion = await answer(models, ask())

    assert completion.text == "stub answer"
    assert stub.paths[-1] == "/openai/deployments/mine/chat/completions?api-version=2024-10-21"


async def test_calls_at_once_are_bounded(stub: StubEndpoint, make_models: MakeModels):
    stub.delay = 0.05
    async with make_models(max_concurrency=3) as models:
        chat = models.chat(ModelSpec(endpoint="stub"))
        await asyncio.gather(*(chat.complete(ask(str(i))) for i in range(10)))

    assert stub.calls == 10
    assert stub.peak == 3


async def test_cancelling_a_call_frees_its_place(stub: StubEndpoint, make_models: MakeModels):
    async with make_models(max_concurrency=1) as models:
        chat = models.chat(ModelSpec(endpoint="stub"))
        stub.fault = "timeout"
        stuck = asyncio.create_task(chat.complete(ask("stuck")))
        await until(lambda: stub.calls > 0)
        stuck.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stuck
        stub.fault = None

        assert (await chat.complete(ask("next"))).text == "stub answer"


async def test_what_the_callback_raises_passes_through_and_the_stream_is_closed(
    stub: StubEndpoint, make_models: MakeModels
):
    def stop(_text: str) -> None:
        raise KeyError("stop here")

    stub.reply, stub.stream_pause = "one two three", 0.01
    async with make_models(max_concurrency=1) as models:
        chat = models.chat(ModelSpec(endpoint="stub"))
        with pytest.raises(KeyError, match="stop here"):
            await chat.complete(ask(), stop)

        assert (await chat.complete(ask("again"))).text == "one two three"


async def test_pieces_are_handed_over_while_the_stream_runs(stub: StubEndpoint, make_models: MakeModels):
    stub.reply, stub.stream_pause = "one two three four", 0.05
    answered_when_heard: list[int] = []

    await answer(make_models(), ask(), lambda _text: answered_when_heard.append(stub.answered))

    assert answered_when_heard == [0, 0, 0, 0]


async def test_streams_one_after_another_share_a_connection(stub: StubEndpoint, make_models: MakeModels):
    async with make_models() as models:
        chat = models.chat(ModelSpec(endpoint="stub"))
        for number in range(5):
            await chat.complete(ask(str(number)), lambda _text: None)

    assert stub.answered == 5
    assert len(stub.connections) == 1


async def _five_calls(make_models: MakeModels, name: str) -> None:
    async with make_models(max_concurrency=2) as models:
        chat = models.chat(ModelSpec(endpoint="stub"))
        await asyncio.gather(*(chat.complete(ask(f"{name} {i}")) for i in range(5)))


def test_jobs_in_several_threads_share_the_limit(stub: StubEndpoint, make_models: MakeModels):
    stub.delay = 0.05

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda name: run_in_loop(_five_calls(make_models, name)), ("a", "b")))

    assert stub.calls == 10
    assert stub.peak <= 2


def test_each_event_loop_of_a_notebook_has_the_limit_for_itself(stub: StubEndpoint, make_models: MakeModels):
    """Threads with loops of their own: none waits for a place that another loop gives back."""
    stub.delay = 0.05

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda name: asyncio.run(_five_calls(make_models, name)), ("a", "b")))

    assert stub.calls == 10
    assert stub.peak <= 4
