"""Calls end, stay with the host they were sent to, and are made again only where that helps."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from llmopt_core.errors import EndpointError
from llmopt_core.models.base import ChatRequest, EmbeddingSpec, ModelSpec
from llmopt_core.models.body_fields import extra_body_in, parameter_lines, parameters_in
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.openai import stream, transport
from llmopt_core.models.openai.refusals import find_parameter
from llmopt_core.models.probe import check_endpoint
from llmopt_core.models.registry import Models
from tests.stub_endpoint import StubEndpoint

from .conftest import MakeModels, ask


async def complete(models: Models, request: ChatRequest | None = None, on_text: Callable[[str], None] | None = None):
    request = request or ask()
    async with models:
        return await models.chat(request.model).complete(request, on_text)


def embed(models: Models) -> None:
    models.embedder(EmbeddingSpec(endpoint="stub", model="m")).encode(["x"])


@pytest.fixture
def elsewhere() -> Iterator[StubEndpoint]:
    with StubEndpoint("from elsewhere") as other:
        yield other


# -- redirects


@pytest.mark.parametrize("word", ["redirect", "moved"])
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_redirect_to_another_host_is_not_followed(
    stub: StubEndpoint, elsewhere: StubEndpoint, make_models: MakeModels, word: str, streamed: bool
):
    stub.fault = f"{word}:{elsewhere.url}/chat/completions?token=secret"

    with pytest.raises(EndpointError) as error:
        await complete(make_models(keys={"stub": "key"}), on_text=print if streamed else None)

    assert f"send the call on to {elsewhere.url}/chat/completions (" in str(error.value)
    assert "secret" not in str(error.value)
    assert error.value.kind == "unreachable"
    assert elsewhere.paths == []
    assert stub.calls == 1


async def test_no_other_call_follows_one_either(stub: StubEndpoint, elsewhere: StubEndpoint, make_models: MakeModels):
    models = make_models(keys={"stub": "key"})

    stub.fault = f"redirect:{elsewhere.url}/models"
    report = await check_endpoint(models.endpoint("stub"), "key")
    stub.fault = f"redirect:{elsewhere.url}/embeddings"
    with pytest.raises(EndpointError, match="send the call on to"):
        embed(models)
    stub.fault = f"redirect:{elsewhere.url}/completions"
    with pytest.raises(EndpointError, match="send the call on to"):
        await models.likelihood(ModelSpec(endpoint="stub")).likelihood("a", " b")

    assert not report.ok
    assert "send the call on to" in report.message
    assert elsewhere.paths == []


def test_fine_tuning_does_not_follow_one(elsewhere: StubEndpoint, settings):
    from llmopt_core.finetuning.openai.jobs import ServiceTrainer

    with served(b"", status=f"307 Moved\r\nLocation: {elsewhere.url}/models") as url:
        trainer = ServiceTrainer(settings, Endpoint(name="stub", base_url=url), "key")
        with pytest.raises(EndpointError, match=f"send the call on to {elsewhere.url}/models"):
            trainer.list_jobs()

    assert elsewhere.paths == []


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_redirect_within_the_host_is_followed(stub: StubEndpoint, make_models: MakeModels, streamed: bool):
    stub.key = "key"
    stub.faults = ["redirect:/openai/deployments/x/chat/completions", None]

    completion = await complete(make_models(keys={"stub": "key"}), on_text=print if streamed else None)

    assert completion.text == "stub answer"
    assert [r["path"] for r in stub.requests] == ["/v1/chat/completions", "/openai/deployments/x/chat/completions"]


async def test_a_circle_of_redirects_ends(stub: StubEndpoint, make_models: MakeModels):
    stub.fault = "redirect:/v1/chat/completions"

    with pytest.raises(EndpointError, match="send the call on to"):
        await complete(make_models())

    assert stub.calls == 6


@pytest.mark.parametrize("target", ["http://[", "ftp://x/", "//", "", "http://\ufffd/"])
async def test_a_redirect_to_nonsense(stub: StubEndpoint, make_models: MakeModels, target: str):
    stub.fault = f"redirect:{target}"

    with pytest.raises(EndpointError):
        await complete(make_models(max_retries=0))


# -- time


async def test_a_slow_server_is_asked_once(stub: StubEndpoint, make_models: MakeModels):
    stub.delay = 2.0

    with pytest.raises(EndpointError) as error:
        await complete(make_models(timeout_seconds=0.3, max_retries=5))

    assert error.value.kind == "timeout"
    assert stub.calls == 1


def test_a_slow_server_of_vectors_is_asked_once(stub: StubEndpoint, make_models: MakeModels):
    stub.delay = 2.0

    with pytest.raises(EndpointError) as error:
        make_models(timeout_seconds=0.3, max_retries=5).embedder(EmbeddingSpec(endpoint="stub", model="m")).encode(
            ["x"]
        )

    assert error.value.kind == "timeout"
    assert stub.calls == 1


HEAD = b"HTTP/1.1 200 OK\r\nX-Slow: "
# What may stand behind the size of a part of the body.
CHUNK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1;"


@pytest.mark.parametrize("begin", [HEAD, CHUNK], ids=["head", "chunk"])
@pytest.mark.parametrize("call", ["chat", "embed"])
async def test_an_answer_that_drips_before_its_text_ends(settings, call: str, begin: bytes):
    stop = threading.Event()

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, suppress(OSError):
            connection.sendall(begin)
            for _ in range(200):
                connection.sendall(b"a")
                if stop.wait(0.05):
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        endpoint = Endpoint(name="stub", base_url=url, default_model="m", max_retries=0, timeout_seconds=0.5)
        models = Models(settings, None, {"stub": endpoint})
        with pytest.raises(EndpointError, match=r"no whole answer within 0\.5 s"):
            await (complete(models) if call == "chat" else asyncio.to_thread(embed, models))
        stop.set()
        thread.join()


async def test_a_connection_that_nobody_takes_is_tried_again(make_models: MakeModels, monkeypatch):
    """A full queue of connections: the kernel lets further ones wait."""
    import httpx2

    tries = []

    async def nobody(self: object, request: httpx2.Request) -> httpx2.Response:
        tries.append(request.url)
        raise httpx2.ConnectTimeout("nobody took it", request=request)

    monkeypatch.setattr(httpx2.AsyncHTTPTransport, "handle_async_request", nobody)

    with pytest.raises(EndpointError, match="did not accept a connection in time") as error:
        await complete(make_models(max_retries=2))

    assert error.value.kind == "unreachable"
    assert len(tries) == 3


@pytest.mark.parametrize("fault", ["keep-alive", "empty-pieces"])
async def test_a_stream_that_says_nothing_ends(stub: StubEndpoint, make_models: MakeModels, fault: str):
    stub.fault = fault

    with pytest.raises(EndpointError, match=r"sent nothing more of its answer for 0\.3 s") as error:
        await complete(make_models(timeout_seconds=0.3), on_text=print)

    assert error.value.kind == "timeout"
    assert stub.calls == 1


async def test_a_stream_that_drips_words_ends(stub: StubEndpoint, make_models: MakeModels, monkeypatch):
    monkeypatch.setattr(stream, "WHOLE", 2)
    stub.fault, stub.stream_pause = "endless", 0.05

    with pytest.raises(EndpointError, match=r"still writing after 0\.6 s") as error:
        await complete(make_models(timeout_seconds=0.3), on_text=print)

    assert error.value.kind == "timeout"


async def test_a_stream_that_falls_silent_says_how_long_it_was(settings):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    over = threading.Event()

    def begin(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(head + b'data: {"choices": [{"index": 0, "delta": {"content": "Yes"}}]}\n\n')
            over.wait(60)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=begin, args=(server,))
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        endpoint = Endpoint(name="stub", base_url=url, default_model="m", max_retries=3, timeout_seconds=0.5)
        with pytest.raises(EndpointError, match=r"sent nothing more of its answer for 0\.5 s"):
            await complete(Models(settings, None, {"stub": endpoint}), on_text=print)
        over.set()
        thread.join()


async def test_a_large_upload_names_the_seconds_that_it_had(stub: StubEndpoint, make_models: MakeModels, monkeypatch):
    monkeypatch.setattr(transport, "_SLOWEST_UPLOAD", 50)
    stub.fault = "timeout"
    embedder = make_models(timeout_seconds=0.5, max_retries=3).embedder(EmbeddingSpec(endpoint="stub", model="m"))

    with pytest.raises(EndpointError, match=r"no whole answer within [12]\.5 s"):
        embedder.encode(["x" * 20])

    assert stub.calls == 1


async def test_an_answer_that_is_whole_does_not_wait_for_the_end_of_its_stream(make_models: MakeModels):
    with served(b"data: " + WHOLE_ANSWER + b"\n\n", forever=b": still here\n\n", kind="text/event-stream") as url:
        completion = await complete(make_models(base_url=url, timeout_seconds=0.5), on_text=print)

    assert (completion.text, completion.finish_reason) == ("Yes", "stop")


_EVENT = b'data: {"choices": [{"index": 0, "delta": {"content": "Yes"}, "finish_reason": null}]}\n\n'


@pytest.mark.parametrize("end", [b"data: [DONE]\n\n", b"data: [DONE]\n", b"data: [DONE]", b"data:[DONE]\r\n\r\n"])
async def test_a_stream_that_says_done_is_whole_without_a_reason(make_models: MakeModels, end: bytes):
    with served(_EVENT + end, kind="text/event-stream") as url:
        completion = await complete(make_models(base_url=url), on_text=print)

    assert (completion.text, completion.finish_reason, completion.notes) == ("Yes", "stop", ())


async def test_the_last_event_of_a_stream_needs_no_empty_line(make_models: MakeModels):
    with served(b"data: " + WHOLE_ANSWER, kind="text/event-stream") as url:
        completion = await complete(make_models(base_url=url), on_text=print)

    assert (completion.text, completion.finish_reason, completion.notes) == ("Yes", "stop", ())


@pytest.mark.parametrize(
    ("body", "extra"),
    [(_EVENT + b'data: {"choices": [{"index"', ""), (b"FFF\r\n" + _EVENT, "Transfer-Encoding: chunked\r\n")],
    ids=["within an event", "within a part"],
)
async def test_a_stream_that_is_cut_is_no_answer(make_models: MakeModels, body: bytes, extra: str):
    with served(body, kind=f"text/event-stream\r\n{extra}".rstrip()) as url, pytest.raises(EndpointError) as caught:
        await complete(make_models(base_url=url, max_retries=0), on_text=print)

    assert caught.value.kind in ("truncated", "bad-answer")


async def test_a_stream_that_is_cut_after_the_reason_of_its_end_is_whole(make_models: MakeModels):
    body = b"FFF\r\ndata: " + WHOLE_ANSWER + b'\n\ndata: {"choices": [], "usa'
    with served(body, kind="text/event-stream\r\nTransfer-Encoding: chunked") as url:
        completion = await complete(make_models(base_url=url), on_text=print)

    assert (completion.text, completion.finish_reason) == ("Yes", "stop")


async def test_a_server_that_cannot_stream_answers_as_a_whole(make_models: MakeModels):
    events: list[str] = []

    with served(WHOLE_ANSWER.replace(b"delta", b"message"), kind="application/json") as url:
        completion = await complete(make_models(base_url=url), on_text=events.append)

    assert (completion.text, events) == ("Yes", ["Yes"])


async def test_a_stream_that_breaks_before_its_first_word_is_asked_for_again(
    stub: StubEndpoint, make_models: MakeModels
):
    events: list[str] = []
    stub.faults = ["html", "error-event", None]
    stub.reply = ""
    with pytest.raises(EndpointError):
        await complete(make_models(max_retries=0), on_text=events.append)

    stub.reset()
    stub.faults, stub.reply = ["html", "drop", "500", None], "one two"
    completion = await complete(make_models(max_retries=3), on_text=events.append)

    assert (completion.text, events, stub.calls) == ("one two", ["one ", "two"], 4)


async def test_what_a_broken_stream_said_it_took_is_charged_when_no_try_is_left(make_models: MakeModels):
    usage = b'data: {"choices": [], "usage": {"prompt_tokens": 900, "completion_tokens": 40}}\n\n'
    broken = usage + b'data: {"error": {"message": "overloaded", "code": 503}}\n\n'
    with served(broken, kind="text/event-stream") as url, pytest.raises(EndpointError) as caught:
        await complete(make_models(base_url=url, max_retries=0), on_text=lambda _: None)

    assert (caught.value.usage.prompt_tokens, caught.value.usage.completion_tokens) == (900, 40)


# -- size


@pytest.mark.parametrize("how", ["whole", "streamed", "vectors"])
async def test_more_bytes_than_an_answer_may_have_are_not_read(make_models: MakeModels, monkeypatch, how: str):
    monkeypatch.setattr(transport, "MOST_BYTES", 1_000_000)

    with served(b'{"a": "', forever=b"x" * 50_000) as url:
        models = make_models(base_url=url, timeout_seconds=30, max_retries=3)
        on_text = print if how == "streamed" else None
        call = asyncio.to_thread(embed, models) if how == "vectors" else complete(models, on_text=on_text)
        with pytest.raises(EndpointError, match="MB as one answer") as error:
            await call

    assert error.value.kind == "bad-answer"


async def test_bytes_are_counted_unpacked(make_models: MakeModels, monkeypatch):
    import gzip

    monkeypatch.setattr(transport, "MOST_BYTES", 1_000_000)
    packed = gzip.compress(b" " * 100_000_000)
    assert len(packed) < 1_000_000

    with served(packed, encoding="gzip") as url, pytest.raises(EndpointError, match="MB as one answer"):
        await complete(make_models(base_url=url, timeout_seconds=30))


# -- what a server does not take


@pytest.mark.parametrize("fault", ["unsupported:response_format", "refuses:response_format"])
async def test_a_response_format_that_is_refused_is_not_sent_again(
    stub: StubEndpoint, make_models: MakeModels, fault: str
):
    stub.fault = fault

    def wanting(text: str) -> ChatRequest:
        answer = ask(text)
        return ChatRequest(answer.messages, answer.model, response_format={"type": "json_object"})

    assert (await complete(make_models(), wanting("a"))).text == "stub answer"
    # Models made later, as by another run, know it too.
    assert (await complete(make_models(), wanting("b"))).text == "stub answer"

    assert ["response_format" in r["body"] for r in stub.requests] == [True, False, False]


@pytest.mark.parametrize("fault", ["unsupported:logprobs", "refuses:logprobs", "unsupported:top_logprobs"])
async def test_log_probabilities_that_are_refused_are_not_asked_for_again(
    stub: StubEndpoint, make_models: MakeModels, fault: str
):
    stub.fault = fault
    for text in "ab":
        answer = ask(text)
        completion = await complete(make_models(), ChatRequest(answer.messages, answer.model, top_logprobs=2))
        assert (completion.text, completion.logprobs) == ("stub answer", ())

    assert ["logprobs" in r["body"] or "top_logprobs" in r["body"] for r in stub.requests] == [True, False, False]


async def test_what_was_learnt_is_remembered_in_the_workspace(stub: StubEndpoint, make_models: MakeModels, monkeypatch):
    from llmopt_core.models.openai import refusals

    stub.fault = "refuses:response_format"
    answer = ask()
    request = ChatRequest(answer.messages, answer.model, response_format={"type": "json_object"})
    await complete(make_models(), request)
    monkeypatch.setattr(refusals, "_refusals", {})

    await complete(make_models(), request)

    assert ["response_format" in r["body"] for r in stub.requests] == [True, False, False]


async def test_a_refusal_for_another_reason_teaches_nothing(stub: StubEndpoint, make_models: MakeModels):
    answer = ask()
    request = ChatRequest(answer.messages, answer.model, response_format={"type": "json_object"})
    stub.fault = "400"
    with pytest.raises(EndpointError, match="stub fault 400"):
        await complete(make_models(), request)
    stub.fault = None

    await complete(make_models(), request)

    assert "response_format" in stub.requests[-1]["body"]


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (400, {"message": "Unsupported parameter: 'logprobs' is not supported with this model."}, "logprobs"),
        (422, {"detail": [{"loc": ["body", "response_format"], "msg": "Extra inputs are not permitted"}]},
         "response_format"),
        (400, {"message": 'Invalid JSON payload received. Unknown name "seed": Cannot find field.'}, "seed"),
        (400, {"message": "This response_format type is unavailable now"}, "response_format"),
        (500, {"error": "create() got an unexpected keyword argument 'top_logprobs'"}, "top_logprobs"),
        (400, {"param": "temperature", "code": "unsupported_value", "message": "temperature does not support 0"},
         "temperature"),
        (400, {"message": "max_tokens is too large: 9000. This model supports at most 4096."}, None),
        (400, {"message": "Unknown error, please stop sending this"}, None),
        (400, {"message": "Invalid schema for response_format 'answer'"}, None),
        (500, None, None),
        (429, {"message": "logprobs is not supported"}, None),
    ],
)  # fmt: skip
def test_what_a_refusal_is_about(status: int, body: object, found: str | None):
    messages = ("temperature", "max_tokens", "seed", "stop", "response_format", "logprobs", "top_logprobs")

    assert find_parameter(status, body, messages) == found


WHOLE_ANSWER = b'{"choices": [{"index": 0, "finish_reason": "stop", "delta": {"content": "Yes"}}]}'


def _request(connection: socket.socket) -> None:
    """Take the whole request: what is left unread when a connection closes resets it, and the answer is lost."""
    with connection.makefile("rb") as lines:
        length = 0
        while (line := lines.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        lines.read(length)


@contextmanager
def served(
    body: bytes, forever: bytes = b"", kind: str = "application/json", encoding: str = "", status: str = "200 OK"
) -> Iterator[str]:
    """A server that sends the same bytes to everybody, and then more for ever."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n"
    head += f"Content-Encoding: {encoding}\r\n" if encoding else ""

    def serve(connection: socket.socket) -> None:
        try:
            with connection:
                _request(connection)
                connection.sendall(head.encode() + b"\r\n" + body)
                while forever and not over.wait(0.001):
                    connection.sendall(forever)
        except OSError:
            pass

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        over.set()


