"""What of a workspace could not be read: told on the page, counted, and never the end of everything else."""

from __future__ import annotations

import threading


class Unreadables:
    """Sentences by project, gathered as values are read. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sentences: dict[int, dict[str, str]] = {}

    def note(self, project_id: int, what: str, reason: str) -> str:
        """Keep what could not be read, such as `Document a.txt`. Returns the sentence."""
        sentence = f"{what} could not be read ({reason.rstrip('.')})."
        with self._lock:
            self._sentences.setdefault(project_id, {})[what] = sentence
        return sentence

    def clear(self, project_id: int, what: str) -> None:
        """It can be read again."""
        # Without the lock: every value that can be read comes by here, and nearly no project is known.
        if project_id in self._sentences:
            with self._lock:
                self._sentences.get(project_id, {}).pop(what, None)

    def forget(self, project_id: int) -> None:
        """Something of the project was removed: what is still unreadable will be found again."""
        with self._lock:
            self._sentences.pop(project_id, None)

    def of(self, project_id: int) -> tuple[str, ...]:
        """The sentences of one project."""
        with self._lock:
            return tuple(self._sentences.get(project_id, {}).values())
