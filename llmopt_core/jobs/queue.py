"""Long work in threads of this process, recorded in the store, so that it goes on when the page is gone."""

from __future__ import annotations

import asyncio
import bisect
import inspect
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal

from llmopt_core.errors import BudgetReached, Cancelled, LlmOptError
from llmopt_core.execution.budget import Account, accounted
from llmopt_core.models.calls.limiter import urgent
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Job, Project, Status
from llmopt_core.settings import Settings

_REPORT_SECONDS = 0.5
_LOOK_SECONDS = 1.0

Lane = Literal["long", "short"]
"""`short` is for what somebody waits for, such as a look at one question: it never stands behind long work."""

_SHORT_AT_ONCE = 4

Work = Callable[["JobContext"], "dict[str, Any] | Awaitable[dict[str, Any] | None] | None"]
"""What a job does: plain or asynchronous. It returns what is kept as the job's result."""


@dataclass
class JobContext:
    """What the work is given. Safe to use from any thread.

    Attributes:
        job_id: For runs that belong to the job.
        paid: What the job's calls took, whatever became of it.
    """

    job_id: int
    store: Store
    settings: Settings
    paid: Account = field(default_factory=Account)
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
            self.store.update_job(self.job_id, progress=self.latest())

    def latest(self) -> dict[str, Any] | None:
        """What was said last; with what was paid, where the work does not say so itself. None for nothing."""
        usage = self.paid.usage
        tokens = usage.prompt_tokens + usage.completion_tokens
        paid = {"tokens": tokens, "cost_usd": usage.cost_usd} if usage.calls else {}
        return {**paid, **self._latest} or None


class Line:
    """Jobs of one lane: a few run at once, the others start in the order in which they were submitted.

    Args:
        at_once: How many.
        is_urgent: Whether their calls go before those of other lanes where an endpoint takes no more at once.
    """

    def __init__(self, at_once: int, is_urgent: bool = False) -> None:
        self._free = at_once
        self.is_urgent = is_urgent
        self._waiting: list[int] = []
        self._changed = threading.Condition()

    def join(self, job_id: int) -> None:
        """Stand in line. Job numbers grow, so the order is theirs even where two threads submit at once."""
        with self._changed:
            bisect.insort(self._waiting, job_id)

    def wait(self, job_id: int, should_stop: Callable[[], bool]) -> bool:
        """Wait until the job's turn has come; false where it was stopped meanwhile."""
        with self._changed:
            while not should_stop():
                if self._free and self._waiting[0] == job_id:
                    self._free -= 1
                    self._leave(job_id)
                    return True
                self._changed.wait(_LOOK_SECONDS)
            self._leave(job_id)
            return False

    def release(self) -> None:
        """Give a place back."""
        with self._changed:
            self._free += 1
            self._changed.notify_all()

    def _leave(self, job_id: int) -> None:
        self._waiting.remove(job_id)
        self._changed.notify_all()


class JobRunner:
    """Starts jobs and lets them be followed and cancelled.

    Each lane has its own line (see `Line`). Jobs end with the process; the store then shows them as interrupted.

    Args:
        store: Where jobs are recorded.
        settings: Handed to the work.
        at_once: How many jobs of the long lane run at once.
    """

    def __init__(self, store: Store, settings: Settings, at_once: int = 2) -> None:
        self._store = store
        self._settings = settings
        self._lines: dict[Lane, Line] = {"long": Line(at_once), "short": Line(_SHORT_AT_ONCE, is_urgent=True)}
        self._submitting = threading.Lock()
        self._lock = threading.Lock()
        self._contexts: dict[int, JobContext] = {}
        self._threads: dict[int, threading.Thread] = {}
        self._watcher: threading.Thread | None = None

    def submit(
        self,
        kind: str,
        project: Project | str | None,
        arguments: dict[str, Any],
        work: Work,
        lane: Lane = "long",
    ) -> int:
        """Start `work` in a thread of its own, with an event loop where it is asynchronous. Returns the job's id.

        Args:
            kind: Such as `evaluation`.
            project: Whose job it is.
            arguments: What it was asked to do, in plain values and without keys; shown and kept.
            work: Called with a `JobContext`.
            lane: In which line it waits.
        """
        line = self._lines[lane]
        with self._submitting:
            job_id = self._store.start_job(kind, project, arguments)
            line.join(job_id)
        context = JobContext(job_id, self._store, self._settings)
        thread = threading.Thread(target=self._run, args=(context, work, line), name=f"job-{job_id}", daemon=True)
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

    def _run(self, context: JobContext, work: Work, line: Line) -> None:
        status: Status = "failed"
        error = ""
        result: dict[str, Any] | None = None
        try:
            if not line.wait(context.job_id, context.should_cancel):
                raise Cancelled("Cancelled before it started.")
            try:
                self._store.update_job(context.job_id, status="running")
                with accounted(context.paid), urgent() if line.is_urgent else nullcontext():
                    result = _called(work, context)
            finally:
                line.release()
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

    def _end(self, context: JobContext, status: Status, error: str, result: dict[str, Any] | None) -> None:
        try:
            self._store.update_job(context.job_id, status=status, error=error, progress=context.latest(), result=result)
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
            self._store.update_job(context.job_id, progress=context.latest())


def _called(work: Work, context: JobContext) -> dict[str, Any] | None:
    made = work(context)
    if not inspect.isawaitable(made):
        return made

    async def awaited() -> dict[str, Any] | None:
        return await made

    return asyncio.run(awaited())