SENT = {
    "temperature": 0.0, "top_p": 1.0, "max_tokens": 9, "seed": 3, "stop": ["x"], "stream_options": {},
    "response_format": {}, "logprobs": True, "top_logprobs": 2,
}  # fmt: skip
LITELLM = "litellm.UnsupportedParamsError: azure does not support parameters: {}, for model=gpt. To drop these, set `litellm.drop_params=True`"  # noqa: E501


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (400, {"message": LITELLM.format("['seed', 'temperature']"), "type": None, "param": None, "code": "400"},
         "seed"),
        (400, {"message": "litellm.BadRequestError: OpenAIException - {\"error\": {\"message\": \"Unsupported "
               "parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.\"}}",
               "param": None, "code": "400"}, "max_tokens"),
        (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted",
                           "input": {"temperature": 0, "max_tokens": 9}}]}, "seed"),
        (422, {"object": "error", "message": {"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"],
               "msg": "Extra inputs are not permitted"}]}, "type": "invalid_request_error", "param": None},
         "stream_options"),
        (400, {"object": "error", "message": "[{'type': 'extra_forbidden', 'loc': ('body', 'seed'), 'msg': 'Extra "
               "inputs are not permitted', 'input': 3}]", "param": None, "code": 400}, "seed"),
        (400, {"error": {"message": "Unrecognized request argument supplied: stream_options", "param": None}},
         "stream_options"),
        (400, {"message": "Unrecognized request argument supplied: seed"}, "seed"),
        (400, {"message": "Extra parameters ['stop'] are not allowed when extra-parameters is not set."}, "stop"),
        (400, {"error": 'json: unknown field "seed"'}, "seed"),
        (422, {"error": "Failed to deserialize the JSON body: response_format: unknown variant `json_schema`"},
         "response_format"),
        (400, {"message": "Unsupported parameter: 'seed'. Supported parameters: temperature, max_tokens, top_p."},
         "seed"),
        (400, {"message": "Unknown parameter: 'seed'.", "param": "seed", "code": "unknown_parameter"}, "seed"),
        (400, [{"error": {"message": 'Invalid JSON payload received. Unknown name "logprobs": Cannot find field.'}}],
         "logprobs"),
        (400, {"message": "invalid temperature: only 1 is allowed for this model"}, "temperature"),
        (400, {"message": "`temperature` may only be set to 1 when thinking is enabled."}, "temperature"),
        (400, {"message": "temperature: `temperature` is deprecated for this model."}, "temperature"),
        (400, {"message": "property 'seed' is unsupported, did you mean 'stop'?"}, "seed"),
        (400, {"message": "Malformed input request: extraneous key [seed] is not permitted"}, "seed"),
        (422, {"error": "Input validation error: `temperature` must be strictly positive"}, "temperature=0.0"),
        (422, {"error": "Input validation error: `top_p` must be > 0.0 and < 1.0"}, "top_p=1.0"),
        (422, {"detail": [{"loc": ["body", "max_tokens"], "msg": "Input should be less than or equal to 4096"}]}, None),
        (400, {"message": "Invalid 'max_tokens': integer above maximum value. Expected a value <= 4096, got 9000.",
               "param": "max_tokens", "code": "integer_above_max_value"}, None),
        (400, {"message": "only values between 0 and 1 are allowed for temperature"}, None),
        (400, {"message": "Range of max_tokens should be [1, 2000]"}, None),
        (400, {"message": "This model does not support more than 4096 tokens, but max_tokens is 9000"}, None),
        (400, {"message": "Unknown model 'gpt-x'. Set temperature and seed as you like."}, None),
        (422, {"detail": [{"type": "missing", "loc": ["body", "messages"], "msg": "Field required",
                           "input": {"note": "unsupported", "seed": 1}}]}, None),
        (400, {"message": "The prompt is unexpected; please stop seed funding talk"}, None),
    ],
)  # fmt: skip
def test_a_refusal_in_the_form_of_any_service(status: int, body: object, found: str | None):
    assert find_parameter(status, body, SENT) == found


