"""The built-in chat model's server: one child process per set of weights, shared by all of this process.

It starts at first use and ends with its owner, however that ends. A crashed server is started again by the next call.
"""

from __future__ import annotations

import atexit
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from llmopt_core.errors import EndpointError, MissingDependency
from llmopt_core.models.builtin import server_process as builtin_child
from llmopt_core.models.builtin.files import ADAPTER_ENCODING, adapters, chat_file
from llmopt_core.models.gguf_metadata import read_metadata
from llmopt_core.settings import Settings

ALIAS = "SmolLM2-135M-Instruct"
# Requests that llama.cpp decodes together; more share the same context and cores.
SLOTS = 4

# OpenMP's threads wait for each other some hundred times per token, spinning for milliseconds before they sleep. Where
# another program wants the CPU, that makes answers ten times slower; after this many turns they sleep instead.
_PATIENCE = {"GOMP_SPINCOUNT": "1000"}

# Tokens per slot. SmolLM2-135M reads twice as many, at twice the memory, and long prompts are slow on a CPU.
_CONTEXT = 4096
# Most memory that the context of a model may take on a laptop.
_CONTEXT_BYTES = 2**30
# Larger models, named by path, load slowly from a slow disk.
_START_SECONDS = 120.0
# One crash may be chance; three within a minute mean that it would go on for ever.
_CRASHES_AT_MOST, _CRASH_WINDOW = 2, 60.0


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A running server. The key stays out of its repr.

    Attributes:
        url: Address without `/v1`.
        adapters: Adapter names in the order of their numbers at the server.
    """

    url: str
    key: str = field(repr=False)
    process: subprocess.Popen[str] = field(repr=False)
    adapters: tuple[str, ...] = ()

    @property
    def alive(self) -> bool:
        """Whether the child process runs."""
        return self.process.poll() is None


def serve(settings: Settings, with_adapters: bool = False) -> RunningServer:
    """The running server for the base model, or for the base model with all adapters of the workspace.

    Starts it where it does not run; blocks while it starts (about half a second, some more at the very first time).

    Raises:
        EndpointError: It does not start, or keeps crashing.
        MissingDependency: xllamacpp or the model's package is not installed.
    """
    return _host(settings, with_adapters).serve()


def close_builtin() -> None:
    """Stop every built-in server of this process. The next call starts them again."""
    with _hosts_lock:
        for host in _hosts.values():
            host.close()
        _hosts.clear()


class _Host:
    """Keeps one server running."""

    def __init__(self, settings: Settings, with_adapters: bool) -> None:
        self._settings = settings
        self._with_adapters = with_adapters
        self._lock = threading.Lock()
        self._server: RunningServer | None = None
        self._versions: object = None
        self._crashes: list[float] = []
        self._ending = ""

    def serve(self) -> RunningServer:
        with self._lock:
            files = adapters(self._settings) if self._with_adapters else {}
            # An adapter trained anew has the same name: the server would go on with the old weights.
            versions = [(name, path.stat().st_mtime_ns, path.stat().st_size) for name, path in files.items()]
            if self._server is not None and self._server.alive and self._versions == versions:
                return self._server
            # Before it is stopped: afterwards nobody could tell a crash from an end of ours.
            self._count_crash()
            self._stop()
            self._check_crashes()
            self._server = _start(self._settings, files)
            self._versions = versions
            return self._server

    def close(self) -> None:
        with self._lock:
            self._stop()

    def _stop(self) -> None:
        if self._server is not None:
            _stop(self._server.process)
            self._server = None

    def _count_crash(self) -> None:
        # First start, or ended by us for other adapters.
        if self._server is None or self._server.alive:
            return
        self._crashes.append(time.monotonic())
        self._ending = _ending(self._server.process)

    def _check_crashes(self) -> None:
        now = time.monotonic()
        self._crashes = [when for when in self._crashes if now - when < _CRASH_WINDOW]
        if len(self._crashes) > _CRASHES_AT_MOST:
            raise EndpointError(
                f"The built-in model's server stopped {len(self._crashes)} times within a minute "
                f"({self._ending}); check memory, or name another model in LLMOPT_BUILTIN_GGUF."
            )


_hosts: dict[tuple[Any, ...], _Host] = {}
_hosts_lock = threading.Lock()
# The child ends with our end of its pipe anyway; this waits for it and leaves no zombie.
atexit.register(close_builtin)


def _host(settings: Settings, with_adapters: bool) -> _Host:
    # Whatever decides which file is loaded and how. With and without adapters are two servers: the exact base is
    # slower.
    key = (settings.home, settings.builtin_gguf, settings.threads, with_adapters)
    with _hosts_lock:
        return _hosts.setdefault(key, _Host(settings, with_adapters))


def _start(settings: Settings, adapters: dict[str, Path]) -> RunningServer:
    file = chat_file(settings, ADAPTER_ENCODING) if adapters else chat_file(settings)
    slots, context = _room(file.path)
    # Any program and web page of this machine can reach a port of it.
    key = secrets.token_urlsafe(24)
    child_settings = {
        "model": str(file.path),
        "slots": slots,
        "context": context,
        "threads": settings.threads,
        "key": key,
        "alias": ALIAS,
        "adapters": [str(path) for path in adapters.values()],
    }
    # A file and no pipe: nobody reads it while the server runs, and a full pipe would stop the server.
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        process = _spawn(child_settings, log)
        answer = _first_line(process)
        if "url" not in answer:
            _stop(process)
            raise _start_error(file.path, answer, process, log)
    return RunningServer(answer["url"], key, process, tuple(adapters))


def _spawn(child_settings: dict[str, Any], log: IO[str]) -> subprocess.Popen[str]:
    # -P keeps this folder, with its modules' common names, off the child's path. The key goes through the pipe since
    # every user of the machine can read a command line.
    process = subprocess.Popen(
        [sys.executable, "-P", builtin_child.__file__],
        # What the user has set wins.
        env={**_PATIENCE, **os.environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    try:
        assert process.stdin is not None  # noqa: S101
        process.stdin.write(json.dumps(child_settings) + "\n")
        process.stdin.flush()
    except OSError:
        _stop(process)
    return process


def _first_line(process: subprocess.Popen[str]) -> dict[str, str]:
    lines: list[str] = []

    def read() -> None:
        assert process.stdout is not None  # noqa: S101
        lines.append(process.stdout.readline())

    # A thread, as reading a pipe has no time limit on every system.
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(_START_SECONDS)
    try:
        answer = json.loads(lines[0]) if lines else {}
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _start_error(path: Path, answer: dict[str, str], process: subprocess.Popen[str], log: IO[str]) -> Exception:
    reason = answer.get("error") or _ending(process)
    # The child imports the package, so its absence comes as words.
    if "ModuleNotFoundError" in reason or "ImportError" in reason:
        return MissingDependency(
            f"The built-in model needs llama.cpp ({reason}); install it with: pip install xllamacpp"
        )
    log.seek(0)
    # The end of the log: llama.cpp says last what it failed at.
    last = " ".join(log.read()[-300:].split())
    return EndpointError(
        f"The built-in model's server did not start with {path.name} ({reason}){': ' + last if last else ''}; "
        f"see 'llmopt doctor'.",
        "unreachable",
    )


def _ending(process: subprocess.Popen[str]) -> str:
    code = process.poll()
    if code is None:
        return "it gave no sign of life"
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    # An illegal instruction: the wheel was built for a newer CPU, which the bare name of the signal tells nobody.
    return f"{name}: this CPU lacks an instruction the wheel was built for" if name == "SIGILL" else name


def _stop(process: subprocess.Popen[str]) -> None:
    """Closing its standard input ends the child; one that does not listen is killed."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    try:
        # Seconds, for an answer that is under way to let go; then it is killed, as it keeps nothing.
        process.wait(3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _room(path: Path) -> tuple[int, int]:
    """Slots and tokens per slot: 4 x 4,096 for the shipped model, fewer where the cache would pass a gigabyte."""
    fields = read_metadata(path)
    # Metadata is named by architecture: `llama.block_count`.
    prefix = fields.get("general.architecture", "llama")

    def number(name: str, default: int) -> int:
        value = fields.get(f"{prefix}.{name}", default)
        # Some models have another number in each layer: the largest is on the safe side.
        return max(int(max(value) if isinstance(value, list) else value), 1)

    heads = number("attention.head_count", 1)
    width = number("attention.key_length", number("embedding_length", 4096) // heads)
    # Keys and values (2), 16 bits each (2 bytes), for every layer and head.
    per_token = number("block_count", 32) * number("attention.head_count_kv", heads) * width * 2 * 2
    context = min(number("context_length", _CONTEXT), _CONTEXT)
    # At least one slot: a model that is too large is for its owner to judge.
    return min(max(_CONTEXT_BYTES // (per_token * context), 1), SLOTS), context
