"""Thinking is kept apart from answers, in whatever form a service hands it over; why an answer ended is told."""

from __future__ import annotations

from typing import Any

import pytest

from llmopt_core.cache import MemoryCache
from llmopt_core.errors import EndpointError
from llmopt_core.models.calls import cache as call_cache
from llmopt_core.models.finish import MAY_BE_THINKING, ending
from llmopt_core.models.openai import refusals
from llmopt_core.models.prices import Prices
from llmopt_core.text.thinking import ThinkingSplitter, split_thinking
from tests.stub_endpoint import StubEndpoint

from .conftest import MakeModels, ask
from .test_odd_answers import completed, with_choice

CASES = [
    ("<think>2 + 2\nis 4</think>\n\n4", "4", "2 + 2\nis 4"),
    ("  \n<think>a</think>b", "b", "a"),
    ("<think></think>\n\nYes", "Yes", ""),
    ("2 + 2 is 4\n</think>\n\n4", "4", "2 + 2 is 4"),
    ("<think>cut in the mid", "", "cut in the mid"),
    ("<think>a</think>one <think>b</think>two", "one two", "a\nb"),
    ("<think>a</think><think>b</think>two", "two", "a\nb"),
    ("[THINK]a[/THINK]b", "b", "a"),
    ("◁think▷a◁/think▷b", "b", "a"),
    ("<thinking>a</thinking>b", "b", "a"),
    ("a\n</thinking>\nb", "b", "a"),
    ("<reasoning>a</reasoning>\nb", "b", "a"),
    ("<seed:think>a</seed:think>b", "b", "a"),
    ("<|channel|>analysis<|message|>a<|channel|>final<|message|>b", "b", "a"),
    ("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>", "b", "a"),
    ("Ends in <|return|>", "Ends in <|return|>", ""),
    ("The tag <reasoning> stands <thought>here</thought>", "The tag <reasoning> stands <thought>here</thought>", ""),
    ("Write `<think>` before and `</think>` after.", "Write `<think>` before and `</think>` after.", ""),
    ("```\n<think>x</think>\n```", "```\n<think>x</think>\n```", ""),
    ("A <think> that nobody ends", "A <think> that nobody ends", ""),
    ("1 < 2 and <b>bold</b>", "1 < 2 and <b>bold</b>", ""),
    ("  plain <", "  plain <", ""),
    ("<th", "<th", ""),
    ("", "", ""),
]


@pytest.mark.parametrize(("text", "answer", "thinking"), CASES)
def test_thinking_in_the_text(text: str, answer: str, thinking: str):
    assert split_thinking(text) == (answer, thinking)


@pytest.mark.parametrize(("text", "answer", "thinking"), CASES)
@pytest.mark.parametrize("size", [1, 2, 5])
def test_marks_cut_by_the_borders_of_pieces(text: str, answer: str, thinking: str, size: int):
    splitter = ThinkingSplitter()
    rows = [splitter.add(text[i : i + size]) for i in range(0, len(text), size)] + [splitter.end()]

    assert (splitter.answer, splitter.thinking) == (answer, thinking)
    if not text.startswith(("2 + 2", "a\n")):
        assert "".join(rows) == answer


def with_message(**message: Any):
    def mangle(said: dict[str, Any]) -> dict[str, Any]:
        first = said["choices"] and said["choices"][0]
        if not first or (first["finish_reason"] and "delta" in first):
            return said
        return with_choice(**{"delta" if "delta" in first else "message": message})(said)

    return mangle


FORMS = [
    {"content": "<think>hm</think>Yes."},
    {"content": "Yes.", "reasoning_content": "hm"},
    {"content": "Yes.", "reasoning": "hm"},
    {"content": "Yes.", "reasoning": None, "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
    {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "Yes."}]},
    {"content": [{"type": "thinking", "thinking": "hm"}, {"type": "output_text", "text": "Yes."}]},
    {"content": [{"type": "reasoning", "summary": [{"text": "hm"}]}, {"type": "text", "text": {"value": "Yes."}}]},
    {"content": ["<think>hm</think>", "Yes."]},
]


