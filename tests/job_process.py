"""A process that does the jobs of a workspace with scripted models, and dies in the middle of the call it is told.

    python -m tests.job_process HOME DIE_AT [embedder]      (0: it lives until nothing is left to do)

Each call of the chat model adds a line to HOME/calls.txt: what tells its request from others, and its last line. Each
call of an embedding model, one that was fine-tuned too, adds one to HOME/embedded.txt: a list of model and text. With
`embedder` it dies in such a call.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from llmopt_core.experiments import pilot
from llmopt_core.jobs.queue import JobRunner
from llmopt_core.labs.job_kinds import job_kinds
from llmopt_core.models.base import BUILTIN_EMBEDDING, ChatRequest, Completion, Vectors
from llmopt_core.models.calls.cache import request_values
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import HashEmbedder, ScriptedChat
from llmopt_core.runs.store import Store
from llmopt_core.types import fingerprint
from tests.engine_lab import Lab, reply


def do_jobs(home: Path, die_at: int = 0, die_in: str = "chat") -> int:
    """Let such a process run; gives its exit code, 9 where it died."""
    command = [sys.executable, "-m", "tests.job_process", str(home), str(die_at), die_in]
    return subprocess.run(command, check=False, timeout=120).returncode


def calls_of(home: Path) -> list[str]:
    """The last line of the prompt of each call of all such processes."""
    return [line.partition(" ")[2] for line in _logged(home, "calls.txt")]


def requests_of(home: Path) -> list[str]:
    """A fingerprint of each request of all such processes: the same for what one call can answer."""
    return [line.partition(" ")[0] for line in _logged(home, "calls.txt")]


def embeddings_of(home: Path) -> list[list[str]]:
    """Model and text of all that such processes have embedded, by call, those in which they died too."""
    return [json.loads(line) for line in _logged(home, "embedded.txt")]


def _logged(home: Path, name: str) -> list[str]:
    log = home / name
    return log.read_text().splitlines() if log.exists() else []


class MortalChat(ScriptedChat):
    """Dies with its process in the middle of a call, once the calls before it are kept.

    A real call takes longer than it takes to keep the one before it; a scripted one does not.
    """

    def __init__(self, say: Callable[[ChatRequest], str], die_at: int, store: Store) -> None:
        super().__init__(say, cost_usd=0.01)
        self._die_at = die_at
        self._store = store

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> Completion:
        """See `ScriptedChat`."""
        number = len(self.requests) + 1
        completion = await super().complete(request, on_text)
        if number == self._die_at:
            ends = time.monotonic() + 30
            while not self._others_are_kept() and time.monotonic() < ends:  # noqa: ASYNC110 another thread keeps them
                await asyncio.sleep(0.01)
            os._exit(9)
        return completion

    def _others_are_kept(self) -> bool:
        with self._store.database.read() as connection:
            calls = connection.exec_driver_sql("SELECT count(*) FROM cache WHERE stage = 'call'").scalar_one()
        others = len(self.requests) - 1
        runs = self._store.runs()
        return calls >= others and (not runs or sum(run.usage.calls for run in runs) >= others)


class MortalEmbedder(HashEmbedder):
    """Dies with its process in the middle of a call; calls of all of these are counted together."""

    calls = 0

    def __init__(self, home: Path, die_at: int, dimension: int = 64) -> None:
        super().__init__(dimension)
        self._home, self._die_at = home, die_at

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See `HashEmbedder`."""
        MortalEmbedder.calls += 1
        with (self._home / "embedded.txt").open("a") as log:
            log.write(json.dumps([f"{self.name} {text}" for text in texts]) + "\n")
        if MortalEmbedder.calls == self._die_at:
            os._exit(9)
        return super().encode(texts)


def _serve(home: Path, die_at: int, die_in: str = "chat") -> None:
    # A pilot that a busy machine makes slow would stop before the call in which the process shall die.
    pilot._MOST_SECONDS = 600.0
    lab = Lab(home)
    die_in_chat, die_in_embedder = (die_at, 0) if die_in == "chat" else (0, die_at)

    def say(request: ChatRequest) -> str:
        with (home / "calls.txt").open("a") as log:
            log.write(f"{fingerprint(request_values(request))} {request.messages[-1].content.splitlines()[-1]}\n")
        return reply(request)

    def plug_in(models: Models) -> None:
        models.register("scripted", MortalChat(say, die_in_chat, lab.store))
        models.register_embedder(BUILTIN_EMBEDDING, MortalEmbedder(home, die_in_embedder))
        for tuned in (home / "embeddings").glob("*"):
            models.register_embedder(str(tuned), MortalEmbedder(home, die_in_embedder, 32))

    runner = JobRunner(lab.store, lab.settings, job_kinds(), environ={}, plug_ins=plug_in)
    runner.start()
    while lab.store.jobs(active=True):
        time.sleep(0.1)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
