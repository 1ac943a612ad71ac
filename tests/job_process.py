"""A process that does the jobs of a workspace with scripted models, and dies in the middle of the call it is told.

    python -m tests.job_process HOME DIE_AT      (0: it lives until nothing is left to do)

Each call of the chat model adds its last line to HOME/calls.txt.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from llmopt_core.jobs.queue import JobRunner
from llmopt_core.labs.job_kinds import job_kinds
from llmopt_core.models.base import BUILTIN_EMBEDDING, ChatRequest
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import ScriptedChat
from tests.engine_lab import Lab, reply


def do_jobs(home: Path, die_at: int = 0) -> int:
    """Let such a process run; gives its exit code, 9 where it died."""
    command = [sys.executable, "-m", "tests.job_process", str(home), str(die_at)]
    return subprocess.run(command, check=False, timeout=120).returncode


def calls_of(home: Path) -> list[str]:
    """The last line of the prompt of each call of all such processes."""
    log = home / "calls.txt"
    return log.read_text().splitlines() if log.exists() else []


def _serve(home: Path, die_at: int) -> None:
    lab = Lab(home)

    def say(request: ChatRequest) -> str:
        with (home / "calls.txt").open("a") as log:
            log.write(request.messages[-1].content.splitlines()[-1] + "\n")
        if len(calls_of(home)) == die_at:
            os._exit(9)
        return reply(request)

    def plug_in(models: Models) -> None:
        models.register("scripted", ScriptedChat(say, cost_usd=0.01))
        models.register_embedder(BUILTIN_EMBEDDING, lab.embedder)

    runner = JobRunner(lab.store, lab.settings, job_kinds(), environ={}, plug_ins=plug_in)
    runner.start()
    while lab.store.jobs(active=True):
        time.sleep(0.1)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), int(sys.argv[2]))
