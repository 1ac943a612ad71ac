"""Python's search for reference cycles, put off while very many objects are made that have none."""

from __future__ import annotations

import gc
import threading
from types import TracebackType


class _Pause:
    """Counts who needs it; the search is the process's, so it goes on when the last of several threads is done."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._was_on = False

    def __enter__(self) -> None:
        with self._lock:
            if self._users == 0:
                self._was_on = gc.isenabled()
                gc.disable()
            self._users += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._lock:
            self._users -= 1
            # Who had switched it off keeps it so.
            if self._users == 0 and self._was_on:
                gc.enable()


collection_paused = _Pause()
"""`with collection_paused:` for seconds, not for minutes. Python looks through all objects again and again while their
number grows: of 30,000 records that is half of the time of reading them."""
