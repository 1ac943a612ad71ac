"""Tools: offered, called in whatever way a gateway writes it, answered, cached and counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from llmopt_core.cache import MemoryCache
from llmopt_core.errors import BadInput, OutOfBudget
from llmopt_core.execution.budget import Budget
from llmopt_core.models.base import ChatRequest, Completion, ModelSpec, ToolDefinition
from llmopt_core.models.calls import cache as call_cache
from llmopt_core.models.openai.wire_values import MOST_CHARACTERS
from llmopt_core.models.prices import Prices
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.settings import Settings
from llmopt_core.types import Message, ToolCall
from tests.stub_endpoint import StubEndpoint

from .conftest import MakeModels, ask

WEATHER = ToolDefinition(
    "weather",
    "The weather of a town today.",
    {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]},
)
CLOCK = ToolDefinition("clock")
OSLO = '{"town": "Oslo"}'


def with_tools(*messages: Message, choice: str = "", **model: Any) -> ChatRequest:
    asked = messages or (Message("user", "What is the weather in Oslo?"),)
    return ChatRequest(asked, ask(**model).model, tools=(WEATHER, CLOCK), tool_choice=choice)


async def complete(models: Models, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> Completion:
    async with models:
        completion = await models.chat(request.model).complete(request, on_text)
    # Whatever came can be stored and read back.
    assert call_cache.decode(call_cache.encode(completion)) == replace(
        completion, usage=replace(completion.usage, calls=1)
    )
    return completion


def function(name: Any, arguments: Any, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "arguments": arguments}, **more}


def answer_with(stub: StubEndpoint, reason: str = "tool_calls", **message: Any) -> None:
    """Let the stub answer with this message."""

    def mangle(said: dict[str, Any]) -> dict[str, Any]:
        choice = {**said["choices"][0], "finish_reason": reason}
        return {**said, "choices": [{**choice, "message": {"role": "assistant", "content": None, **message}}]}

    stub.mangle = mangle


def stream_with(stub: StubEndpoint, deltas: Sequence[dict[str, Any]], reason: str = "tool_calls") -> None:
    """Let the stub stream these deltas."""
    stub.reply = "word " * len(deltas)
    waiting = list(deltas)

    def mangle(said: dict[str, Any]) -> dict[str, Any]:
        if not said["choices"]:
            return said
        choice = said["choices"][0]
        values = {"finish_reason": reason} if choice["finish_reason"] else {"delta": waiting.pop(0)}
        return {**said, "choices": [{**choice, **values}]}

    stub.mangle = mangle


def streamed(*calls: dict[str, Any]) -> dict[str, Any]:
    return {"tool_calls": list(calls)}


async def test_tools_are_offered_and_called(stub: StubEndpoint, make_models: MakeModels):
    answer_with(stub, tool_calls=[function("weather", OSLO, id="call_a"), function("clock", "{}", id="call_b")])

    completion = await complete(make_models(), with_tools(choice="weather"))

    (request,) = stub.requests
    assert request["body"]["tools"][0] == {
        "type": "function",
        "function": {"name": "weather", "description": WEATHER.description, "parameters": WEATHER.parameters},
    }
    assert request["body"]["tools"][1]["function"] == {
        "name": "clock", "parameters": {"type": "object", "properties": {}},
    }  # fmt: skip
    assert request["body"]["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
    assert completion.tool_calls == (ToolCall("call_a", "weather", OSLO), ToolCall("call_b", "clock", "{}"))
    assert (completion.text, completion.finish_reason, completion.notes) == ("", "tool_calls", ())


async def test_what_is_not_offered_is_not_sent(stub: StubEndpoint, make_models: MakeModels):
    await complete(make_models(), ask())

    assert not {"tools", "tool_choice"} & stub.requests[0]["body"].keys()


async def test_calls_and_results_go_back(stub: StubEndpoint, make_models: MakeModels):
    called = Completion("Let me see.", tool_calls=(ToolCall("call_a", "weather", OSLO),)).message
    silent = Message("assistant", "", (ToolCall("call_b", "weather", "{broken"),))
    results = [Message("tool", "Rain.", tool_call_id=f"call_{n}", name="weather") for n in "ab"]

    await complete(make_models(), with_tools(Message("user", "?"), called, results[0], silent, results[1]))

    _, first, result, second, _ = stub.requests[0]["body"]["messages"]
    assert first == {
        "role": "assistant",
        "content": "Let me see.",
        "tool_calls": [function("weather", OSLO, id="call_a")],
    }
    assert result == {"role": "tool", "content": "Rain.", "tool_call_id": "call_a", "name": "weather"}
    assert second["content"] is None
    # A server that parses what it is sent can parse it.
    assert json.loads(second["tool_calls"][0]["function"]["arguments"]) == {"unreadable": "{broken"}


@pytest.mark.parametrize(
    ("message", "calls"),
    [
        ({"tool_calls": [function("weather", {"town": "Oslo"}, id="a")]}, [("a", "weather", OSLO)]),
        ({"tool_calls": [function("weather", OSLO)]}, [("call_1", "weather", OSLO)]),
        ({"tool_calls": function("weather", OSLO, id="a")}, [("a", "weather", OSLO)]),
        ({"tool_calls": [{"name": "weather", "arguments": OSLO, "id": "a"}]}, [("a", "weather", OSLO)]),
        ({"function_call": {"name": "weather", "arguments": OSLO}}, [("call_1", "weather", OSLO)]),
        ({"tool_calls": [], "function_call": {"name": "clock", "arguments": ""}}, [("call_1", "clock", "{}")]),
        ({"tool_calls": [function("clock", None, id=7)]}, [("7", "clock", "{}")]),
        (
            {"tool_calls": [function("clock", "{}", id="x", index=0), function("clock", "{}", id="x", index=0)]},
            [("x", "clock", "{}"), ("call_1", "clock", "{}")],
        ),
        ({"tool_calls": [function("weather", '{"town": ', id="a")]}, [("a", "weather", '{"town": ')]),
        ({"tool_calls": [function("weather", '{"town": "\ud83d"}', id="a")]}, [("a", "weather", '{"town": "\ufffd"}')]),
    ],
)
async def test_calls_in_any_form_are_read(
    stub: StubEndpoint, make_models: MakeModels, message: dict[str, Any], calls: list[tuple[str, str, str]]
):
    # Several end a call with the word for a whole answer.
    answer_with(stub, reason="stop", **message)

    completion = await complete(make_models(), with_tools())

    assert [(call.id, call.name, call.arguments) for call in completion.tool_calls] == calls
    assert completion.finish_reason == "tool_calls"


@pytest.mark.parametrize("name", [None, "", 5, ["weather"], "w" * 400, "a\nb"])
async def test_a_call_without_a_name_is_left_out_and_said(stub: StubEndpoint, make_models: MakeModels, name: Any):
    answer_with(stub, content="Rain.", tool_calls=[function(name, OSLO, id="a"), "weather", None])

    completion = await complete(make_models(), with_tools())

    assert (completion.text, completion.tool_calls) == ("Rain.", ())
    assert completion.notes == ("The endpoint sent a tool call without the name of a function; it was left out.",)


async def test_more_than_anybody_calls_is_cut(stub: StubEndpoint, make_models: MakeModels):
    long = [function("weather", "x" * (MOST_CHARACTERS + 5)), *[function("clock", "{}")] * 200]
    answer_with(stub, tool_calls=long)

    completion = await complete(make_models(), with_tools())

    assert (len(completion.tool_calls), len(completion.tool_calls[0].arguments)) == (128, MOST_CHARACTERS)
    assert any("more than 128 tool calls" in note for note in completion.notes)
    assert any("was cut after 1,000,000" in note for note in completion.notes)


FRAGMENTS = [function("weather", "", index=0, id="a"), {"index": 0, "function": {"arguments": '{"town": '}},
             {"index": 0, "function": {"arguments": '"Oslo"}'}}]  # fmt: skip


@pytest.mark.parametrize(
    ("deltas", "calls"),
    [
        ([streamed(piece) for piece in FRAGMENTS], [("a", "weather", OSLO)]),
        # Two at once, their pieces mixed.
        (
            [streamed(FRAGMENTS[0], function("clock", "", index=1, id="b")),
             streamed({"index": 1, "function": {"arguments": "{"}}, FRAGMENTS[1]),
             streamed(FRAGMENTS[2]), streamed({"index": 1, "function": {"arguments": "}"}})],
            [("a", "weather", OSLO), ("b", "clock", "{}")],
        ),
        # Every piece has a new id, as of some vLLM.
        ([streamed({**piece, "id": f"id-{n}"}) for n, piece in enumerate(FRAGMENTS)], [("id-0", "weather", OSLO)]),
        # Name and id once more with every piece.
        (
            [streamed(function("weather", text, index=0, id="a")) for text in ("", '{"town": ', '"Oslo"}', "")],
            [("a", "weather", OSLO)],
        ),
        # All numbered 0, each whole, as of Gemini; with ids and without.
        (
            [streamed(function("clock", "{}", index=0, id="a")), streamed(function("clock", "{}", index=0, id="b"))],
            [("a", "clock", "{}"), ("b", "clock", "{}")],
        ),
        (
            [streamed(function("weather", {"town": "Oslo"}, index=0)), streamed(function("clock", {}, index=0))],
            [("call_1", "weather", OSLO), ("call_2", "clock", "{}")],
        ),
        # Without numbers.
        (
            [streamed(function("weather", '{"town": ')), streamed({"function": {"arguments": '"Oslo"}'}}),
             streamed(function("weather", OSLO, id="x"))],
            [("call_1", "weather", OSLO), ("x", "weather", OSLO)],
        ),
        # A name in pieces, and the whole call once more at the end.
        (
            [streamed(function("wea", "", index=0, id="a")), streamed({"index": 0, "function": {"name": "ther"}}),
             streamed({"index": 0, "function": {"arguments": OSLO}}),
             streamed(function("weather", OSLO, index=0, id="a"))],
            [("a", "weather", OSLO)],
        ),
        # As it was before there were several calls.
        (
            [{"function_call": {"name": "weather", "arguments": ""}}, {"function_call": {"arguments": OSLO}}],
            [("call_1", "weather", OSLO)],
        ),
    ],
)  # fmt: skip
async def test_streamed_calls_are_put_together(
    stub: StubEndpoint, make_models: MakeModels, deltas: list[dict[str, Any]], calls: list[tuple[str, str, str]]
):
    stream_with(stub, deltas)
    events: list[str] = []

    completion = await complete(make_models(), with_tools(), events.append)

    assert [(call.id, call.name, call.arguments) for call in completion.tool_calls] == calls
    assert (events, completion.finish_reason, completion.notes) == ([], "tool_calls", ())


async def test_text_before_a_streamed_call_is_handed_over(stub: StubEndpoint, make_models: MakeModels):
    stream_with(stub, [{"content": "Let me "}, {"content": "see."}, *map(streamed, FRAGMENTS)], reason="stop")
    events: list[str] = []

    completion = await complete(make_models(), with_tools(), events.append)

    assert (events, completion.text, completion.finish_reason) == (["Let me ", "see."], "Let me see.", "tool_calls")
    assert completion.message == Message("assistant", "Let me see.", (ToolCall("a", "weather", OSLO),))


async def test_an_id_that_was_taken_earlier_in_the_conversation_is_replaced(
    stub: StubEndpoint, make_models: MakeModels
):
    answer_with(stub, tool_calls=[function("clock", "{}", id="call_1"), function("clock", "{}")])
    before = Message("assistant", "", (ToolCall("call_1", "clock"),))
    result = Message("tool", "Noon.", tool_call_id="call_1", name="clock")

    completion = await complete(make_models(), with_tools(Message("user", "?"), before, result))

    assert [call.id for call in completion.tool_calls] == ["call_2", "call_3"]


async def test_a_refusal_of_tools_is_told_and_never_worked_around(stub: StubEndpoint, make_models: MakeModels):
    stub.fault = "unsupported:tools"

    with pytest.raises(Exception, match="tools is not supported"):
        await complete(make_models(), with_tools())

    assert all("tools" in request["body"] for request in stub.requests)


async def test_a_completion_has_no_tools(stub: StubEndpoint, make_models: MakeModels):
    with pytest.raises(BadInput, match=r"'stub' is asked in completion mode, which has no tools"):
        await complete(make_models(), with_tools(mode="completion"))
    assert stub.calls == 0


@pytest.mark.parametrize("messages", [(), (Message("user", "?"), Message("assistant", "", (ToolCall("a", "clock"),)))])
async def test_the_builtin_model_says_that_it_calls_no_tools(settings: Settings, messages: tuple[Message, ...]):
    tools = () if messages else (CLOCK,)
    request = ChatRequest(messages or (Message("user", "?"),), ModelSpec(), tools=tools)

    async with Models(settings, None, {}) as models:
        with pytest.raises(BadInput, match="The built-in model cannot call tools; name an endpoint"):
            await models.chat(request.model).complete(request)


@pytest.mark.parametrize("name", ["", "two words", "räder", "x" * 65, "a.b"])
def test_a_name_that_no_endpoint_takes(name: str):
    with pytest.raises(BadInput, match="A tool cannot be named"):
        ToolDefinition(name)


def test_a_request_that_contradicts_itself():
    with pytest.raises(BadInput, match="Two tools are named 'clock'"):
        ChatRequest((), ModelSpec(), tools=(CLOCK, CLOCK))
    for choice, tools in (("required", ()), ("weather", (CLOCK,))):
        with pytest.raises(BadInput, match="no such tool is offered"):
            ChatRequest((), ModelSpec(), tools=tools, tool_choice=choice)


class SeenKeys(MemoryCache):
    """Remembers under which keys calls are kept."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[str] = []

    def put_many(self, stage: str, values: Any) -> None:
        self.keys += values
        super().put_many(stage, values)


