"""A function that foreign input may keep busy for ever, run in a child process with limits.

A thread cannot be stopped and its memory cannot be bounded; a process can. Children stay warm between calls, end by
themselves when nothing was asked of them for a while, and never outlive their owner.
"""

from __future__ import annotations

import atexit
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

import psutil

from llmopt_core.errors import MissingDependency

OnPart = Callable[[int, int, str], None]
Reason = Literal["memory", "time", "crash", "failed"]

# What Python itself may need; nothing that could hold a secret.
_INHERITED_VARIABLES = ("PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "HOME", "LANG", "LC_ALL")
_START = "from llmopt_core.execution.isolation_child import main; main()"
# Short enough that a cancelled upload stops at once, long enough to cost nothing.
_LOOK_SECONDS = 0.1
# A child that has grown is ended rather than kept warm: its memory does not come back.
_KEEP_BYTES = 250_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may take: bytes of memory, seconds of CPU time, seconds by the clock."""

    memory: int
    cpu: float
    wall: float


class IsolationError(Exception):
    """The call did not end well: over a limit, a crash of native code, or an error that nobody foresaw.

    Attributes:
        reason: Which of them.
        detail: The limit in its unit, the signal, or the error in words.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


class ChildPool:
    """Children that are kept for one kind of work, and how many of them work at once.

    Args:
        size: Calls at once; more wait for their turn.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self.reset()
        _pools.add(self)

    def reset(self) -> None:
        """Forget the children: in a forked process they belong to the parent."""
        # A new one, since a lock held at the fork would never be released in the child.
        self.room = threading.BoundedSemaphore(self._size)
        # The warmest first, so that those that are not needed reach their end of waiting.
        self.idle: queue.LifoQueue[_Child] = queue.LifoQueue()

    def close(self) -> None:
        """End the idle children; the next call starts a new one."""
        with suppress(queue.Empty):
            while True:
                self.idle.get_nowait().close()


_pools: weakref.WeakSet[ChildPool] = weakref.WeakSet()
# Files read at once: at least two, so that a slow one holds nobody up, and at most four, as each may take its whole
# memory.
_pool = ChildPool(max(2, min(4, os.cpu_count() or 2)))


def run_in_child(
    function: Callable[..., Any],
    arguments: Sequence[Any],
    limits: Limits,
    *,
    on_part: OnPart,
    heartbeat: Callable[[], None],
    pool: ChildPool | None = None,
) -> Any:
    """Call `function(*arguments, on_part)` in a child process and give back what it returns.

    Args:
        function: Of a module that can be imported; it and its arguments are pickled.
        arguments: All but the last, which is `on_part`.
        limits: Whichever is reached first ends the child.
        on_part: Called here with what the function tells.
        heartbeat: Called some times a second. What it or `on_part` raises ends the child and is passed on.
        pool: Whose children; that of files where none is named.

    Raises:
        IsolationError: See there. Errors meant for users pass as they are.
    """
    # Pickled before a place is taken: what cannot be pickled fails here, at no cost.
    request = pickle.dumps((function, tuple(arguments), (limits.memory, limits.cpu)), pickle.HIGHEST_PROTOCOL)
    # With a heartbeat, so that an upload that waits for its turn can be cancelled, too.
    pool = _pool if pool is None else pool
    room = pool.room
    while not room.acquire(timeout=_LOOK_SECONDS):
        heartbeat()
    try:
        child = _take_child(pool, request)
        try:
            kind, value = _follow_span(child, limits, on_part, heartbeat)
        # Whatever ends the wait, a cancellation too: a child in the middle of a file is in no state to be used again.
        except BaseException:
            child.close()
            raise
        # Its memory is in pieces, or full of what the file left.
        if kind == "stopped":
            child.close()
            raise IsolationError(*value)
        _give_back(pool, child)
    finally:
        room.release()
    if kind == "raise":
        raise value
    return value


def add_child(function: Callable[..., Any], arguments: Sequence[Any], limits: Limits, pool: ChildPool) -> None:
    """Start one more child of a pool and let it call a function first, such as one that imports what calls will need.

    What goes wrong is left for the next call to find.
    """
    request = pickle.dumps((function, tuple(arguments), (limits.memory, limits.cpu)), pickle.HIGHEST_PROTOCOL)
    child = _Child()
    kind = "stopped"
    if child.take(request):
        kind, _ = _follow_span(child, limits, lambda *_: None, lambda: None)
    if kind == "stopped":
        child.close()
    else:
        _give_back(pool, child)


class _Child:
    """One child process. Used by one thread at a time."""

    def __init__(self) -> None:
        environ = {name: os.environ[name] for name in _INHERITED_VARIABLES if name in os.environ}
        # As `multiprocessing` does it: the child imports from where its owner does, which may stand elsewhere by now.
        folders = [*(str(Path(path).absolute()) for path in sys.path), str(Path(__file__).parents[2])]
        environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(folders))
        self.process = subprocess.Popen(
            # -P: a file `pickle.py` in the current folder must not be imported.
            [sys.executable, "-P", "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Libraries complain about each odd object of a PDF; nobody reads it, and a full pipe would stop the child.
            stderr=subprocess.DEVNULL,
            env=environ,
        )
        assert self.process.stdin is not None and self.process.stdout is not None  # noqa: S101, PT018
        self.requests = Connection(os.dup(self.process.stdin.fileno()), readable=False)
        self.replies = Connection(os.dup(self.process.stdout.fileno()), writable=False)
        # Duplicates are in use: two owners of one descriptor could close it twice, by then perhaps another file's.
        self.process.stdin.close()
        self.process.stdout.close()

    def take(self, request: bytes) -> bool:
        """Whether the child took the request; false where it had ended before."""
        try:
            self.requests.send_bytes(request)
            return bool(self.replies.recv() == ("taken", None))
        # It had ended while nobody asked it anything.
        except (OSError, EOFError):
            return False

    def memory(self) -> int:
        """Bytes it holds; 0 where it has ended."""
        try:
            return int(psutil.Process(self.process.pid).memory_info().rss)
        except psutil.Error:
            return 0

    def close(self) -> int:
        """End the child; its exit code, negative for the signal it died of."""
        # Killed and not asked: it may be busy in native code. It holds nothing that has to be saved.
        self.process.kill()
        code = self.process.wait()
        for pipe in (self.requests, self.replies):
            with suppress(OSError):
                pipe.close()
        return code


def _take_child(pool: ChildPool, request: bytes) -> _Child:
    """A child that works on the request: a warm one, else a new one."""
    while True:
        try:
            child = pool.idle.get_nowait()
        except queue.Empty:
            break
        if child.take(request):
            return child
        child.close()
    child = _Child()
    if not child.take(request):
        child.close()
        raise MissingDependency("The process that reads files did not start; run: make install")
    return child


def _follow_span(child: _Child, limits: Limits, on_part: OnPart, heartbeat: Callable[[], None]) -> tuple[str, Any]:
    """The last message of the child: `done`, `raise`, or `stopped` with the arguments of `IsolationError`."""
    end = time.monotonic() + limits.wall
    most = 0
    while True:
        # Time is looked at before the reply is read: a flood of parts must not hold it off.
        has_reply = child.replies.poll(_LOOK_SECONDS)
        if time.monotonic() > end:
            child.close()
            return "stopped", ("time", _seconds(limits.wall))
        if has_reply:
            try:
                kind, value = child.replies.recv()
            except (EOFError, OSError):
                return "stopped", _death(child, limits, most)
            if kind != "part":
                return kind, value
            on_part(*value)
        most = max(most, child.memory())
        # By what it holds, too: mapped memory is bounded in the child, but macOS does not keep to that.
        if most > limits.memory:
            child.close()
            return "stopped", ("memory", _megabytes(limits.memory))
        heartbeat()


def _death(child: _Child, limits: Limits, most: int) -> tuple[Reason, str]:
    """What a child died of that nobody here ended."""
    # Its pipe closes a moment before the process has its exit code.
    with suppress(subprocess.TimeoutExpired):
        child.process.wait(1.0)
    code = child.process.poll()
    child.close()
    if code == -signal.SIGPROF:
        return "time", _seconds(limits.cpu)
    # Native code that gets no memory aborts; the kernel kills where the machine itself has no more.
    if code == -signal.SIGKILL or most > limits.memory // 2:
        return "memory", _megabytes(limits.memory)
    return "crash", signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"


def _give_back(pool: ChildPool, child: _Child) -> None:
    if child.process.poll() is None and child.memory() < _KEEP_BYTES:
        pool.idle.put(child)
    else:
        child.close()


def _seconds(seconds: float) -> str:
    return f"{max(seconds, 0):,.0f} s"


def _megabytes(count: int) -> str:
    return f"{count // 1_000_000:,} MB"


@atexit.register
def close_children() -> None:
    """End all idle children; the next call starts a new one."""
    for pool in tuple(_pools):
        pool.close()


def _forget() -> None:
    """In a forked process: the children belong to the parent."""
    for pool in tuple(_pools):
        pool.reset()


os.register_at_fork(after_in_child=_forget)