@pytest.mark.parametrize("message", FORMS)
@pytest.mark.parametrize("streamed", [False, True])
async def test_thinking_is_no_part_of_the_answer(
    stub: StubEndpoint, make_models: MakeModels, message: dict[str, Any], streamed: bool
):
    stub.reply = "word"
    stub.mangle = with_message(**message)
    events: list[str] = []

    completion = await completed(make_models(), on_text=events.append if streamed else None)

    assert (completion.text, completion.reasoning, completion.notes) == ("Yes.", "hm", ())
    assert "".join(events) == ("Yes." if streamed else "")
    assert completion.reasoning_tokens == 1


async def test_parts_that_are_no_text_are_said(stub: StubEndpoint, make_models: MakeModels):
    stub.mangle = with_message(content=[{"type": "text", "text": "See:"}, {"type": "image_url", "image_url": {}}])

    completion = await completed(make_models())

    assert completion.text == "See:"
    assert completion.notes == ("The endpoint's answer had parts that are no text; they were left out.",)


async def test_thinking_is_counted(stub: StubEndpoint, make_models: MakeModels):
    def mangle(said: dict[str, Any]) -> dict[str, Any]:
        usage = {"prompt_tokens": 5, "completion_tokens": 90, "completion_tokens_details": {"reasoning_tokens": 80}}
        return {**said, "usage": usage}

    stub.mangle = mangle
    completion = await completed(make_models())
    assert (completion.usage.completion_tokens, completion.reasoning_tokens) == (90, 80)

    stub.reply = "<think>one two three</think>four"
    stub.mangle = lambda said: {**said, "usage": None}
    completion = await completed(make_models(prices={"*": Prices(completion=1e6)}))
    assert completion.usage.completion_tokens > 4
    assert completion.reasoning_tokens == 3


def test_answers_kept_before_are_told_apart_too():
    import json

    old = {"text": "<think>hm</think>Yes", "usage": [1, 2, None], "finish_reason": "stop", "seconds": 1.0,
           "first_token_seconds": None, "logprobs": []}  # fmt: skip
    result = call_cache.decode(json.dumps(old).encode())

    assert result is not None
    assert (result.text, result.reasoning) == ("Yes", "hm")


@pytest.mark.parametrize(
    ("reason", "text", "thinking", "told"),
    [
        ("stop", "Yes", True, ""),
        ("", "Yes", False, ""),
        ("end_turn", "Yes", False, ""),
        ("length", "Yes", False, "The answer was cut off at the limit of tokens."),
        ("max_tokens", "", True, "No answer: the model spent its 256 tokens on reasoning; raise max_tokens."),
        ("length", " ", False, "No answer: the model used up its 256 tokens before it wrote one; raise max_tokens."),
        ("content_filter", "", False, "No answer: the endpoint's content filter held it back."),
        ("content_filter: SAFETY", "", False, "No answer: the endpoint's content filter held it back."),
        ("FinishReason.MAX_TOKENS", "Yes", False, "The answer was cut off at the limit of tokens."),
        ("SAFETY", "Half", False, "The endpoint's content filter ended the answer."),
        ("function_call", "", False, "No answer: the model called a tool, though none was offered."),
        ("stop", "", True, "No answer: the model wrote its reasoning alone."),
        ("length", "Okay, the user asks for", False, MAY_BE_THINKING),
        ("length", "\n好的，用户", False, MAY_BE_THINKING),
        ("length", "**Analyzing the Request**\nThe", False, MAY_BE_THINKING),
        ("length", "Here's a thinking process:\n1.", False, MAY_BE_THINKING),
        ("length", "Der Nutzer möchte", False, MAY_BE_THINKING),
        ("length", "The question asks which", False, MAY_BE_THINKING),
        ("length", "The question of money is", False, "The answer was cut off at the limit of tokens."),
        ("length", "Users of the service", False, "The answer was cut off at the limit of tokens."),
        ("stop", "Okay, it is 4.", False, ""),
        ("length", "Okay, it is", True, "The answer was cut off at the limit of tokens."),
        ("odd", "Yes", False, "The endpoint gave 'odd' as the reason why the answer ends."),
    ],
)
def test_why_an_answer_ended(reason: str, text: str, thinking: bool, told: str):
    assert ending(reason, text, thinking, 256) == told