async def test_several_refusals_of_a_proxy_are_learnt_one_after_the_other(stub: StubEndpoint, make_models: MakeModels):
    from aiohttp import web

    async def refuse(request, body, fault=None):
        wrong = [name for name in ("seed", "temperature", "max_tokens", "stream_options") if name in body]
        error = {"message": LITELLM.format(wrong), "type": None, "param": None, "code": "400"}
        return web.json_response({"error": error}, status=400) if wrong else None

    stub._misbehave = refuse  # type: ignore[method-assign]
    models = make_models()
    async with models:
        chat = models.chat(ModelSpec(endpoint="stub"))
        completion = await chat.complete(ask(seed=4), lambda text: None)
        again = await chat.complete(ask(seed=5), lambda text: None)

    assert completion.text == again.text == "stub answer"
    assert stub.calls == 6
    assert not {"seed", "temperature", "max_tokens", "stream_options"} & set(stub.requests[-1]["body"])
    assert stub.requests[-1]["body"]["max_completion_tokens"] == 256


async def test_a_value_that_is_refused_is_left_out_and_other_values_are_sent(
    stub: StubEndpoint, make_models: MakeModels
):
    from aiohttp import web

    async def refuse(request, body, fault=None):
        if body.get("temperature") != 0:
            return None
        values = {
            "error": "Input validation error: `temperature` must be strictly positive",
            "error_type": "validation",
        }
        return web.json_response(values, status=422)

    stub._misbehave = refuse  # type: ignore[method-assign]
    async with make_models() as models:
        chat = models.chat(ModelSpec(endpoint="stub"))
        await chat.complete(ask())
        await chat.complete(ask(temperature=0.7))

    assert "temperature" not in stub.requests[1]["body"]
    assert stub.requests[2]["body"]["temperature"] == 0.7


