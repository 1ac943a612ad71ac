"""What an endpoint's models do not take, and how they answer: learnt from answers, remembered in the workspace."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from llmopt_core.errors import StorageError
from llmopt_core.models.body_fields import OPTIONAL
from llmopt_core.models.openai.refusal_text import find_parameter
from llmopt_core.text.drafts import replace_file

Place = tuple[str, str, str]
"""Base URL, model, and `chat` or `completion`."""

__all__ = ["OPTIONAL", "Place", "Refusals", "find_parameter", "refusals_of"]

_MEMORY_SECONDS = 7 * 24 * 3600.0
"""Servers are brought up to date: after a week a refused parameter is tried again."""


class Refusals:
    """Remembers per endpoint, model and mode which parameters are taken and which are not.

    Args:
        path: A file of the workspace; None remembers for this object alone.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        # Jobs in other threads and the pages of the app share this object.
        self._lock = threading.Lock()
        # Whether a parameter is taken, and when that was learnt, in seconds since 1970.
        self._verdicts: dict[Place, dict[str, tuple[bool, float]]] = {}
        for entry in self._read():
            # Entry by entry: one of another version must not cost the rest.
            with contextlib.suppress(KeyError, TypeError, ValueError):
                url, model, mode = map(str, entry["place"])
                verdict = bool(entry["taken"]), float(entry["at"])
                self._verdicts.setdefault((url, model, mode), {})[str(entry["parameter"])] = verdict

    def list_parameters(self, place: Place) -> frozenset[str]:
        """The parameters that are left out."""
        return frozenset(name for name, is_taken in self._verdicts_of(place).items() if not is_taken)

    def on_trial(self, place: Place, body: Collection[str]) -> frozenset[str]:
        """The optional parameters of a request that nobody knows yet to be taken."""
        verdicts = self._verdicts_of(place)
        # Only those: a refusal that cannot be understood is tried once without them, never without what was asked.
        return frozenset(name for name in OPTIONAL if name in body and name not in verdicts)

    def is_taken(self, place: Place, name: str) -> bool:
        """Whether a parameter is known to be taken, or what goes by its name was seen."""
        return self._verdicts_of(place).get(name, False)

    def learn(self, place: Place, parameters: Collection[str], *, is_taken: bool) -> None:
        """Remember what an answer has shown."""
        with self._lock:
            verdicts = _in_force(self._verdicts.get(place, {}))
            # `is not`: False, True and unknown are three states. What is known already is not written again with every
            # call.
            fresh = [name for name in parameters if verdicts.get(name) is not is_taken]
            self._verdicts.setdefault(place, {}).update(dict.fromkeys(fresh, (is_taken, time.time())))
        if fresh:
            self._write(place, fresh, is_taken)

    def _verdicts_of(self, place: Place) -> dict[str, bool]:
        # Under the lock: other threads learn meanwhile. A process may run for longer than what it learnt holds.
        with self._lock:
            return _in_force(self._verdicts.get(place, {}))

    def _read(self) -> list[Any]:
        if self._path is None:
            return []
        try:
            entries = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        return entries if isinstance(entries, list) else []

    def _write(self, place: Place, parameters: Collection[str], is_taken: bool) -> None:
        """Best effort: what cannot be written is learnt again."""
        if self._path is None:
            return
        with contextlib.suppress(OSError, StorageError, Timeout):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self._path.with_suffix(".lock"), timeout=5):
                verdict = {"place": list(place), "taken": is_taken, "at": time.time()}
                fresh = [{**verdict, "parameter": name} for name in parameters]
                # The file as it is now: another process may have learnt something since.
                entries = [entry for entry in self._read() if not any(_same(entry, new) for new in fresh)]
                replace_file(self._path, json.dumps([*entries, *fresh], indent=1))


def _in_force(verdicts: Mapping[str, tuple[bool, float]]) -> dict[str, bool]:
    oldest = time.time() - _MEMORY_SECONDS
    return {name: is_taken for name, (is_taken, at) in verdicts.items() if at > oldest}


def _same(entry: Any, new: Mapping[str, Any]) -> bool:
    return not isinstance(entry, dict) or (entry.get("place"), entry.get("parameter")) == (
        new["place"], new["parameter"])  # fmt: skip


_refusals: dict[Path, Refusals] = {}
_refusals_lock = threading.Lock()


def refusals_of(home: Path) -> Refusals:
    """The process's one memory of a workspace."""
    path = home / "endpoint_parameters.json"
    with _refusals_lock:
        if path not in _refusals:
            _refusals[path] = Refusals(path)
        return _refusals[path]
