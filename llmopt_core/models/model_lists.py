"""The models that endpoints list: asked for beside other work, remembered in the workspace. No key is ever kept."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from llmopt_core.errors import StorageError
from llmopt_core.models.base import BUILTIN
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.probe import EndpointReport, check_endpoint
from llmopt_core.text.drafts import replace_file

# Models come and go by the day; an endpoint that was not there may be a minute later.
_SECONDS_FRESH, _SECONDS_TO_RETRY = 3600.0, 60.0
# Nobody waits longer for a list that only helps to choose; calls have their own patience.
_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ModelList:
    """What an endpoint lists; empty where that is not known.

    Attributes:
        models: Their names, sorted.
        embedding: Those of them that the endpoint says embed.
        shutdowns: Model -> day on which it is switched off.
    """

    models: tuple[str, ...] = ()
    embedding: tuple[str, ...] = ()
    shutdowns: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Attempt:
    """One question for a list: who was asked with what, when, and whether it has ended."""

    request_hash: int
    # On the monotonic clock: a set clock must not make a list fresh for years.
    at: float
    end: threading.Event = field(default_factory=threading.Event)
    good: bool = False

    @property
    def is_due(self) -> bool:
        """Whether it is time for the next one."""
        patience = _SECONDS_FRESH if self.good else _SECONDS_TO_RETRY
        return self.end.is_set() and time.monotonic() - self.at > patience


class ModelLists:
    """The lists of a workspace's endpoints, by base URL.

    Args:
        path: The file that keeps the last list of each.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._attempts: dict[str, _Attempt] = {}
        self._lists = {url: read for url, values in self._read().items() if (read := _read_list(values)) is not None}

    def find(self, endpoint: Endpoint) -> ModelList:
        """The last list; nobody is asked."""
        return self._lists.get(endpoint.base_url, ModelList())

    def look_up(self, endpoint: Endpoint, key: str, wait: float = 0.0) -> ModelList:
        """The last list; where it is old, the endpoint is asked for another beside other work.

        Args:
            endpoint: Whose models.
            key: Its key, or an empty text.
            wait: Seconds to wait for an answer where no list is known.
        """
        if endpoint.name == BUILTIN or not endpoint.base_url:
            return ModelList()
        attempt = self._ask_if_due(endpoint, key)
        if endpoint.base_url not in self._lists:
            # Counted from the question and not from now: a page that draws several such fields waits once, not once per
            # field.
            attempt.end.wait(max(0.0, attempt.at + wait - time.monotonic()))
        return self.find(endpoint)

    def keep(self, endpoint: Endpoint, report: EndpointReport) -> None:
        """Remember what an endpoint listed; a failure leaves the last list as it is."""
        # A laptop without a network keeps the names it had.
        if not report.ok:
            return
        model_list = ModelList(report.models, report.embedding_models, dict(report.shutdowns))
        with self._lock:
            is_new = self._lists.get(endpoint.base_url) != model_list
            self._lists[endpoint.base_url] = model_list
        if is_new:
            self._write(endpoint.base_url, model_list)

    def _ask_if_due(self, endpoint: Endpoint, key: str) -> _Attempt:
        # A hash, so that no key stays in memory here; another key may see other models.
        request_hash = hash((key, endpoint.api_version))
        with self._lock:
            last = self._attempts.get(endpoint.base_url)
            # Under the lock until the attempt is noted: ten widgets of one page ask once.
            if last is not None and last.request_hash == request_hash and not last.is_due:
                return last
            attempt = self._attempts[endpoint.base_url] = _Attempt(request_hash, time.monotonic())
        threading.Thread(target=self._ask, args=(endpoint, key, attempt), name="model-list", daemon=True).start()
        return attempt

    def _ask(self, endpoint: Endpoint, key: str, attempt: _Attempt) -> None:
        # A retry would only make a page wait for a list that it can do without.
        patient = endpoint.model_copy(update={"timeout_seconds": min(_PATIENCE_SECONDS, endpoint.timeout_seconds)})
        try:
            report = asyncio.run(check_endpoint(patient, key))
            attempt.good = report.ok
            self.keep(endpoint, report)
        # Always: whoever waits would wait out its time for a thread that has died.
        finally:
            attempt.end.set()

    def _read(self) -> dict[str, Any]:
        try:
            values = json.loads(self._path.read_text(encoding="utf-8"))
        # Missing or half-written by an earlier version: the lists are asked for again.
        except (OSError, ValueError):
            return {}
        return values if isinstance(values, dict) else {}

    def _write(self, url: str, model_list: ModelList) -> None:
        """Best effort: what cannot be written is asked for again."""
        with contextlib.suppress(OSError, StorageError, Timeout):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # Read again under the lock: another process may have learnt other endpoints meanwhile.
            with FileLock(self._path.with_suffix(".lock"), timeout=5):
                replace_file(self._path, json.dumps({**self._read(), url: asdict(model_list)}, indent=1))


def _read_list(values: Any) -> ModelList | None:
    try:
        models, embedding = (tuple(map(str, values[name])) for name in ("models", "embedding"))
        return ModelList(models, embedding, {str(name): str(day) for name, day in values["shutdowns"].items()})
    # Of another version: one entry that cannot be read must not cost the others.
    except (AttributeError, KeyError, TypeError):
        return None


# One per workspace and process, so that every session of the app sees what one of them asked for.
_model_lists: dict[Path, ModelLists] = {}
_opened_lock = threading.Lock()


def model_lists_of(home: Path) -> ModelLists:
    """The process's one memory of a workspace."""
    path = home / "endpoint_models.json"
    with _opened_lock:
        if path not in _model_lists:
            _model_lists[path] = ModelLists(path)
        return _model_lists[path]