async def test_parameters_are_renamed_and_left_out_by_hand(stub: StubEndpoint, make_models: MakeModels):
    spec = {"seed": 3, "parameters": {"seed": "random_seed"}, "reasoning_effort": "low", "extra_body": {"top_k": 4}}
    models = make_models(parameters={"max_tokens": "max_completion_tokens", "temperature": None, "seed": None})

    await complete(models, ask(**spec))

    assert {name: value for name, value in stub.requests[0]["body"].items() if name not in ("model", "messages")} == {
        "max_completion_tokens": 256, "random_seed": 3, "reasoning_effort": "low", "top_k": 4}  # fmt: skip


async def test_a_field_set_by_hand_is_not_silently_left_out(stub: StubEndpoint, make_models: MakeModels):
    stub.fault = "unsupported:seed"

    with pytest.raises(EndpointError, match="seed is not supported"):
        await complete(make_models(), ask(extra_body={"seed": 4}))


@pytest.mark.parametrize(
    "values",
    [
        {"extra_body": {"messages": []}},
        {"extra_body": {"api_key": "x"}},
        {"extra_body": {"a": float("nan")}},
        {"parameters": {"messages": None}},
        {"parameters": {"seed": "model"}},
        {"reasoning_effort": "very much"},
    ],
)
def test_what_cannot_be_said_by_hand(values: dict[str, object]):
    from pydantic import ValidationError

    with pytest.raises(ValidationError):
        ModelSpec(**values)