OLD = [
    (ChatRequest((Message("user", "hello there"),), ModelSpec(endpoint="any")), "becf1c67392e8e86"),
    (
        ChatRequest(
            (
                Message("system", "Be curt."), Message("user", "Wo fließt der Rhein? 莱茵河"),
                Message("assistant", "There."),
            ),
            ModelSpec(
                endpoint="any", name="m", mode="chat", temperature=0.5, top_p=0.9, max_tokens=7, seed=3, stop=("x",),
                reasoning_effort="low", extra_body={"top_k": 2},
            ),
        ),
        "d162c422825d33f2",
    ),
    (
        ChatRequest(
            (Message("user", "q"),), ModelSpec(endpoint="any"), response_format={"type": "json_object"}, top_logprobs=2,
            repeat=4,
        ),
        "555920db915992e1",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "key"), OLD)
async def test_what_was_kept_before_there_were_tools_is_found(settings: Settings, request_: ChatRequest, key: str):
    cache = SeenKeys()
    models = Models(settings, cache, {})
    models.register("any", ScriptedChat(["an answer"]))

    await models.chat(request_.model).complete(request_)

    assert cache.keys == [key]


def conversation(arguments: str = OSLO, result: str = "Rain.", number: str = "a", name: str = "weather") -> ChatRequest:
    called = Message("assistant", "", (ToolCall(number, "weather", arguments),))
    return with_tools(Message("user", "?"), called, Message("tool", result, tool_call_id=number, name=name))


