"""Long work in threads of this process, recorded in the store, so that it goes on when the page is gone."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from llmopt_core.errors import BudgetReached, Cancelled, LlmOptError
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Job, Project, Status
from llmopt_core.settings import Settings

_REPORT_SECONDS = 0.5
_LOOK_SECONDS = 1.0

Work = Callable[["JobContext"], "dict[str, Any] | Awaitable[dict[str, Any] | None] | None"]
"""What a job does: plain or asynchronous. It returns what is kept as the job's result."""


@dataclass
class JobContext:
    """What the work is given. Safe to use from any thread.

    Attributes:
        job_id: For runs that belong to the job.
    """

    job_id: int
    store: Store
    settings: Settings
    _cancel: threading.Event = field(default_factory=threading.Event)
    _reported: float = 0.0
    _latest: dict[str, Any] = field(default_factory=dict)

    def should_cancel(self) -> bool:
        """Whether the user asked to stop."""
        return self._cancel.is_set()

    def report(self, progress: dict[str, Any]) -> None:
        """Say how far the work is; written at most twice a second, the last one always."""
        self._latest = progress
        if time.monotonic() - self._reported >= _REPORT_SECONDS:
            self._reported = time.monotonic()
            self.store.update_job(self.job_id, progress=progress)


class JobRunner:
    """Starts jobs and lets them be followed and cancelled.

    A few run at once, the others wait in line. Jobs end with the process; the store then shows them as interrupted.
    """

    def __init__(self, store: Store, settings: Settings, at_once: int = 2) -> None:
        self._store = store
        self._settings = settings
        self._slots = threading.Semaphore(at_once)
        self._lock = threading.Lock()
        self._contexts: dict[int, JobContext] = {}
        self._threads: dict[int, threading.Thread] = {}
        self._watcher: threading.Thread | None = None

    def submit(self, kind: str, project: Project | str | None, arguments: dict[str, Any], work: Work) -> int:
        """Start `work` in a thread of its own, with an event loop where it is asynchronous. Returns the job's id.

        Args:
            kind: Such as `evaluation`.
            project: Whose job it is.
            arguments: What it was asked to do, in plain values and without keys; shown and kept.
            work: Called with a `JobContext`.
        """
        job_id = self._store.start_job(kind, project, arguments)
        context = JobContext(job_id, self._store, self._settings)
        thread = threading.Thread(target=self._run, args=(context, work), name=f"job-{job_id}", daemon=True)
        with self._lock:
            self._contexts[job_id], self._threads[job_id] = context, thread
            if self._watcher is None or not self._watcher.is_alive():
                self._watcher = threading.Thread(target=self._watch, name="job-watcher", daemon=True)
                self._watcher.start()
        thread.start()
        return job_id

    def cancel(self, job_id: int) -> None:
        """Ask a job to stop, in whatever process it runs."""
        self._store.request_cancel(job_id)
        with self._lock:
            context = self._contexts.get(job_id)
        if context is not None:
            context._cancel.set()

    def status(self, job_id: int) -> Job:
        """How the job stands."""
        return self._store.job(job_id)

    def wait(self, job_id: int, timeout: float | None = None) -> Job:
        """Block until a job of this process has ended, or the seconds are over."""
        with self._lock:
            thread = self._threads.get(job_id)
        if thread is not None:
            thread.join(timeout)
        return self._store.job(job_id)

    def _run(self, context: JobContext, work: Work) -> None:
        status: Status = "failed"
        error = ""
        result: dict[str, Any] | None = None
        try:
            if not self._turn(context):
                raise Cancelled("Cancelled before it started.")
            try:
                self._store.update_job(context.job_id, status="running")
                result = _called(work, context)
            finally:
                self._slots.release()
            status = "cancelled" if context.should_cancel() else "finished"
        except Cancelled:
            status = "cancelled"
        except BudgetReached as told:
            status, error = "budget-reached", str(told)
        except LlmOptError as told:
            error = str(told)
        except BaseException as unexpected:
            error = f"{type(unexpected).__name__}: {unexpected}"[:500]
        self._end(context, status, error, result)

    def _turn(self, context: JobContext) -> bool:
        """Wait for a free slot; false where the job was cancelled meanwhile."""
        while not self._slots.acquire(timeout=_LOOK_SECONDS):
            if context.should_cancel():
                return False
        if context.should_cancel():
            self._slots.release()
            return False
        return True

    def _end(self, context: JobContext, status: Status, error: str, result: dict[str, Any] | None) -> None:
        try:
            latest = context._latest or None
            self._store.update_job(context.job_id, status=status, error=error, progress=latest, result=result)
        except LlmOptError:
            # The store itself failed; the job will be found interrupted when this process has ended.
            pass
        finally:
            with self._lock:
                self._contexts.pop(context.job_id, None)
                self._threads.pop(context.job_id, None)

    def _watch(self) -> None:
        """Beat for the jobs of this process, and hear what other processes ask of them."""
        while True:
            time.sleep(_LOOK_SECONDS)
            with self._lock:
                contexts = list(self._contexts.values())
                if not contexts:
                    self._watcher = None
                    return
            for context in contexts:
                try:
                    self._look(context)
                except LlmOptError:
                    # The disk may be full for a while; the work itself will say so.
                    continue

    def _look(self, context: JobContext) -> None:
        if self._store.cancel_requested(context.job_id):
            context._cancel.set()
        if time.monotonic() - context._reported > 5 * _REPORT_SECONDS:
            context._reported = time.monotonic()
            self._store.update_job(context.job_id, progress=context._latest or None)


def _called(work: Work, context: JobContext) -> dict[str, Any] | None:
    made = work(context)
    if not inspect.isawaitable(made):
        return made

    async def awaited() -> dict[str, Any] | None:
        return await made

    return asyncio.run(awaited())
