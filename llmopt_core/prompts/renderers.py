"""Child processes that render templates, kept warm and replaced when one dies of a template."""

from __future__ import annotations

import atexit
import json
import os
import queue
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from llmopt_core.errors import LlmOptError
from llmopt_core.prompts.sandbox import TemplateRefusal

SCRIPT = Path(__file__).with_name("sandbox.py")
# What Python itself may need to start; nothing that could hold a secret.
_INHERITED_VARIABLES = ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class Renderer:
    """One child process. Used by one thread at a time."""

    def __init__(self) -> None:
        environ = {name: os.environ[name] for name in _INHERITED_VARIABLES if name in os.environ}
        # -P: the script's own folder must not stand in front of the standard library.
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # A template that fails prints a trace; the reply says what is wrong, and a full pipe would stop the child.
            stderr=subprocess.DEVNULL,
            env=environ | {"PYTHONIOENCODING": "utf-8"},
            encoding="utf-8",
        )
        # Read once at the start: what comes later is then an answer to a request, or a death.
        if self._read() != "ready\n":
            self.close()
            raise LlmOptError("The process that renders templates did not start; check that jinja2 is installed.")

    def _read(self) -> str:
        assert self.process.stdout is not None  # noqa: S101
        return self.process.stdout.readline()

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        """The child's reply, or None when it died on the request."""
        assert self.process.stdin is not None  # noqa: S101
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        # It has ended while it waited.
        except BrokenPipeError:
            return None
        line = self._read()
        # A line without its end is what the child had written when it was stopped.
        return json.loads(line) if line.endswith("\n") else None

    def close(self) -> int:
        """End the child; its exit code, negative for the signal it died of."""
        # It holds nothing to be saved, and may be busy.
        self.process.kill()
        code = self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        return code


# Last in, first out: few are kept busy, and their caches of compiled templates stay warm.
_idle: queue.LifoQueue[Renderer] = queue.LifoQueue()


def _take() -> Renderer:
    while True:
        try:
            renderer = _idle.get_nowait()
        except queue.Empty:
            return Renderer()
        if renderer.process.poll() is None:
            return renderer
        renderer.close()


def render_in_child(template: str, variables: Mapping[str, Any], max_chars: int, seconds: float) -> str:
    """Render in a child process.

    Raises:
        TemplateRefusal: The template failed, or took more CPU time (kind `time`), memory or characters than allowed.
    """
    renderer = _take()
    request = {"template": template, "variables": variables, "max_chars": max_chars, "seconds": seconds}
    reply = renderer.ask(request)
    if reply is None:
        # The signal of its timer; any other death is one for want of memory.
        out_of_time = renderer.close() == -signal.SIGPROF
        raise TemplateRefusal(*_DEATH_REASONS[out_of_time])
    # Its memory has grown to the limit and does not come back.
    if reply.get("kind") == "size":
        renderer.close()
    else:
        _idle.put(renderer)
    if "text" in reply:
        return str(reply["text"])
    raise TemplateRefusal(reply["kind"], reply["message"], reply["line"])


_DEATH_REASONS = {
    True: ("time", "takes too long; look for a loop over too many items"),
    False: ("size", "needs more memory than a prompt may take"),
}


@atexit.register
def close_renderers() -> None:
    """End the idle children; the next template starts a new one."""
    with suppress(queue.Empty):
        while True:
            _idle.get_nowait().close()


def _forget() -> None:
    """In a forked process: the children belong to the parent."""
    # A new queue, since one pipe must not be asked by two processes, and a lock held at the fork is never released.
    global _idle  # noqa: PLW0603
    _idle = queue.LifoQueue()


# Windows has no fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
