"""Does the jobs that wait in the store, so that long work goes on when its page is gone."""

from __future__ import annotations

import inspect
import os
import secrets
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import nullcontext, suppress
from typing import Any

from llmopt_core.errors import Cancellation, LlmOptError, OutOfBudget
from llmopt_core.execution.accounts import account_for
from llmopt_core.execution.event_loop import run_in_loop
from llmopt_core.jobs.context import Credentials, JobContext, NotPlain, check_plain
from llmopt_core.jobs.key_ring import KeyRing, check_keys, endpoints_in
from llmopt_core.jobs.kind import PLACES, JobKind, JobKinds, Lane, Result
from llmopt_core.jobs.workspace_models import environment_keys, workspace_models
from llmopt_core.models.calls.limiter import urgent
from llmopt_core.models.endpoints import endpoints_from
from llmopt_core.models.registry import Models
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Job, Project, Status
from llmopt_core.settings import Settings
from llmopt_core.types import Spec

# How late a wish to stop, or a job that another process put in line, may be seen; each look asks the database a few
# times.
_LOOK_SECONDS = 1.0
# While nothing is done or waited for here; short enough that what a dead process left is soon taken over.
_IDLE_SECONDS = 5.0
# Of jobs that wait for this process; others may take them after 40 s of silence, so one beat may be late.
_HEARTBEAT_SECONDS = 15.0