async def test_calls_with_tools_are_cached_by_all_that_decides_them(stub: StubEndpoint, make_models: MakeModels):
    answer_with(stub, tool_calls=[function("weather", OSLO, id="a")])
    requests = [
        with_tools(), with_tools(choice="required"), with_tools(choice="clock"),
        replace(with_tools(), tools=(WEATHER,)),
        replace(with_tools(), tools=(WEATHER, replace(CLOCK, description="The time."))),
        replace(with_tools(), tools=(WEATHER, replace(CLOCK, parameters={"type": "object"}))),
        replace(with_tools(), tools=()),
        conversation(), conversation(arguments="{}"), conversation(result="Sun."), conversation(number="b"),
        conversation(name=""),
    ]  # fmt: skip

    async with make_models(MemoryCache()) as models:
        first = [await models.chat(request.model).complete(request) for request in requests]
        second = [await models.chat(request.model).complete(request) for request in requests]

    assert stub.calls == len(requests)
    assert [done.tool_calls for done in first] == [done.tool_calls for done in second]
    assert second[0].tool_calls == (ToolCall("a", "weather", OSLO),)
    assert all(done.usage.cached_calls == 1 and not done.usage.calls for done in second)


@pytest.mark.parametrize("in_pieces", [False, True])
async def test_tools_and_calls_are_counted_where_the_endpoint_counts_nothing(
    stub: StubEndpoint, make_models: MakeModels, in_pieces: bool
):
    stub.fault = "no-usage"
    plain = await complete(make_models(), ask("What is the weather in Oslo?"))
    if in_pieces:
        stream_with(stub, list(map(streamed, FRAGMENTS)))
    else:
        answer_with(stub, tool_calls=[function("weather", OSLO, id="a")])

    offered = await complete(make_models(), with_tools(), print if in_pieces else None)
    answered = await complete(make_models(), conversation())

    # The two tools take about 60 tokens as JSON, the call about 8.
    assert 40 <= offered.usage.prompt_tokens - plain.usage.prompt_tokens <= 90
    assert 5 <= offered.usage.completion_tokens <= 12
    assert offered.usage.prompt_tokens < answered.usage.prompt_tokens + 8


async def test_tools_take_room_in_a_budget(stub: StubEndpoint, make_models: MakeModels):
    prices = {"*": Prices(prompt=1e6, completion=1e6)}
    async with make_models(prices=prices) as models:
        with models.within(Budget(45.0)):
            await models.chat(ask().model).complete(replace(with_tools(max_tokens=1), tools=()))
            stub.reset()
            with pytest.raises(OutOfBudget):
                await models.chat(ask().model).complete(with_tools(max_tokens=1))
    assert stub.calls == 0


async def test_a_scripted_model_calls_tools():
    two = (ToolCall("a", "weather", OSLO), ToolCall("b", "clock"))
    chat = ScriptedChat([two[0], two, lambda request: two[1] if request.tools else "none", "Rain."])

    first, second, third, last = [await chat.complete(with_tools()) for _ in range(4)]

    assert [done.tool_calls for done in (first, second, third, last)] == [two[:1], two, two[1:], ()]
    assert [done.finish_reason for done in (first, second, third, last)] == [*["tool_calls"] * 3, "stop"]
    assert (first.usage.completion_tokens, last.usage.completion_tokens) == (3, 1)
    assert chat.requests[0].tools == (WEATHER, CLOCK)
