"""Which process builds a collection on a server, and whether it still does."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from llmopt_core.execution.process import is_running, start_of

# Often enough that a few lost signs do no harm, seldom enough that the server is not kept busy by them.
BEAT_SECONDS = 3.0
# Fifteen missed signs of life: a busy machine misses some, a dead process all.
SILENT_SECONDS = 45.0
# Clocks of machines differ; nothing is taken for dead because of that alone.
# A day, so that a builder elsewhere is never taken for dead because a clock is hours wrong or in another time zone.
_FORGOTTEN_SECONDS = 86_400.0

# Tokens of what this very process builds: its process number alone would call its own dead builds alive.
_working: set[str] = set()


def process_values() -> dict[str, Any]:
    """This process, in values that a server keeps."""
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        # A process number is given again after a restart; with the start time it is the same process or none.
        "started": start_of(os.getpid()),
        "at": time.time(),
    }


def is_gone(builder: Mapping[str, Any]) -> bool:
    """Whether a builder is known to work no more: its process has ended, or it gave no sign for a day."""
    # Only of this machine can it be known whether a process runs.
    if builder.get("host") == socket.gethostname() and isinstance(builder.get("pid"), int):
        if builder["pid"] == os.getpid():
            return builder.get("token") not in _working
        return not is_running(builder["pid"], float(builder.get("started", 0)))
    # Of another machine only its signs are seen. Without any date (`at`) it counts as forgotten.
    return time.time() - float(builder.get("at", 0)) > _FORGOTTEN_SECONDS


class Watch:
    """Somebody else's building, watched by a clock of our own: those of two machines differ."""

    def __init__(self) -> None:
        self._last_sign: tuple[Any, Any] | None = None
        self._since = 0.0

    def is_dead(self, builder: Mapping[str, Any]) -> bool:
        """Whether the builder is gone, or has not counted on for a while."""
        # The token too: another builder may begin at the same count.
        sign = (builder.get("token"), builder.get("beat"))
        if sign != self._last_sign:
            # Monotonic: a clock that is set forward must not end a living builder.
            self._last_sign, self._since = sign, time.monotonic()
        return is_gone(builder) or time.monotonic() - self._since > SILENT_SECONDS


class Claim:
    """The right to build a collection.

    Attributes:
        collection: Under the name that only its builder has.
        facts: Its metadata.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.collection: Any = None
        # The token tells this build from any other of the same content, whoever makes it.
        self.facts: dict[str, Any] = {**content, "token": uuid.uuid4().hex, "beat": 0, **process_values()}
        _working.add(self.facts["token"])

    def end(self) -> None:
        """This process builds it no more."""
        _working.discard(self.facts["token"])

    @contextlib.contextmanager
    def beating(self) -> Iterator[None]:
        """Give signs of life while the work goes on."""
        stop = threading.Event()
        thread = threading.Thread(target=self._beat, args=(stop,), daemon=True)
        # A daemon, so that a process that ends does not wait for its signs of life.
        thread.start()
        try:
            yield
        finally:
            stop.set()
            # A late sign would take back what is written there at the end.
            thread.join()

    def _beat(self, stop: threading.Event) -> None:
        while not stop.wait(BEAT_SECONDS):
            self.facts.update(beat=self.facts["beat"] + 1, at=time.time())
            # The next call of the builder tells what is wrong.
            # A sign that fails is one of fifteen; an error here would end only the thread, without a word to anybody.
            with contextlib.suppress(Exception):
                self.collection.modify(metadata=dict(self.facts))
