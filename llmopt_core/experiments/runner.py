"""One configuration over one evaluation set -> a recorded run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from llmopt_core.errors import BadInput, BudgetReached, Cancelled, LlmOptError, StorageFailed
from llmopt_core.evaluation.judge import JudgeSpec
from llmopt_core.execution.bounded import bounded_map
from llmopt_core.execution.progress import Progress
from llmopt_core.experiments.check import check_run
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.grading import recorded_metrics
from llmopt_core.experiments.keys import documents_version
from llmopt_core.experiments.outage import Outage
from llmopt_core.experiments.outcome import failure_reasons, failure_sentence
from llmopt_core.experiments.pipeline import Pipeline
from llmopt_core.experiments.progress import RunProgress
from llmopt_core.experiments.record_saver import RecordSaver
from llmopt_core.experiments.run_documents import check_documents
from llmopt_core.models.registry import Models
from llmopt_core.runs.owner import HEARTBEAT_SECONDS
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project, Status
from llmopt_core.types import Document, EvaluationSet, Example, Failure, Record, Usage

_LOOK_SECONDS = 0.2


async def run_evaluation(  # noqa: PLR0917
    store: Store,
    project: Project | str,
    configuration: Configuration,
    evaluation_set: EvaluationSet,
    documents: Sequence[Document],
    metrics: Sequence[str],
    judge: JudgeSpec,
    models: Models,
    *,
    concurrency: int = 4,
    budget_usd: float | None = None,
    limit: int | None = None,
    resume_run: int | None = None,
    on_progress: Callable[[RunProgress], None] | None = None,
    should_cancel: Callable[[], bool] | None = None,
    job_id: int | None = None,
) -> int:
    """Answer and score every example, storing each record as it finishes. Returns the run's id.

    How it ended is the run's status: `finished`; `budget-reached`, when the next records would cost more than is left;
    `cancelled`; `failed`, when the endpoint failed again and again, most answers failed, or nothing could be stored.
    The run's error says how many answers failed and why most often, also where it finished.

    Args:
        store: Where the run is kept; its cache holds the stages.
        project: The run's project.
        configuration: What to run.
        evaluation_set: On what.
        documents: What it retrieves from.
        metrics: Names of metrics.
        judge: Who grades.
        models: Of the current event loop.
        concurrency: Model calls at once.
        budget_usd: The most the whole run may cost, earlier sessions included.
        limit: Only so many of the first examples.
        resume_run: Continue this run: its good records stay, missing and failed ones are made.
        on_progress: Called in the event loop as records finish.
        should_cancel: Asked five times a second; once true, calls in flight are dropped.
        job_id: The job this run belongs to.

    Raises:
        BadInput: It could only fail (see `check_run`), or `resume_run` is another configuration's or documents'.
        StorageFailed: The workspace cannot be written. What was stored stays.
        MissingDependency: A package or model file is absent.
    """
    if concurrency < 1 or (limit is not None and limit < 1):
        raise BadInput("Concurrency and limit must be at least 1.")
    check_run(configuration, evaluation_set, documents, metrics, judge, models, budget_usd)
    examples = evaluation_set.examples[:limit]
    pipeline = Pipeline(configuration, documents, metrics, judge, models, store.cache)
    options = {
        "limit": limit,
        "concurrency": concurrency,
        "budget_usd": budget_usd,
        "judge": judge.model_dump(mode="json"),
    }
    store.keep_evaluation_set(project, evaluation_set)
    version = documents_version(documents)
    if resume_run is None:
        run_id = store.start_run(
            project,
            configuration.model_dump(mode="json"),
            configuration.fingerprint,
            evaluation_set=evaluation_set.name,
            set_version=evaluation_set.version,
            judge=judge.label,
            metrics=recorded_metrics(metrics, examples),
            total=len(examples),
            options=options,
            job_id=job_id,
            documents_version=version,
        )
    else:
        run_id = _taken_over(store, resume_run, configuration, evaluation_set, version, job_id)
    session = _Session(store, run_id, pipeline, examples, concurrency, budget_usd, on_progress)
    await session.run(should_cancel or (lambda: False))
    return run_id


def _taken_over(  # noqa: PLR0917
    store: Store,
    run_id: int,
    configuration: Configuration,
    evaluation_set: EvaluationSet,
    version: str,
    job_id: int | None,
) -> int:
    run = store.run(run_id)
    if (run.fingerprint, run.set_version) != (configuration.fingerprint, evaluation_set.version):
        raise BadInput(f"Run {run_id} was made with another configuration or set; start a new run.")
    check_documents(run, version)
    return store.resume_run(run_id, job_id, version).id


@dataclass
class _Session:
    """One stretch of work on a run."""

    store: Store
    run_id: int
    pipeline: Pipeline
    examples: Sequence[Example]
    concurrency: int
    budget: float | None
    on_progress: Callable[[RunProgress], None] | None
    started: float = field(default_factory=time.perf_counter)
    usage: Usage = Usage()
    done: int = 0
    failed: int = 0
    cached: int = 0
    made: int = 0
    first_made: float = 0.0
    made_cost: float = 0.0
    in_flight: int = 0
    out_of_budget: bool = False

    @cached_property
    def saver(self) -> RecordSaver:
        return RecordSaver(self.store)

    @cached_property
    def outage(self) -> Outage:
        return Outage(self.concurrency)

    async def run(self, should_cancel: Callable[[], bool]) -> None:
        """Do what is missing and close the run, however it ends."""
        try:
            with self.saver:
                await cancellable(self._work(), should_cancel, self._beat)
        except Cancelled:
            self._finish("cancelled")
        except BudgetReached as error:
            self._finish("budget-reached", str(error))
        except asyncio.CancelledError:
            self._finish("interrupted", "The program was stopped.")
            raise
        except BaseException as error:
            self._finish_badly(error)
            raise
        else:
            self._finish(*self._outcome())

    async def _work(self) -> None:
        missing = self._missing()
        left = None if self.budget is None else self.budget - (self.usage.cost_usd or 0.0)
        await self.pipeline.prepare([self.examples[i] for i in missing], self._indexing, left)
        self._report()
        while self.budget is not None and missing and not self.made:
            # One at a time, until it is known what one costs.
            await self._records(missing[:1], 1)
            missing = missing[1:]
        await self._records(missing, self.concurrency)

    def _missing(self) -> list[int]:
        run = self.store.run(self.run_id)
        good = self.store.done_positions(self.run_id, failed=False)
        self.usage, self.done = run.usage, len(good)
        return [position for position in range(len(self.examples)) if position not in good]

    async def _records(self, positions: Sequence[int], concurrency: int) -> None:
        def keep(_: int, position: int, result: Record | Failure) -> None:
            self._keep(position, result)

        # While some records are scored and stored, others ask already: the calls are what is bounded.
        self.pipeline.models.at_once(concurrency)
        records = concurrency if concurrency == 1 else concurrency + max(1, concurrency // 4)
        await bounded_map(positions, self._one, concurrency=records, on_done=keep, should_stop=self._should_stop)

    async def _one(self, position: int) -> Record:
        self.in_flight += 1
        try:
            record = await self.pipeline.evaluate(self.examples[position])
            await asyncio.wrap_future(self.saver.put(self.run_id, position, record))
        finally:
            self.in_flight -= 1
        return record

    def _keep(self, position: int, result: Record | Failure) -> None:
        record = result if isinstance(result, Record) else Record(self.examples[position], failure=result)
        if record is not result:
            self.saver.put(self.run_id, position, record)
        self.saver.check()
        self.done += 1
        self.usage += record.usage
        if record.usage.calls:
            self.first_made = self.first_made or time.monotonic()
            self.made += 1
            self.made_cost += record.usage.cost_usd or 0.0
        else:
            self.cached += 1
        self.failed += record.failure is not None
        self.outage.see(record.failure)
        self._report()

    def _should_stop(self) -> bool:
        if self.budget is not None and self.made:
            expected = (self.in_flight + 1) * self.made_cost / self.made
            self.out_of_budget = self.out_of_budget or (self.usage.cost_usd or 0.0) + expected > self.budget
        return self.out_of_budget or self.outage.given_up_after > 0

    def _outcome(self) -> tuple[Status, str]:
        missing = len(self.examples) - self.done
        if self.outage.reason is not None and missing:
            return (
                "failed",
                f"Stopped after {self.outage.given_up_after} failures in a row: {self.outage.reason.message}",
            )
        if self.out_of_budget and missing:
            return "budget-reached", f"The budget of {self.budget:g} USD leaves no room for the next record."
        return ("failed" if self.failed * 2 > len(self.examples) else "finished"), ""

    def _finish(self, status: Status, error: str = "") -> None:
        if not self.outage.given_up_after:
            failures = failure_sentence(failure_reasons(self.store, self.run_id), len(self.examples))
            error = " ".join(part for part in (error, failures) if part)
        self.store.finish_run(self.run_id, status, seconds=self._seconds(), error=error)
        self._report()

    def _finish_badly(self, error: BaseException) -> None:
        told = str(error) if isinstance(error, LlmOptError) else f"{type(error).__name__}: {error}"
        try:
            self.store.finish_run(self.run_id, "failed", seconds=self._seconds(), error=told)
        except StorageFailed:
            # The first error says it; the run will be found interrupted when its process has ended.
            return

    def _seconds(self) -> float:
        return time.perf_counter() - self.started

    def _indexing(self, done: int, total: int) -> None:
        if self.on_progress is not None:
            self.on_progress(self._progress(stage="indexing", done=done, total=total))

    def _report(self) -> None:
        if self.on_progress is not None:
            self.on_progress(self._progress(stage="answering", done=self.done, total=len(self.examples)))

    def _progress(self, *, stage: Any, done: int, total: int) -> RunProgress:
        left = self._seconds_left(total - done) if stage == "answering" else None
        return RunProgress(
            self.run_id,
            self.pipeline.configuration.name,
            stage,
            done,
            total,
            failed=self.failed,
            cached=self.cached,
            usage=self.usage,
            seconds=self._seconds(),
            seconds_left=left,
        )

    def _seconds_left(self, missing: int) -> float | None:
        # The first ones waited for models to be loaded and come in one burst: the clock starts with them.
        made = self.made - 1 if self.made > self.concurrency else 0
        return Progress(made + missing, made, started_at=self.first_made, now=time.monotonic()).time_left()

    async def _beat(self) -> None:
        await asyncio.to_thread(self.store.beat_run, self.run_id)


async def cancellable(
    work: Coroutine[Any, Any, None], should_cancel: Callable[[], bool], beat: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """Await `work`, looking up now and then.

    Raises:
        Cancelled: `should_cancel` became true; everything in flight was dropped.
    """
    task = asyncio.ensure_future(work)
    beaten = time.monotonic()
    try:
        while not task.done():
            await asyncio.wait((task,), timeout=_LOOK_SECONDS)
            if not task.done() and should_cancel():
                raise Cancelled("Cancelled.")
            if time.monotonic() - beaten > HEARTBEAT_SECONDS:
                beaten = time.monotonic()
                await beat()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    task.result()
