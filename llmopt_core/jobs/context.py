"""What the work of a job is given."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from llmopt_core.errors import BadInput, LlmOptError
from llmopt_core.execution.accounts import Account
from llmopt_core.execution.event_loop import run_in_loop
from llmopt_core.experiments.cancellable import cancellable
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.registry import Models
from llmopt_core.runs.codec import pack
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings

Credentials = tuple[Mapping[str, Endpoint], Mapping[str, str]]

T = TypeVar("T")

# A sign of life, well within what other hosts wait for one.
_SILENCE_SECONDS = 2.5


class NotPlain(LlmOptError):
    """What a job gave cannot be kept."""


def check_plain(value: Any, name: str) -> None:
    """Refuse what JSON has no form for.

    Raises:
        NotPlain: The value holds such a thing.
    """
    try:
        pack(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise NotPlain(
            f"{name} cannot be kept ({error}): it may hold texts, numbers, lists and dictionaries alone."
        ) from error


@dataclass
class JobContext:
    """What the work is given. Safe to use from any thread.

    Attributes:
        job_id: For runs that belong to the job.
        project: Whose job it is; empty for nobody's.
        versions: Of what the job was to work on when it was asked for.
        make_models: Makes the models of the workspace, with the keys that the job may use.
        make_credentials: Gives the endpoints of the workspace and the keys that the job may use.
        claim: Names this process's claim on the job.
        attempt: How often the job was begun, this time included.
        spending: What the job's calls took, whatever became of it.
    """

    job_id: int
    store: Store
    settings: Settings
    project: str = ""
    versions: Mapping[str, Any] = field(default_factory=dict)
    make_models: Callable[[], Models] | None = None
    make_credentials: Callable[[], Credentials] = lambda: ({}, {})
    claim: str | None = None
    attempt: int = 1
    spending: Account = field(default_factory=Account)
    _cancel: threading.Event = field(default_factory=threading.Event)
    _is_lost: bool = False
    _last_report: float = 0.0
    _has_news: bool = False
    _latest: dict[str, Any] = field(default_factory=dict)

    def work(self, make: Callable[[Models], Awaitable[T]], *, drops: bool = False) -> T:
        """Await what is made of the models, in the process's event loop; the job's own thread waits for it.

        What blocks, such as reading all documents, is done before and after it, so that no other job stands still.

        Args:
            make: What asks the models.
            drops: Whether it is dropped as it stands once the job is cancelled; else it looks at `should_cancel`.

        Raises:
            Cancellation: The job was cancelled, and it was dropped.
        """

        async def whole() -> T:
            async with self.models() as models:
                return await make(models)

        return run_in_loop(cancellable(whole(), self.should_cancel) if drops else whole())

    def models(self) -> Models:
        """The models to work with: those of the workspace's endpoints."""
        return Models(self.settings, self.store.cache) if self.make_models is None else self.make_models()

    def credentials(self) -> Credentials:
        """The endpoints of the workspace and their keys, for what is no model call, such as an upload."""
        return self.make_credentials()

    def check_version(self, what: str, now: str) -> None:
        """Refuse to work on something else than was asked for.

        Args:
            what: Its name among the job's versions, in words, such as `documents`.
            now: Its version now.

        Raises:
            BadInput: It has changed.
        """
        if self.versions.get(what, now) != now:
            raise BadInput(f"The {what} have changed since this was asked for, so it was not done: start it again.")

    def should_cancel(self) -> bool:
        """Whether the user asked to stop, or another process has taken the job over."""
        return self._cancel.is_set()

    def cancel(self) -> None:
        """Ask the work to stop."""
        self._cancel.set()

    @property
    def is_lost(self) -> bool:
        """Whether another process has taken the job over."""
        return self._is_lost

    def report(self, progress: dict[str, Any]) -> None:
        """Say how far the work is. It is written by `write_news`, as the event loop must not wait for the disk.

        Raises:
            NotPlain: It cannot be kept.
        """
        # Here and not where it is written: that is the thread that serves all jobs.
        check_plain(progress, "The progress of the job")
        self._latest, self._has_news = progress, True

    def write_news(self) -> None:
        """Write what was said since the last time; where it is too long ago, that the work still goes on."""
        if self._has_news or time.monotonic() - self._last_report > _SILENCE_SECONDS:
            self.write_progress()

    def write_progress(self, **more: Any) -> None:
        """Write what was said last, and what else is given; also a sign of life."""
        # Before the latest is read: what is said meanwhile is then written the next time, and not lost.
        self._last_report, self._has_news = time.monotonic(), False
        # Silent for too long, this process has lost the job: it must neither write on nor pay on.
        if not self.store.update_job(self.job_id, progress=self.latest(), claim=self.claim, **more):
            self._is_lost = True
            self._cancel.set()

    def latest(self) -> dict[str, Any] | None:
        """What was said last; with what was paid, where the work does not say so itself. None for nothing."""
        usage = self.spending.usage
        tokens = usage.prompt_tokens + usage.completion_tokens
        spending = {"tokens": tokens, "cost_usd": usage.cost_usd} if usage.calls else {}
        return {**spending, **self._latest} or None