@pytest.mark.parametrize("streamed", [False, True])
async def test_half_an_answer_that_ends_in_an_error_is_a_failure(
    stub: StubEndpoint, make_models: MakeModels, streamed: bool
):
    def mangle(said: dict[str, Any]) -> dict[str, Any]:
        ends = said["choices"] and said["choices"][0]["finish_reason"]
        return with_choice(finish_reason="error")(said) if ends else said

    stub.mangle = mangle
    models = make_models(prices={"*": Prices(completion=1e6)})

    with pytest.raises(EndpointError) as error:
        await completed(models, on_text=print if streamed else None)

    assert error.value.kind == "server-error"
    assert error.value.usage.completion_tokens >= 2


async def test_an_answer_that_ended_in_an_error_once_is_asked_for_again(stub: StubEndpoint, make_models: MakeModels):
    error = {"error": {"code": 502, "message": "Provider returned error", "metadata": {"raw": "upstream is down"}}}
    stub.mangle = lambda said: with_choice(finish_reason="error", **error)(said) if stub.calls == 1 else said

    assert (await completed(make_models())).text == "stub answer"
    assert stub.calls == 2


@pytest.mark.parametrize(
    ("said", "kind", "calls", "words"),
    [
        ({"error": {"message": "busy", "code": 503}}, "server-error", 2, "failed, 2 times in a row (HTTP 503): busy"),
        ({"error": {"message": "slow down", "code": "429"}}, "rate-limited", 2, "(429): slow down"),
        ({"error": {"message": "no such model", "code": 404}}, "not-found", 1, "(404): no such model"),
        (
            {"error": "model is loading"},
            "server-error",
            2,
            "answered with an error, 2 times in a row: model is loading",
        ),
        ([{"error": {"code": 400, "message": "API key not valid"}}], "bad-request", 1, "(400): API key not valid"),
        ({"detail": "Not here"}, "server-error", 2, ": Not here"),
    ],
)
async def test_an_error_with_status_200(
    stub: StubEndpoint, make_models: MakeModels, said: Any, kind: str, calls: int, words: str
):
    stub.mangle = lambda _: said

    with pytest.raises(EndpointError) as error:
        await completed(make_models())

    assert (error.value.kind, stub.calls) == (kind, calls)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("status", "said", "words"),
    [
        (400, [{"error": {"code": 400, "message": "Invalid role: narrator"}}], "Invalid role: narrator"),
        (422, {"detail": [{"loc": ["body", "messages", 0, "role"], "msg": "Field required", "input": "SECRET"}]},
         "body.messages.0.role: Field required"),
        (422, {"object": "error", "message": {"detail": [{"loc": ["body", "n"], "msg": "Input should be 1"}]}},
         "body.n: Input should be 1"),
        (400, {"errors": ["first reason", "second reason"]}, "first reason; second reason"),
        (400, {"error": {"message": "Provider returned error", "metadata": {"raw": "context is too long"}}},
         "context is too long"),
    ],
)  # fmt: skip
async def test_the_endpoints_own_reason(
    stub: StubEndpoint, make_models: MakeModels, status: int, said: Any, words: str
):
    from aiohttp import web

    async def refuse(request, body, fault=None):
        return web.json_response(said, status=status)

    stub._misbehave = refuse  # type: ignore[method-assign]

    with pytest.raises(EndpointError) as error:
        await completed(make_models(), ask())

    assert words in str(error.value)
    assert "SECRET" not in str(error.value)


