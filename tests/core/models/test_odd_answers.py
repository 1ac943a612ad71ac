"""What comes from an endpoint is checked at the door: an odd field costs that field, and the answer is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from llmopt_core.errors import EndpointError
from llmopt_core.execution.accounts import Account, account_for
from llmopt_core.models.base import ChatRequest, Completion, EmbeddingSpec
from llmopt_core.models.calls import cache as call_cache
from llmopt_core.models.openai.wire_values import MOST_CHARACTERS
from llmopt_core.models.prices import Prices
from llmopt_core.models.probe import check_endpoint
from llmopt_core.types import Answer
from tests.stub_endpoint import StubEndpoint

from .conftest import MakeModels, ask

NAN = float("nan")


async def completed(models, request: ChatRequest | None = None, on_text=None) -> Completion:
    request = request or ask()
    async with models:
        completion = await models.chat(request.model).complete(request, on_text)
    # Whatever came can be stored and read back.
    assert call_cache.decode(call_cache.encode(completion)) == replace(
        completion, usage=replace(completion.usage, calls=1)
    )
    completion.text.encode()
    return completion


def with_choice(**changes: Any):
    def mangle(answer: dict[str, Any]) -> dict[str, Any]:
        if not answer["choices"]:
            return answer
        return {**answer, "choices": [{**answer["choices"][0], **changes}]}

    return mangle


@pytest.mark.parametrize(
    "odd",
    [2.5, 1e30, 10**30, 10**4000, -3, "two", NAN, float("inf"), True, [], {"n": 1}],
    ids=lambda odd: repr(odd)[:8],
)
@pytest.mark.parametrize("streamed", [False, True])
async def test_an_odd_number_of_tokens_is_counted_here_and_said(
    stub: StubEndpoint, make_models: MakeModels, odd: Any, streamed: bool
):
    stub.mangle = lambda said: (
        {**said, "usage": {**said["usage"], "completion_tokens": odd}} if "usage" in said else said
    )

    completion = await completed(make_models(prices={"*": Prices(completion=1.0)}), on_text=print if streamed else None)

    assert completion.text == "stub answer"
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (2, 2)
    assert completion.usage.cost_usd == pytest.approx(2e-6)
    assert len(completion.notes) == 1
    assert "completion tokens; they were counted here instead" in completion.notes[0]
    assert stub.calls == 1


@pytest.mark.parametrize("usage", [None, [], "free", {"prompt_tokens": None}, {"prompt_tokens_details": 7}])
async def test_usage_of_another_kind(stub: StubEndpoint, make_models: MakeModels, usage: Any):
    stub.mangle = lambda said: {**said, "usage": usage}

    completion = await completed(make_models())

    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (2, 2)


async def test_a_whole_number_written_as_a_fraction_is_taken(stub: StubEndpoint, make_models: MakeModels):
    stub.mangle = lambda said: {**said, "usage": {"prompt_tokens": 7.0, "completion_tokens": 5.0}}

    completion = await completed(make_models())

    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens, completion.notes) == (7, 5, ())


@pytest.mark.parametrize("mode", ["chat", "completion"])
async def test_log_probabilities_that_are_no_numbers(stub: StubEndpoint, make_models: MakeModels, mode: str):
    def mangle(said: dict[str, Any]) -> dict[str, Any]:
        result = said["choices"][0]["logprobs"]
        if mode == "chat":
            result["content"][0]["logprob"] = NAN
            result["content"][1]["top_logprobs"] = [
                {"token": "\ud83d", "logprob": -2.0},
                {"token": 5, "logprob": "x"},
                3,
            ]
        else:
            result["top_logprobs"] = [{"stub": NAN}, {"\ud83d": -2.0, "answer": "x"}]
        return said

    stub.mangle = mangle
    request = ask(mode=mode)

    completion = await completed(make_models(), ChatRequest(request.messages, request.model, top_logprobs=2))

    assert all(value < 0 for place in completion.logprobs for value in place.values())
    assert completion.logprobs[1]["\ufffd"] == -2.0
    assert "stub" not in completion.logprobs[0]
    assert completion.notes == ("Log probabilities that are no numbers were left out, such as nan.",)


@pytest.mark.parametrize("found", [5, "x", {"content": "no"}, {"content": [1, None]}, {"top_logprobs": {"a": 1}}])
async def test_log_probabilities_of_another_kind(stub: StubEndpoint, make_models: MakeModels, found: Any):
    stub.mangle = with_choice(logprobs=found)

    assert (await completed(make_models())).text == "stub answer"


@pytest.mark.parametrize("reason", [5, ["stop"], "x" * 5000, "\ud83d", "a\nb"])
@pytest.mark.parametrize("streamed", [False, True])
async def test_an_odd_finish_reason(stub: StubEndpoint, make_models: MakeModels, reason: Any, streamed: bool):
    def mangle(said: dict[str, Any]) -> dict[str, Any]:
        ends = said["choices"] and said["choices"][0]["finish_reason"]
        return with_choice(finish_reason=reason)(said) if ends else said

    stub.mangle = mangle

    completion = await completed(make_models(), on_text=print if streamed else None)

    assert (completion.text, completion.finish_reason) == ("stub answer", "unknown")
    assert "as the reason why the answer ends" in completion.notes[0]


async def test_odd_ids_and_model_names_are_not_kept(stub: StubEndpoint, make_models: MakeModels):
    stub.mangle = lambda said: {**said, "id": NAN, "model": {"a": "\ud83d"}, "created": -1e99, "object": None}

    completion = await completed(make_models())

    assert (completion.text, completion.notes) == ("stub answer", ())


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (
            [{"type": "thinking", "thinking": []}, {"type": "text", "text": "Yes"}, {"type": "text", "text": "."}],
            "Yes.",
        ),
        ({"answer": "Yes"}, '{"answer": "Yes"}'),
        (42, "42"),
        (None, ""),
        ("half \ud83d", "half \ufffd"),
        ("\ud83d\ude00!", "\U0001f600!"),
        ("a\x00b", "a\ufffdb"),
    ],
)
async def test_the_text_is_kept_whatever_its_form(stub: StubEndpoint, make_models: MakeModels, content: Any, text: str):
    stub.mangle = with_choice(message={"role": "assistant", "content": content})

    completion = await completed(make_models())

    assert completion.text == text
    assert bool(completion.notes) == (text in {'{"answer": "Yes"}', "42", "half \ufffd", "a\ufffdb"})


@pytest.mark.parametrize("mode", ["chat", "completion"])
async def test_a_character_split_over_two_pieces_is_joined(stub: StubEndpoint, make_models: MakeModels, mode: str):
    stub.reply = "Well \ud83d \ude00 done"
    stub.mangle = lambda said: json.loads(json.dumps(said).replace("\\ud83d ", "\\ud83d").encode())
    events: list[str] = []

    completion = await completed(make_models(), ask(mode=mode), events.append)

    assert completion.text == "Well \U0001f600 done"
    assert events == ["Well ", "\U0001f600 ", "done"]
    assert completion.notes == ()


@pytest.mark.parametrize(
    ("halves", "text", "said"),
    [
        ((b"Well \xf0\x9f", b"\x98\x80 done"), "Well \U0001f600 done", ()),
        ((b"\xe4", b"\xb8", b"\xad"), "\u4e2d", ()),
        ((b"caf\xe9", b" au lait"), "caf\ufffd au lait", ("The endpoint sent half a character, kept as \ufffd.",)),
        ((b"a\ttab",), "a\ttab", ()),
    ],
)
async def test_a_character_whose_bytes_come_in_two_events_is_joined(
    stub: StubEndpoint, make_models: MakeModels, halves: tuple[bytes, ...], text: str, said: tuple[str, ...]
):
    stub.reply = " ".join(f"part{place}" for place in range(len(halves)))
    words = {f"part{place} ".encode(): half for place, half in enumerate(halves)}
    words[f"part{len(halves) - 1}".encode()] = halves[-1]

    def in_bytes(answer: dict[str, Any]) -> bytes:
        event = json.dumps(answer).encode()
        for word, half in words.items():
            event = event.replace(word, half)
        return event

    stub.mangle = in_bytes
    events: list[str] = []

    completion = await completed(make_models(), on_text=events.append)

    assert (completion.text, "".join(events), completion.notes) == (text, text, said)
    assert stub.calls == 1


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_number_longer_than_python_reads_costs_that_number_alone(
    stub: StubEndpoint, make_models: MakeModels, streamed: bool
):
    stub.mangle = lambda answer: (
        json.dumps(answer).encode().replace(b'"prompt_tokens": ', b'"prompt_tokens": ' + b"9" * 5000)
    )

    completion = await completed(make_models(), on_text=print if streamed else None)

    assert completion.text == "stub answer"
    assert completion.notes == ("The endpoint reported inf prompt tokens; they were counted here instead.",)
    assert stub.calls == 1


async def test_half_a_character_that_stays_alone_is_said(stub: StubEndpoint, make_models: MakeModels):
    stub.reply = "Well \ud83d"
    events: list[str] = []

    completion = await completed(make_models(), on_text=events.append)

    assert completion.text == "".join(events) == "Well \ufffd"
    assert completion.notes == ("The endpoint sent half a character, kept as \ufffd.",)


@pytest.mark.parametrize("streamed", [False, True])
async def test_an_answer_of_50_mb_is_cut_and_that_is_said(stub: StubEndpoint, make_models: MakeModels, streamed: bool):
    stub.reply = ("word " * 20_000).strip() if streamed else "x" * 50_000_000
    if streamed:
        stub.mangle = lambda said: json.loads(json.dumps(said).replace("word", "word" * 25))
    events: list[str] = []

    completion = await completed(make_models(timeout_seconds=60), on_text=events.append if streamed else None)

    assert len(completion.text) == MOST_CHARACTERS
    assert len("".join(events)) == (MOST_CHARACTERS if streamed else 0)
    assert "the answer was cut after 1,000,000" in completion.notes[-1]


async def test_a_stream_without_an_end_of_words_is_cut(stub: StubEndpoint, make_models: MakeModels, monkeypatch):
    monkeypatch.setattr("llmopt_core.models.openai.wire_values.MOST_CHARACTERS", 100)
    stub.fault = "endless"

    completion = await completed(make_models(), on_text=print)

    assert len(completion.text) == 100
    assert completion.notes == ("The endpoint sent more than 100 characters; the answer was cut after 100.",)


async def test_notes_of_the_wire_stand_in_the_record(stub: StubEndpoint, make_models: MakeModels):
    from llmopt_core.answering.answer import answer_question
    from llmopt_core.models.base import ModelSpec
    from llmopt_core.prompts.spec import PromptSpec
    from llmopt_core.runs.codec import pack, unpack
    from llmopt_core.types import Example

    stub.mangle = lambda said: {**said, "usage": {"prompt_tokens": 2, "completion_tokens": 1e30}}
    async with make_models() as models:
        spec, prompt = ModelSpec(endpoint="stub"), PromptSpec(template="{{ question }}")
        answer = await answer_question(Example("1", "Why?"), None, prompt, spec, models)

    assert answer.notes == ("The endpoint reported 1e+30 completion tokens; they were counted here instead.",)
    assert unpack(pack(answer, Answer), Answer) == answer


@pytest.mark.parametrize(
    "data",
    [
        lambda data: data[:-1],
        lambda data: [{**item, "embedding": [1.0] * item["index"]} for item in data],
        lambda data: [{**item, "embedding": [NAN, 1.0]} for item in data],
        lambda data: [{**item, "embedding": ["1", "2"]} for item in data],
        lambda data: [{**item, "embedding": None} for item in data],
        lambda data: [{**item, "index": 1} for item in data],
        lambda data: [{**item, "index": "x"} for item in data],
        lambda data: [{**item, "index": 10**30} for item in data],
        lambda data: "vectors",
        lambda data: [1, 2],
    ],
)
def test_vectors_that_cannot_be_used_are_asked_for_again(stub: StubEndpoint, make_models: MakeModels, data: Any):
    stub.mangle = lambda said: {**said, "data": data(said["data"])} if stub.calls == 1 else said
    embedder = make_models().embedder(EmbeddingSpec(endpoint="stub", model="m"))

    assert embedder.encode(["a", "b"]).shape == (2, 32)
    assert stub.calls == 2

    stub.mangle = lambda said: {**said, "data": data(said["data"])}
    with pytest.raises(EndpointError, match=r"answered .*, 2 times in a row") as error:
        embedder.encode(["a", "b"])
    assert error.value.kind == "bad-answer"


@pytest.mark.parametrize("tokens", [2.5, 1e30, -1, "x", None, NAN])
def test_odd_token_counts_of_vectors_are_counted_here(stub: StubEndpoint, make_models: MakeModels, tokens: Any):
    stub.mangle = lambda said: {**said, "usage": {"prompt_tokens": tokens}}
    models, account = make_models(prices={"*": Prices(prompt=1.0)}), Account()

    with account_for(account):
        vectors = models.embedder(EmbeddingSpec(endpoint="stub", model="m")).encode(["one two", "three"])

    assert vectors.shape == (2, 32)
    assert account.usage.prompt_tokens == 3


def test_vectors_of_huge_numbers_have_length_one(stub: StubEndpoint, make_models: MakeModels):
    stub.mangle = lambda said: {**said, "data": [{"embedding": [1e38, 1e38]}]}

    vectors = make_models().embedder(EmbeddingSpec(endpoint="stub", model="m")).encode(["a"])

    assert vectors[0].tolist() == pytest.approx([0.5**0.5, 0.5**0.5])


async def test_a_list_of_models_with_odd_names(stub: StubEndpoint, make_models: MakeModels):
    odd = [{"id": "good"}, {"id": None}, {"id": 5}, {"id": "a\ud83d"}, {"id": "b\x00"}, {"id": "c" * 9999}, "d", {}]
    stub.mangle = lambda said: {**said, "data": odd}

    report = await check_endpoint(make_models(default_model="").endpoint("stub"), "")

    assert report.ok
    assert report.models == ("d", "good")


@pytest.mark.parametrize("said", [{"data": 5}, [], {"data": {"id": 1}}, b"[" * 100_000, b"{}", b'"x"'])
async def test_a_list_of_models_that_is_none(stub: StubEndpoint, make_models: MakeModels, said: Any):
    stub.mangle = lambda _: said

    report = await check_endpoint(make_models(default_model="").endpoint("stub"), "")

    assert report.models == ()
    assert report.ok == (said == [])


async def test_an_error_in_place_of_an_answer_is_a_passing_fault(stub: StubEndpoint, make_models: MakeModels):
    stub.mangle = lambda said: {"error": {"message": "overloaded\ud83d"}} if stub.calls == 1 else said

    assert (await completed(make_models())).text == "stub answer"

    stub.mangle = lambda said: {"error": {"message": "overloaded"}}
    with pytest.raises(EndpointError, match=r"answered with an error, 2 times in a row: overloaded\."):
        await completed(make_models())


async def test_bytes_that_are_no_text_cost_their_character(stub: StubEndpoint, make_models: MakeModels):
    stub.mangle = lambda said: json.dumps(said).replace("stub answer", "caf\u00e9 au lait").encode("latin-1")

    completion = await completed(make_models())

    assert completion.text == "caf\ufffd au lait"
    assert completion.notes == ("The endpoint sent half a character, kept as \ufffd.",)
    assert stub.calls == 1


async def test_an_answer_that_was_paid_and_could_not_be_read_is_counted(stub: StubEndpoint, make_models: MakeModels):
    stub.mangle = lambda said: {**said, "choices": [{}]} if stub.calls == 1 else said

    completion = await completed(make_models(prices={"*": Prices(completion=1.0)}))

    assert (completion.text, completion.usage.calls, completion.usage.completion_tokens) == ("stub answer", 2, 4)
    assert completion.usage.cost_usd == pytest.approx(4e-6)


@pytest.mark.parametrize("said", [b"[" * 200_000, b"", b"null", b'{"choices": [{}]}', b'{"choices": [{"message": 5}]}'])
async def test_what_is_no_answer_is_asked_for_again(stub: StubEndpoint, make_models: MakeModels, said: bytes):
    stub.mangle = lambda answer: said if stub.calls == 1 else answer

    assert (await completed(make_models())).text == "stub answer"
    assert stub.calls == 2