class JobRunner:
    """Puts jobs in line, and does those whose turn it is. Safe to use from many threads.

    The line is the store: any process that runs one of these may do any job, and what a process leaves undone when it
    dies is done by another. As long as this object is used, it looks for work.

    Args:
        store: Where jobs are kept.
        settings: Handed to the work.
        kinds: What can be done.
        at_once: How many jobs of the lane `evaluation` are done at once.
        lanes: Whose jobs are done here; all by default.
        environ: Names endpoints and holds keys, beside those of a session; the environment by default.
        plug_ins: Registers further models with each set of models that is made.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        kinds: JobKinds | None = None,
        *,
        at_once: int = PLACES["evaluation"],
        lanes: Collection[Lane] = tuple(PLACES),
        environ: Mapping[str, str] = os.environ,
        plug_ins: Callable[[Models], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._kinds = kinds or JobKinds()
        self._environ = environ
        self._plug_ins = plug_ins
        places: dict[Lane, int] = {**PLACES, "evaluation": at_once}
        self._places = {lane: places[lane] for lane in lanes}
        self._keys = KeyRing()
        self._condition = threading.Condition()
        self._wake = threading.Event()
        self._open: set[int] = set()  # Put in line here and not ended: this process has their keys.
        self._running: dict[int, tuple[JobContext, Lane]] = {}
        self._beaten = 0.0
        self._server: threading.Thread | None = None

    def start(self) -> None:
        """Look for work from now on, that of processes that are gone too."""
        with self._condition:
            if self._server is None or not self._server.is_alive():
                # It must not keep a runner alive that nobody uses any more.
                runner = weakref.ref(self)
                self._server = threading.Thread(target=_serve, args=(runner, self._wake), name="jobs", daemon=True)
                self._server.start()
        self._wake.set()

    def submit(
        self,
        kind: str,
        project: Project | str | None,
        arguments: Spec,
        *,
        versions: Mapping[str, Any] | None = None,
        keys: Mapping[str, str] | None = None,
    ) -> int:
        """Put a job in line. Returns its id.

        Args:
            kind: Its name.
            project: Whose job it is.
            arguments: What to do, of the class that the kind takes.
            versions: Of what it works on; see `JobContext.check_version`.
            keys: Of the session, by endpoint. They stay in the memory of this process.

        Raises:
            BadInput: There is no such kind.
        """
        job_kind = self._kinds.kind(kind)
        values = arguments.model_dump(mode="json")
        names = sorted(endpoints_in(values) & set(keys or {}))
        with self._condition:
            # Under the lock, so that no thread of this process claims the job before its keys are there.
            job_id = self._store.start_job(
                kind, project, values, lane=job_kind.lane, versions=versions or {}, key_names=names
            )
            self._keys.give(job_id, keys or {})
            self._open.add(job_id)
        self.start()
        return job_id

    def resume(self, job_id: int, keys: Mapping[str, str] | None = None) -> None:
        """Go on with a job that ended before it was done. It does only what is missing.

        Raises:
            BadInput: It cannot be resumed.
        """
        names = sorted(endpoints_in(self._store.job(job_id).arguments) & set(keys or {}))
        with self._condition:
            # Under the lock, as in `submit`.
            self._store.resume_job(job_id, key_names=names)
            self._keys.give(job_id, keys or {})
            self._open.add(job_id)
        self.start()

    def cancel(self, job_id: int) -> None:
        """Ask a job to stop, in whatever process it runs."""
        has_ended = self._store.request_cancel(job_id)
        with self._condition:
            running = self._running.get(job_id)
        if running is not None:
            running[0].cancel()
        # It never began, so nobody else will undo what was prepared for it.
        elif has_ended:
            self._drop(self._store.job(job_id))
            self._forget(job_id)

    def status(self, job_id: int) -> Job:
        """How the job stands."""
        return self._store.job(job_id)

    def wait(self, job_id: int, timeout: float | None = None) -> Job:
        """Block until a job that was put in line or is done here has ended, or the seconds are over."""
        with self._condition:
            self._condition.wait_for(lambda: job_id not in self._open and job_id not in self._running, timeout)
        return self._store.job(job_id)

    def is_busy(self) -> bool:
        """Whether something is done here, or was put in line here and has not ended."""
        with self._condition:
            return bool(self._running or self._open)

    def look(self) -> float:
        """Begin what can be begun, see to what is being done, and tell in how many seconds to look again."""
        for lane, places in self._places.items():
            while self._free(lane, places) and self._claim(lane):
                pass
        with self._condition:
            contexts = [context for context, _ in self._running.values()]
            waiting = self._open - set(self._running)
        for context in contexts:
            if self._store.is_cancel_requested(context.job_id):
                context.cancel()
            context.write_news()
        for job_id in waiting:
            self._see_to_waiting(job_id)
        if waiting and time.monotonic() - self._beaten > _HEARTBEAT_SECONDS:
            self._beaten = time.monotonic()
            self._store.beat_jobs(waiting)
        return _LOOK_SECONDS if contexts or waiting else _IDLE_SECONDS

    def _free(self, lane: Lane, places: int) -> int:
        with self._condition:
            return places - sum(running_lane == lane for _, running_lane in self._running.values())

    def _claim(self, lane: Lane) -> bool:
        """Begin the next job of a lane; false where there is none."""
        token = secrets.token_hex(8)
        with self._condition:
            job = self._store.claim_job(lane, token, set(self._kinds), self._open)
            if job is None:
                return False
            context = JobContext(job.id, self._store, self._settings, job.project or "", job.versions or {},
                                 lambda: self._models(job.id), lambda: self._credentials(job.id), token,
                                 job.attempts)  # fmt: skip
            self._running[job.id] = context, lane
        # A daemon, so that a long job does not keep a process from ending; another goes on with it.
        threading.Thread(target=self._run, args=(context, job), name=f"job-{job.id}", daemon=True).start()
        return True

    def _see_to_waiting(self, job_id: int) -> None:
        job = self._store.job(job_id)
        if job.active:
            return
        # Cancelled from elsewhere before it began.
        if not job.started_at:
            self._drop(job)
        self._forget(job_id)

    def _drop(self, job: Job) -> None:
        """Undo what was prepared for a job that will not begin."""
        with suppress(LlmOptError):
            kind: JobKind[Any] = self._kinds.kind(job.kind)
            if kind.drop is not None:
                kind.drop(self._store, job.project or "", kind.read(job.arguments))

    def _models(self, job_id: int) -> Models:
        return workspace_models(self._store, self._settings, self._environ, self._keys.of(job_id), self._plug_ins)

    def _credentials(self, job_id: int) -> Credentials:
        endpoints = endpoints_from(self._settings, self._environ)
        return endpoints, {**environment_keys(endpoints, self._environ), **self._keys.of(job_id)}

    def _run(self, context: JobContext, job: Job) -> None:
        status: Status = "failed"
        error = ""
        result: Result = None
        try:
            with account_for(context.spending), urgent() if job.lane == "interactive" else nullcontext():
                result = _await_result(self._begin(context, job))
                check_plain(result, f"The result of the {job.kind} job")
            # Work that looks at `should_cancel` itself ends without an error, with what it has.
            status = "cancelled" if context.should_cancel() else "finished"
        except Cancellation:
            status = "cancelled"
        except OutOfBudget as reached:
            status, error = "budget-reached", str(reached)
        except NotPlain as failed:
            result, error = None, str(failed)
        except LlmOptError as failed:
            error = str(failed)
        # Anything, a library's SystemExit too: the job must not stay `running` for as long as this process lives.
        except BaseException as unexpected:
            # Messages of libraries may quote a whole request.
            error = f"{type(unexpected).__name__}: {unexpected}"[:500]
        try:
            is_written = _write_ending(context, status=status, error=error, result=result)
        finally:
            self._forget(context.job_id)
            self._wake.set()
        # Nobody waits for it any more, but it must not stay `running` for as long as this process lives.
        while not is_written:
            time.sleep(_LOOK_SECONDS)
            is_written = _write_ending(context, status=status, error=error, result=result)

    def _begin(self, context: JobContext, job: Job) -> Result | Awaitable[Result]:
        kind: JobKind[Any] = self._kinds.kind(job.kind)
        arguments = kind.read(job.arguments)
        try:
            endpoints = endpoints_from(self._settings, self._environ) if job.key_names else {}
            check_keys(job.key_names, self._keys.of(job.id), endpoints, self._environ)
        except LlmOptError:
            self._drop(job)
            raise
        return kind.run(context, arguments)

    def _forget(self, job_id: int) -> None:
        self._keys.drop(job_id)
        with self._condition:
            self._running.pop(job_id, None)
            self._open.discard(job_id)
            self._condition.notify_all()


def _write_ending(context: JobContext, **ending: Any) -> bool:
    """Store how a job has ended; false where the store fails, as on a full disk."""
    try:
        # Otherwise it is another process that says how the job ended.
        if not context.is_lost:
            context.write_progress(**ending)
    except LlmOptError:
        return False
    return True


def _await_result(result: Result | Awaitable[Result]) -> Result:
    """What the work gave; asynchronous work is awaited in the process's event loop."""
    if not inspect.isawaitable(result):
        return result

    async def whole() -> Result:
        return await result

    return run_in_loop(whole())


def _serve(reference: weakref.ref[JobRunner], wake: threading.Event) -> None:
    """Look for work as long as somebody uses the runner."""
    while (runner := reference()) is not None:
        seconds = _LOOK_SECONDS
        # The disk may be full for a while, or the database away; work that is under way says so itself.
        with suppress(LlmOptError):
            seconds = runner.look()
        # While this waits, only others may keep the runner alive.
        del runner
        wake.wait(seconds)
        wake.clear()