def replying(*said: dict[str, Any]):
    """Answers by turn: text, finish_reason and usage, whole or as one piece of a stream."""
    waiting = list(said)

    def mangle(answer: dict[str, Any]) -> dict[str, Any]:
        first = answer["choices"][0] if answer["choices"] else {}
        if "message" not in first and "delta" not in first:
            return answer
        if "delta" in first and first["finish_reason"] is None:
            return {**answer, "choices": [{**first, "delta": {"content": waiting[0]["text"]}}]}
        one = waiting.pop(0)
        text = {"message": {"role": "assistant", "content": one["text"]}} if "message" in first else {}
        usage = {"usage": one["usage"]} if "usage" in one else {}
        return {**answer, **usage, "choices": [{**first, **text, "finish_reason": one["finish"]}]}

    return mangle


@pytest.mark.parametrize("reason", ["insufficient_system_resource", "abort"])
async def test_an_answer_that_broke_off_says_its_finish_reason(
    stub: StubEndpoint, make_models: MakeModels, reason: str
):
    stub.mangle = replying({"text": "Hal", "finish": reason}, {"text": "Hal", "finish": reason})
    with pytest.raises(EndpointError, match=f"it broke off \\(finish_reason '{reason}'\\)"):
        await completed(make_models(max_retries=0))


WHOLE = {"text": "Two and two make four.\n</think>\n\n4", "finish": "stop"}
CUT = {"text": "Two and two", "finish": "length"}
SHORT = {"text": "4", "finish": "stop"}


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_model_that_was_seen_to_think_without_an_opening_mark_is_cut_in_thinking(
    stub: StubEndpoint, make_models: MakeModels, streamed: bool
):
    stub.reply = "word"
    stub.mangle = replying(CUT, WHOLE, CUT, SHORT)
    events: list[str] = []
    models = make_models()
    on_text = events.append if streamed else None
    unknown = await completed(models, ask("a"), on_text)
    whole = await completed(models, ask("b"), on_text)
    # Another program over the same workspace knows it too.
    refusals._refusals.clear()
    cut = await completed(make_models(), ask("c"), on_text)
    short = await completed(make_models(), ask("d"), on_text)

    assert (unknown.text, unknown.reasoning) == ("Two and two", "")
    assert (whole.text, whole.reasoning) == ("4", "Two and two make four.")
    assert (cut.text, cut.reasoning, cut.finish_reason) == ("", "Two and two", "length")
    assert cut.reasoning_tokens == 3
    assert (short.text, short.reasoning) == ("4", "")


async def test_another_model_of_the_endpoint_is_another_matter(stub: StubEndpoint, make_models: MakeModels):
    stub.mangle = replying(WHOLE, CUT)
    models = make_models()
    await completed(models, ask("a"))
    other = await completed(models, ask("b", name="stub-small"))
    assert (other.text, other.reasoning) == ("Two and two", "")


async def test_an_endpoint_may_be_said_to_begin_with_thinking(stub: StubEndpoint, make_models: MakeModels):
    stub.mangle = replying(CUT, SHORT)
    models = make_models(begins_with_thinking=True)
    cut, short = await completed(models, ask("a")), await completed(models, ask("b"))
    assert (cut.text, cut.reasoning) == ("", "Two and two")
    assert (short.text, short.reasoning) == ("4", "")


@pytest.mark.parametrize(
    ("reasoning", "completion", "text"),
    [(3, 3, ""), (2, 3, "Two and two"), (0, 0, "Two and two"), (90, 3, "Two and two")],
)
async def test_an_endpoint_that_counts_all_as_reasoning_is_believed(
    stub: StubEndpoint, make_models: MakeModels, reasoning: int, completion: int, text: str
):
    details = {"completion_tokens_details": {"reasoning_tokens": reasoning}}
    stub.mangle = replying({**CUT, "usage": {"prompt_tokens": 1, "completion_tokens": completion, **details}})
    assert (await completed(make_models())).text == text


async def test_what_is_said_of_an_endpoint_decides_the_key_of_its_answers(stub: StubEndpoint, make_models: MakeModels):
    stub.mangle = replying(CUT, CUT)
    cache = MemoryCache()
    messages = []
    for changes in ({}, {"begins_with_thinking": True}, {}):
        async with make_models(cache, **changes) as models:
            messages.append((await models.chat(ask().model).complete(ask("a"))).text)
    assert (messages, stub.calls) == (["Two and two", "", "Two and two"], 2)
