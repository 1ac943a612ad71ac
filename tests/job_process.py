"""A process that does the jobs of a workspace with scripted models, and dies in the middle of the call it is told.

    python -m tests.job_process HOME DIE_AT      (0: it lives until nothing is left to do)

Each call of the chat model adds its last line to HOME/calls.txt.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from llmopt_core.experiments import estimate
from llmopt_core.jobs.queue import JobRunner
from llmopt_core.labs.job_kinds import job_kinds
from llmopt_core.models.base import BUILTIN_EMBEDDING, ChatRequest, Completion
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.runs.store import Store
from tests.engine_lab import Lab, reply


def do_jobs(home: Path, die_at: int = 0) -> int:
    """Let such a process run; gives its exit code, 9 where it died."""
    command = [sys.executable, "-m", "tests.job_process", str(home), str(die_at)]
    return subprocess.run(command, check=False, timeout=120).returncode


def calls_of(home: Path) -> list[str]:
    """The last line of the prompt of each call of all such processes."""
    log = home / "calls.txt"
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


def _serve(home: Path, die_at: int) -> None:
    # A pilot that a busy machine makes slow would stop before the call in which the process shall die.
    estimate._MOST_SECONDS = 600.0
    lab = Lab(home)

    def say(request: ChatRequest) -> str:
        with (home / "calls.txt").open("a") as log:
            log.write(request.messages[-1].content.splitlines()[-1] + "\n")
        return reply(request)

    def plug_in(models: Models) -> None:
        models.register("scripted", MortalChat(say, die_at, lab.store))
        models.register_embedder(BUILTIN_EMBEDDING, lab.embedder)

    runner = JobRunner(lab.store, lab.settings, job_kinds(), environ={}, plug_ins=plug_in)
    runner.start()
    while lab.store.jobs(active=True):
        time.sleep(0.1)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), int(sys.argv[2]))