def test_models_that_use_no_such_fields_keep_their_fingerprint():
    assert set(ModelSpec().model_dump()) == {
        "endpoint", "name", "mode", "temperature", "top_p", "max_tokens", "seed", "stop", "adapter"}  # fmt: skip
    assert ModelSpec().fingerprint == "d8e649c2e6d93bdf"
    variant = ModelSpec(extra_body={"top_k": 4})
    assert ModelSpec.model_validate(variant.model_dump(mode="json")) == variant
    assert len({variant, ModelSpec(), ModelSpec(reasoning_effort="low")}) == 3


def test_fields_of_a_request_as_they_are_written_in_a_form():
    assert parameters_in("max_tokens = max_completion_tokens\n\nseed =") == {
        "max_tokens": "max_completion_tokens", "seed": None}  # fmt: skip
    assert parameters_in(parameter_lines({"seed": "random_seed", "temperature": None})) == {
        "seed": "random_seed", "temperature": None}  # fmt: skip
    assert extra_body_in('{"top_k": 20, "chat_template_kwargs": {"enable_thinking": false}}') == {
        "top_k": 20, "chat_template_kwargs": {"enable_thinking": False}}  # fmt: skip
    assert extra_body_in("top_k: 20\n") == {"top_k": 20}
    assert extra_body_in(" \n") == parameters_in("") == {}


@pytest.mark.parametrize(
    ("read", "text", "words"),
    [
        (parameters_in, "seed =\ncolour = red", "Parameters, line 2: write name = other name"),
        (parameters_in, "seed = messages", "Parameters: seed cannot be sent as 'messages'."),
        (extra_body_in, "{top_k: 20", "Further fields, line 1: write JSON"),
        (extra_body_in, "[1]", "Further fields: write JSON"),
        (extra_body_in, "messages: []", "Further fields: extra_body cannot hold 'messages'"),
    ],
)
def test_a_wrong_field_of_a_request_is_told(read: Callable[[str], object], text: str, words: str):
    from llmopt_core.errors import BadInput

    with pytest.raises(BadInput) as error:
        read(text)
    assert str(error.value).startswith(words)
