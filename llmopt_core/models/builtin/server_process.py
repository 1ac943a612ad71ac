"""The built-in chat model's server, run as a process of its own: nothing of ours is imported here.

Reads one JSON line of settings from standard input, prints one JSON line with its address or the reason it could not
start, and serves until standard input closes or its owner is gone, however that happened.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any, TextIO


def main() -> None:
    """Start the server, report, and wait for the owner's end."""
    # Asked at once: an owner that dies while the server starts would leave it to process 1.
    owner = os.getppid()
    # Native code logs to file descriptor 1 too; the report must stay alone on the pipe.
    report = os.fdopen(os.dup(1), "w")
    # What native code prints goes where errors go.
    os.dup2(2, 1)
    settings = json.loads(sys.stdin.readline() or "{}")
    # The owner ended before it said anything.
    if not settings:
        return
    try:
        server = start(settings)
    # Any: the owner waits for a line, and has no other way to learn the reason.
    except Exception as error:
        _tell(report, {"error": f"{type(error).__name__}: {error}"})
        os._exit(1)
    _tell(report, {"url": server.listening_address})
    threading.Thread(target=_watch, args=(owner,), daemon=True).start()
    sys.stdin.read()
    # A normal interpreter shutdown waits for native threads in mid-answer.
    os._exit(0)


def start(settings: dict[str, Any]) -> Any:
    """An xllamacpp server on a free loopback port.

    Args:
        settings: `model` (path), `slots`, `context` (tokens per slot), `threads`, `key`, `alias`, and `adapters`
            (LoRA paths; all are off until a request scales one up).
    """
    import xllamacpp

    p = xllamacpp.CommonParams()
    p.model.path = settings["model"]
    p.model_alias = {settings["alias"]}
    p.n_parallel = settings["slots"]
    # llama.cpp parts this among the slots.
    p.n_ctx = settings["context"] * settings["slots"]
    # Each slot its own part: a shared one would refuse a prompt where the others are full.
    p.kv_unified = False
    # The server's prompt cache in RAM ignores which adapter made its entries: answers would leak between adapters.
    p.cache_ram_mib = 0
    # Not `localhost`, which may be IPv6 or, by a hosts file, anything.
    p.hostnames = ["127.0.0.1"]
    # Any free one: the system chooses, so two processes never want the same.
    p.port = 0
    p.api_keys = [settings["key"]]
    p.cpuparams.n_threads = settings["threads"]
    p.cpuparams_batch.n_threads = settings["threads"]
    # Threads sleep while they wait, and leave the CPU to others.
    p.cpuparams.poll = 0
    p.cpuparams_batch.poll = 0
    # The start is shorter; the first call does the same work.
    p.warmup = False
    p.verbosity = -1
    p.ui = False
    if settings["adapters"]:
        p.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(path, 0.0) for path in settings["adapters"]]
    return xllamacpp.Server(p)


def _tell(report: TextIO, message: dict[str, str]) -> None:
    report.write(json.dumps(message) + "\n")
    report.flush()


def _watch(owner: int) -> None:
    """End when the owner is gone, even where another process holds the other end of standard input open."""
    while os.getppid() == owner:
        # How long a child may outlive its owner, against looking too often.
        time.sleep(0.5)
    os._exit(0)


if __name__ == "__main__":
    main()
