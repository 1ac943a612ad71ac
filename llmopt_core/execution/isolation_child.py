"""The child process of `isolation`: reads pickled calls from standard input, writes pickled replies to standard output.

It holds its limits itself and ends with its owner, however that ends: even where native code keeps it busy, and where
the owner was killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import resource
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from llmopt_core.errors import LlmOptError

# A warm child saves its start for the next file, and holds memory while it waits.
_IDLE_SECONDS = 300.0
_STDIN, _STDOUT, _STDERR = 0, 1, 2


def main() -> None:
    """Answer until the owner is gone, or asks nothing for some minutes."""
    # Libraries may print; the replies must stay alone on the pipe.
    replies = Connection(os.dup(_STDOUT), readable=False)
    os.dup2(_STDERR, _STDOUT)
    requests = Connection(_STDIN, writable=False)
    # Ctrl+C in a terminal reaches every process of it: the owner ends this one when it is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()
    _be_the_first_to_go()
    while requests.poll(_IDLE_SECONDS):
        try:
            request = requests.recv_bytes()
        except EOFError:
            break
        # Before the work: from here on the owner knows that a warm child is no dead one, and that a death is the file's
        # fault.
        replies.send(("taken", None))
        replies.send_bytes(_answer(request, requests, replies))
    # A normal shutdown of the interpreter may wait for native threads.
    os._exit(0)


def _answer(request: bytes, requests: Connection, replies: Connection) -> bytes:
    """The pickled reply to a pickled request."""
    # Only the owner writes to this pipe; what is foreign lies within the arguments as bytes or text.
    function, arguments, (memory, cpu) = pickle.loads(request)  # noqa: S301

    def tell(count: int, total: int, what: str) -> None:
        replies.send(("part", (count, total, what)))

    reply: tuple[str, Any]
    try:
        with _limits(memory, cpu), _end_with_owner(requests):
            reply = ("done", function(*arguments, tell))
    # `SystemExit` of a library, too: this process is to answer, whatever happens.
    except BaseException as error:
        reply = _reply_to(error, memory)
    try:
        return pickle.dumps(reply, pickle.HIGHEST_PROTOCOL)
    # The result itself is too large: limits are off by now, so this is the machine's own end of memory.
    except MemoryError:
        return pickle.dumps(("stopped", ("memory", f"{memory // 1_000_000:,} MB")))


def _reply_to(error: BaseException, memory: int) -> tuple[str, Any]:
    chain: list[BaseException] = []
    at: BaseException | None = error
    # Chains can be circles.
    while at is not None and at not in chain:
        chain.append(at)
        at = at.__cause__ or at.__context__
    # Readers take any error of a library for a damaged file.
    # Anywhere in the chain: a reader that ran out of memory calls the file damaged.
    if any(isinstance(one, MemoryError) for one in chain):
        return "stopped", ("memory", f"{memory // 1_000_000:,} MB")
    if any(isinstance(one, RecursionError) for one in chain):
        return "stopped", ("failed", "it is nested too deeply")
    if isinstance(error, LlmOptError):
        # They may hold objects of a library that cannot be pickled.
        error.__cause__ = error.__context__ = None
        return "raise", error
    words = " ".join(str(error).split())[:200]
    return "stopped", ("failed", f"{type(error).__name__}: {words}" if words else type(error).__name__)


def begin_limits(memory: int, cpu: float) -> None:
    """From now on to the end of the call: memory beyond what is mapped now, and CPU time.

    The signal's default action ends the process. A call whose preparations have limits of their own calls it itself.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    # macOS refuses, or ignores it; there the owner's look at the memory in use is all.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + memory, hard))
    # CPU time of user and system, so that a busy machine takes nothing from a file. 0 would switch the timer off.
    signal.setitimer(signal.ITIMER_PROF, max(cpu, 0.001))


@contextlib.contextmanager
def _limits(memory: int, cpu: float) -> Any:
    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    begin_limits(memory, cpu)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (before, hard))


@contextlib.contextmanager
def _end_with_owner(requests: Connection) -> Any:
    """Let the kernel end this process when the owner's end of the pipe closes: native code may keep every thread out.

    Linux does; elsewhere the watching thread does, or at last the CPU time.
    """
    if not sys.platform.startswith("linux"):
        yield
        return
    flags = fcntl.fcntl(_STDIN, fcntl.F_GETFL)
    # SIGIO, whose default action ends the process, comes when the other end of the pipe closes.
    fcntl.fcntl(_STDIN, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(_STDIN, fcntl.F_SETFL, flags | os.O_ASYNC)
    if requests.poll(0):
        # Nothing is sent meanwhile: the pipe is closed.
        os._exit(1)
    try:
        yield
    finally:
        fcntl.fcntl(_STDIN, fcntl.F_SETFL, flags)


def _watch(owner: int) -> None:
    # An orphan gets another parent.
    while os.getppid() == owner:
        time.sleep(0.5)
    os._exit(1)


def _be_the_first_to_go() -> None:
    """Where the machine has no memory left, Linux ends this process and not its owner."""
    with contextlib.suppress(OSError):
        # 1000 is the most: chosen before everything else. Raising one's own needs no rights.
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
