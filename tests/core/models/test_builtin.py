"""The built-in chat model, for real: its files, its server in a child process, its adapters."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from llmopt_core.cache import MemoryCache
from llmopt_core.errors import BadInput, EndpointError
from llmopt_core.models import weight_packages
from llmopt_core.models.base import ChatRequest, Completion, ModelSpec
from llmopt_core.models.builtin import files as builtin_files
from llmopt_core.models.builtin.files import adapters, chat_file
from llmopt_core.models.builtin.server import close_builtin, serve
from llmopt_core.models.gguf_metadata import read_metadata
from llmopt_core.models.probe import check_endpoint
from llmopt_core.models.registry import Models
from llmopt_core.models.tokenizers import tokenizer
from llmopt_core.settings import Settings
from llmopt_core.types import Message

ROOT = Path(__file__).resolve().parents[3]
FEW_SHOT = "Question: What is the capital of Italy?\nAnswer: Rome\n\nQuestion: What is the capital of France?\nAnswer:"


def question(text: str = FEW_SHOT, **model: object) -> ChatRequest:
    return ChatRequest((Message("user", text),), ModelSpec(**{"max_tokens": 8, "stop": ("\n",), **model}))


async def complete(settings: Settings, request: ChatRequest, on_text=None, cache=None) -> Completion:
    async with Models(settings, cache, {}) as models:
        return await models.chat(request.model).complete(request, on_text)


async def test_it_answers_in_completion_mode_by_default(builtin_settings: Settings):
    completion = await complete(builtin_settings, question())

    assert completion.text.strip() == "Paris"
    assert completion.usage.cost_usd == 0.0
    assert completion.usage.calls == 1
    assert completion.usage.prompt_tokens == tokenizer("builtin-chat").count(FEW_SHOT)


async def test_it_chats_and_streams_with_log_probabilities(builtin_settings: Settings):
    events: list[str] = []
    request = question("Tell me a story.", mode="chat", stop=())
    completion = await complete(
        builtin_settings, ChatRequest(request.messages, request.model, top_logprobs=2), events.append
    )

    assert "".join(events) == completion.text
    assert len(events) > 3
    assert completion.usage.completion_tokens == len(completion.logprobs) == 8
    assert completion.finish_reason == "length"


@pytest.mark.parametrize("mode", ["chat", "completion"])
async def test_json_answers_can_be_demanded(builtin_settings: Settings, mode: str):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    target = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    request = question("A number as JSON:", mode=mode, max_tokens=40, stop=())

    completion = await complete(builtin_settings, ChatRequest(request.messages, request.model, response_format=target))

    assert "".join(completion.text.split()).startswith('{"n":')


async def test_a_prompt_longer_than_its_context_is_refused_in_words(builtin_settings: Settings):
    with pytest.raises(EndpointError, match="exceeds the available context size") as error:
        await complete(builtin_settings, question("word " * 6000))

    assert error.value.kind == "bad-request"


def test_threads_with_their_own_loops_share_one_server(builtin_settings: Settings):
    texts: list[str] = []

    def work() -> None:
        texts.append(asyncio.run(complete(builtin_settings, question())).text.strip())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert texts == ["Paris"] * 4
    assert len({serve(builtin_settings).process.pid for _ in range(2)}) == 1


async def test_the_server_wants_its_random_key(builtin_settings: Settings):
    served = serve(builtin_settings)
    from llmopt_core.models.endpoints import Endpoint

    report = await check_endpoint(Endpoint(name="thief", base_url=f"{served.url}/v1", mode="completion"), "guess")
    call = Models(builtin_settings, None, {"thief": Endpoint(name="thief", base_url=f"{served.url}/v1")})
    with pytest.raises(EndpointError) as error:
        async with call as models:
            await models.chat(ModelSpec(endpoint="thief")).complete(question(endpoint="thief", name="x"))

    assert error.value.kind == "unauthorized"
    assert served.url.startswith("http://127.0.0.1:")
    assert served.key not in repr(served) + report.message
    assert served.key not in " ".join(psutil.Process(served.process.pid).cmdline())


async def test_the_settings_page_can_try_it(builtin_settings: Settings):
    from llmopt_core.models.endpoints import builtin_endpoint

    report = await check_endpoint(builtin_endpoint(), "", builtin_settings)

    assert report.ok
    assert report.models == ("SmolLM2-135M-Instruct",)


async def test_a_crash_between_calls_goes_unnoticed(builtin_settings: Settings):
    before = serve(builtin_settings)
    before.process.send_signal(signal.SIGKILL)
    before.process.wait()

    assert (await complete(builtin_settings, question())).text.strip() == "Paris"
    assert serve(builtin_settings).process.pid != before.process.pid


async def test_a_crash_in_mid_answer_is_repaired_once(builtin_settings: Settings):
    close_builtin()
    served = serve(builtin_settings)
    long = question("Once upon a time", max_tokens=120, stop=())
    call = asyncio.create_task(complete(builtin_settings, long))
    await asyncio.sleep(0.5)
    served.process.kill()

    assert (await call).usage.completion_tokens > 20


async def test_a_crash_in_mid_stream_is_told(builtin_settings: Settings):
    close_builtin()
    served = serve(builtin_settings)

    def kill(_text: str) -> None:
        served.process.kill()

    with pytest.raises(EndpointError, match="stopped in the middle of an answer") as error:
        await complete(builtin_settings, question("Once upon a time", max_tokens=120, stop=()), kill)

    assert error.value.kind == "truncated"


def test_a_server_that_keeps_crashing_is_given_up_until_a_minute_is_over(
    builtin_settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    close_builtin()

    def crash() -> None:
        process = serve(builtin_settings).process
        process.kill()
        process.wait()

    for _ in range(3):
        crash()
    # Each crash counts once, however often somebody asks.
    for _ in range(2):
        with pytest.raises(EndpointError, match=r"stopped 3 times within a minute \(SIGKILL"):
            serve(builtin_settings)
    now = time.monotonic()
    monkeypatch.setattr("llmopt_core.models.builtin.server.time", SimpleNamespace(monotonic=lambda: now + 61))
    assert serve(builtin_settings).alive
    close_builtin()


OWNER = """
import sys, time
from pathlib import Path
from llmopt_core.models.builtin.server import serve
from llmopt_core.settings import Settings
print(serve(Settings(home=Path(sys.argv[1]), threads=1)).process.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_server_dies_with_its_owner(builtin_settings: Settings, how: signal.Signals):
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(builtin_settings.home)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    server = psutil.Process(int(owner.stdout.readline()))
    assert server.is_running()

    owner.send_signal(how)
    owner.wait()
    owner.stdout.close()

    gone, _ = psutil.wait_procs([server], timeout=20)
    assert gone


def test_closing_stops_the_server(builtin_settings: Settings):
    process = serve(builtin_settings).process

    close_builtin()

    assert process.poll() is not None


# -- files


def test_the_weights_are_reencoded_once_by_however_many_ask(tmp_path: Path):
    code = (
        "import sys; from pathlib import Path; from llmopt_core.settings import Settings;"
        "from llmopt_core.models.builtin.files import chat_file;"
        "print(chat_file(Settings(home=Path(sys.argv[1]))).path)"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    values = {process.communicate()[0].strip() for process in processes}

    (path,) = (Path(text) for text in values)
    assert path.parent == tmp_path / "models"
    assert path.name.endswith("Q8_0.gguf")
    assert [p.name for p in path.parent.iterdir() if not p.name.endswith(".lock")] == [path.name]
    new, old = read_metadata(path), read_metadata(weight_packages.chat_gguf())
    assert new.pop("general.file_type") == 7
    old.pop("general.file_type")
    assert new == old


def test_a_full_disk_leaves_the_shipped_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Full:
        f_bavail, f_frsize = 100, 4096

    monkeypatch.setattr(builtin_files.os, "statvfs", lambda _path: Full)

    file = chat_file(Settings(home=tmp_path))

    assert file.path == weight_packages.chat_gguf()
    assert file.identity.endswith("shipped")


def test_a_disk_that_fills_up_on_the_way_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # The re-encoding process fails as it would on a full disk.
    monkeypatch.setattr(builtin_files.gguf_rewrite, "__file__", str(tmp_path / "no-such-program.py"))

    assert chat_file(Settings(home=tmp_path)).path == weight_packages.chat_gguf()
    assert [p.name for p in (tmp_path / "models").iterdir() if p.suffix != ".lock"] == []


def test_a_folder_that_cannot_be_written_leaves_the_shipped_weights(tmp_path: Path):
    (tmp_path / "models").write_text("in the way")

    assert chat_file(Settings(home=tmp_path)).path == weight_packages.chat_gguf()


def test_ones_own_gguf_takes_the_place(tmp_path: Path):
    mine = tmp_path / "mine.gguf"
    mine.symlink_to(weight_packages.chat_gguf())
    settings = Settings(home=tmp_path, builtin_gguf=mine, threads=1)

    assert chat_file(settings).path == mine
    assert chat_file(settings).identity != chat_file(Settings(home=tmp_path / "other")).identity
    assert asyncio.run(complete(settings, question())).text.strip() == "Paris"
    close_builtin()


def test_a_gguf_that_is_not_there(tmp_path: Path):
    with pytest.raises(BadInput, match=r"LLMOPT_BUILTIN_GGUF: there is no file .*absent\.gguf"):
        chat_file(Settings(home=tmp_path, builtin_gguf=tmp_path / "absent.gguf"))


@pytest.mark.parametrize("content", [b"", b"not a model at all", b"GGUF\x03\x00\x00\x00" + b"\xff" * 40])
def test_a_gguf_that_is_none(tmp_path: Path, content: bytes):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(content)

    with pytest.raises(BadInput, match=r"broken\.gguf: this is not a whole GGUF model file"):
        serve(Settings(home=tmp_path, builtin_gguf=broken))


def test_a_gguf_cut_off_after_its_header_does_not_start(tmp_path: Path):
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(weight_packages.chat_gguf().read_bytes()[:5_000_000])

    with pytest.raises(EndpointError, match=r"did not start with cut\.gguf") as error:
        serve(Settings(home=tmp_path, builtin_gguf=cut))

    assert error.value.kind == "unreachable"


# -- adapters


def write_adapter(path: Path, seed: int) -> None:
    """A LoRA adapter of random weights, strong enough to change every answer."""
    from gguf import GGUFWriter

    random = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = GGUFWriter(path, "llama")
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 8.0)
    for block in range(0, 30, 3):
        name = f"blk.{block}.attn_output.weight"
        writer.add_tensor(f"{name}.lora_a", random.standard_normal((4, 576)).astype(np.float32))
        writer.add_tensor(f"{name}.lora_b", random.standard_normal((576, 4)).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture
def with_adapters(builtin_settings: Settings) -> Settings:
    folder = builtin_settings.home / "adapters"
    write_adapter(folder / "one.gguf", 1)
    write_adapter(folder / "two.gguf", 2)
    return builtin_settings


async def test_adapters_answer_each_their_own_way_beside_the_base_model(with_adapters: Settings):
    async def text(adapter: str) -> str:
        return (await complete(with_adapters, question(adapter=adapter, max_tokens=12, stop=()))).text

    first = {name: await text(name) for name in ("", "one", "two")}
    again = {name: await text(name) for name in ("two", "", "one")}

    assert first == again
    assert len(set(first.values())) == 3
    assert first[""].strip().startswith("Paris")
    assert list(adapters(with_adapters)) == ["one", "two"]


async def test_a_retrained_adapter_is_served_and_not_taken_from_the_cache(with_adapters: Settings):
    cache = MemoryCache()
    request = question(adapter="one", max_tokens=12, stop=())
    before = await complete(with_adapters, request, cache=cache)
    kept = await complete(with_adapters, request, cache=cache)
    write_adapter(with_adapters.home / "adapters" / "one.gguf", 3)
    after = await complete(with_adapters, request, cache=cache)

    assert kept.usage.cached_calls == 1
    assert after.usage.calls == 1
    assert after.text != before.text


async def test_an_unknown_adapter_names_those_there_are(with_adapters: Settings):
    with pytest.raises(EndpointError, match=r"no adapter named 'three' .*\(there: one, two\)") as error:
        await complete(with_adapters, question(adapter="three"))

    assert error.value.kind == "not-found"


async def test_an_unchanged_call_needs_no_server(builtin_settings: Settings):
    cache = MemoryCache()
    await complete(builtin_settings, question(), cache=cache)
    close_builtin()

    again = await complete(builtin_settings, question(), cache=cache)

    assert again.usage.cached_calls == 1
    from llmopt_core.models.builtin import server as builtin_server

    assert not builtin_server._hosts


# -- likelihood


async def test_a_likely_text_is_more_likely_than_another(builtin_settings: Settings):
    prompt = "Passage: The Eiffel Tower was completed on 31 March 1889.\nQuestion answered by this passage:"
    async with Models(builtin_settings, MemoryCache(), {}) as models:
        model = models.likelihood(ModelSpec())
        right = await model.likelihood(prompt, " When was the Eiffel Tower completed?")
        wrong = await model.likelihood(prompt, " Who won the war of the two islands?")
        again = await model.likelihood(prompt, " When was the Eiffel Tower completed?")

    assert wrong.mean < right.mean < 0
    assert right.tokens == tokenizer("builtin-chat").count(" When was the Eiffel Tower completed?")
    assert (again.mean, again.usage.cached_calls) == (right.mean, 1)


async def test_the_likelihood_is_that_of_the_models_own_probabilities(builtin_settings: Settings):
    """Against the probabilities the model gives its own greedy answer."""
    request = question(FEW_SHOT, max_tokens=2, stop=())
    async with Models(builtin_settings, None, {}) as models:
        text = await models.chat(ModelSpec()).complete(ChatRequest(request.messages, request.model, top_logprobs=1))
        likelihood = await models.likelihood(ModelSpec()).likelihood(FEW_SHOT, text.text)

    expected = np.mean([max(token.values()) for token in text.logprobs])
    assert likelihood.mean == pytest.approx(expected, abs=0.02)


async def test_the_likelihood_of_nothing_is_refused(builtin_settings: Settings):
    async with Models(builtin_settings, None, {}) as models:
        with pytest.raises(EndpointError, match="empty text"):
            await models.likelihood(ModelSpec()).likelihood("x", "")


def test_the_tokenizer_is_the_servers(builtin_settings: Settings):
    import json
    import urllib.request

    served = serve(builtin_settings)
    for text in ("hello world", "Hi 3.14 \U0001f600 x\n\n  y", "\u4f60\u597d caf\u00e9 1234567", "a\tb  c \n d"):
        request = urllib.request.Request(
            f"{served.url}/tokenize",
            json.dumps({"content": text}).encode(),
            {"Authorization": f"Bearer {served.key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            assert tokenizer("builtin-chat").count(text) == len(json.load(answer)["tokens"])


def test_importing_the_registry_loads_no_heavy_package():
    heavy = ("torch", "openai", "transformers", "sentence_transformers", "xllamacpp", "gguf")
    code = f"import sys, llmopt_core.models.registry; print([m for m in {heavy} if m in sys.modules])"
    text = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert text.strip() == "[]"
