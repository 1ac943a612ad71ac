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

BEAT_SECONDS = 3.0
# Fifteen missed signs of life: a busy machine misses some, a dead process all.
SILENT_SECONDS = 45.0
# Clocks of machines differ; nothing is taken for dead because of that alone.
_FORGOTTEN_SECONDS = 86_400.0

_working: set[str] = set()


def process_values() -> dict[str, Any]:
    """This process, in values that a server keeps."""
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": start_of(os.getpid()),
        "at": time.time(),
    }


def is_gone(builder: Mapping[str, Any]) -> bool:
    """Whether a builder is known to work no more: its process has ended, or it gave no sign for a day."""
    if builder.get("host") == socket.gethostname() and isinstance(builder.get("pid"), int):
        if builder["pid"] == os.getpid():
            return builder.get("token") not in _working
        return not is_running(builder["pid"], float(builder.get("started", 0)))
    return time.time() - float(builder.get("at", 0)) > _FORGOTTEN_SECONDS


class Watch:
    """Somebody else's building, watched by a clock of our own: those of two machines differ."""

    def __init__(self) -> None:
        self._seen: tuple[Any, Any] | None = None
        self._since = 0.0

    def is_dead(self, builder: Mapping[str, Any]) -> bool:
        """Whether the builder is gone, or has not counted on for a while."""
        sign = (builder.get("token"), builder.get("beat"))
        if sign != self._seen:
            self._seen, self._since = sign, time.monotonic()
        return is_gone(builder) or time.monotonic() - self._since > SILENT_SECONDS


class Claim:
    """The right to build a collection.

    Attributes:
        collection: Under the name that only its builder has.
        facts: Its metadata.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.collection: Any = None
        self.facts: dict[str, Any] = {**content, "token": uuid.uuid4().hex, "beat": 0, **process_values()}
        _working.add(self.facts["token"])

    def end(self) -> None:
        """This process builds it no more."""
        _working.discard(self.facts["token"])

    @contextlib.contextmanager
    def beating(self) -> Iterator[None]:
        """Give signs of life while the work goes on."""
        stop = threading.Event()
        beating = threading.Thread(target=self._beat, args=(stop,), daemon=True)
        beating.start()
        try:
            yield
        finally:
            stop.set()
            # A late sign would take back what is written there at the end.
            beating.join()

    def _beat(self, stop: threading.Event) -> None:
        while not stop.wait(BEAT_SECONDS):
            self.facts.update(beat=self.facts["beat"] + 1, at=time.time())
            # The next call of the builder tells what is wrong.
            with contextlib.suppress(Exception):
                self.collection.modify(metadata=dict(self.facts))
