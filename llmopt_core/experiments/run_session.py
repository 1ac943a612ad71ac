"""One stretch of work on a run: answers and grades what is missing, keeps each record, says how it ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from llmopt_core.errors import Cancellation, LlmOptError, OutOfBudget, StorageError
from llmopt_core.execution.accounts import Account
from llmopt_core.execution.budget import Budget
from llmopt_core.execution.concurrency import map_concurrently
from llmopt_core.execution.progress import Pace
from llmopt_core.experiments.cancellable import cancellable
from llmopt_core.experiments.grading import budget_gap
from llmopt_core.experiments.outage import Outage
from llmopt_core.experiments.outcome import failure_reasons, failure_sentence
from llmopt_core.experiments.pipeline import Pipeline
from llmopt_core.experiments.progress import RunProgress
from llmopt_core.experiments.record_saver import RecordSaver
from llmopt_core.experiments.rereading import reread_records
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Status
from llmopt_core.types import Example, Failure, Record, Usage


@dataclass
class RunSession:
    """One stretch of work on a run."""

    store: Store
    run_id: int
    pipeline: Pipeline
    examples: Sequence[Example]
    concurrency: int
    budget: Budget
    earlier_usage: Usage
    on_progress: Callable[[RunProgress], None] | None
    start: float = field(default_factory=time.perf_counter)
    done: int = 0
    failed: int = 0
    cached: int = 0
    kept_state: tuple[int, Usage] = (0, Usage())  # Calls paid and under way, as they were last stored.
    unpaid_count: int = 0  # Answers with a score that the budget had no room for.
    out_of_budget: str = ""

    @cached_property
    def saver(self) -> RecordSaver:
        """Writes records in the background."""
        return RecordSaver(self.store)

    @cached_property
    def pace(self) -> Pace:
        """How fast records that take a call come."""
        return Pace(self.concurrency)

    @cached_property
    def outage(self) -> Outage:
        """Whether the endpoint that answers is gone."""
        return Outage(self.concurrency)

    @cached_property
    def judge_outage(self) -> Outage:
        """Whether the judge's is."""
        return Outage(self.concurrency)

    @cached_property
    def earlier(self) -> dict[int, Usage]:
        """What records took before: a record that is made again keeps adding."""
        return self.store.record_usage(self.run_id)

    @cached_property
    def account(self) -> Account:
        """What was paid for the run, in all its sessions."""
        return Account(self.store.run(self.run_id).usage + self.earlier_usage, self._save_spending)

    def _save_spending(self) -> None:
        state = (self.account.usage.calls, self.account.flying)
        # What a cache answers is entered as well, and changes nothing.
        if state != self.kept_state:
            self.kept_state = state
            self.saver.put_spending(self.run_id, self.account, self.budget.dearest)

    async def run(self, should_cancel: Callable[[], bool]) -> None:
        """Do what is missing and close the run, however it ends."""
        try:
            with self.saver:
                await cancellable(self._work(), should_cancel, self._beat)
        except Cancellation:
            self._finish("cancelled")
        except OutOfBudget as error:
            self._finish("budget-reached", str(error))
        # The program ends, and nobody asked for it: the run can be gone on with.
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
        # What a pilot paid is kept before anything else can fail.
        if self.earlier_usage.calls:
            self._save_spending()
        await self.pipeline.prepare([self.examples[i] for i in missing], self._indexing)
        self._report()
        await self._records(missing, self.concurrency)
        if missing:
            await reread_records(self.store, self.run_id, self.pipeline, self.examples, self._put_again)

    def _missing(self) -> list[int]:
        finished_positions = self.store.record_positions(self.run_id, with_failures=False) - self.store.open_positions(
            self.run_id
        )
        # Good ones alone: what failed, or lacks a score for a reason that passes, is made again.
        self.done = len(finished_positions)
        return [position for position in range(len(self.examples)) if position not in finished_positions]

    async def _records(self, positions: Sequence[int], concurrency: int) -> None:
        def keep(_: int, position: int, result: Record | Failure | None) -> None:
            if result is not None:
                self._keep(position, result)

        # While some records are scored and stored, others ask already: the calls are what is bounded.
        self.pipeline.models.at_once(concurrency)
        records = concurrency if concurrency == 1 else concurrency + max(1, concurrency // 4)
        await map_concurrently(positions, self._one, concurrency=records, on_result=keep, should_stop=self._should_stop)

    async def _one(self, position: int) -> Record | None:
        """The record; None where the budget had no room for it. The others go on as far as they need no more."""
        try:
            record = await self.pipeline.evaluate(self.examples[position], partial=True)
        # No failure of the example: it has no record, and is asked when the run goes on.
        except OutOfBudget as error:
            self.out_of_budget = str(error)
            return None
        # Waited for, so that what counts as done is stored, and a slow disk slows the asking instead of filling the
        # memory.
        await asyncio.wrap_future(self.saver.put(self.run_id, position, self._add_earlier_usage(position, record)))
        return record

    def _put_again(self, position: int, record: Record) -> None:
        self.saver.put(self.run_id, position, record)

    def _add_earlier_usage(self, position: int, record: Record) -> Record:
        return replace(record, usage=self.earlier.get(position, Usage()) + record.usage)

    def _keep(self, position: int, result: Record | Failure) -> None:
        record = result if isinstance(result, Record) else Record(self.examples[position], failure=result)
        # Even the pipeline raised, so nobody has made a record or stored one.
        if record is not result:
            self.saver.put(self.run_id, position, self._add_earlier_usage(position, record))
        # Nothing more is paid for when nothing can be stored.
        self.saver.check()
        self.done += 1
        if record.usage.calls:
            self.pace.step()
        else:
            self.cached += 1
        self.failed += record.failure is not None
        self.outage.see(record.failure)
        self.judge_outage.see_scores(record)
        if reason := budget_gap(record):
            self.unpaid_count += 1
            self.out_of_budget = reason
        self._report()

    def _should_stop(self) -> bool:
        return bool(self.out_of_budget or self.outage.given_up_after or self.judge_outage.given_up_after)

    def _outcome(self) -> tuple[Status, str]:
        # An outage that comes with the last record has cost nothing: then the run counts as any other.
        missing = len(self.examples) - self.done
        if self.outage.reason is not None and missing:
            return (
                "failed",
                f"Stopped after {self.outage.given_up_after} failures in a row: {self.outage.reason.message}",
            )
        if self.judge_outage.reason is not None and missing:
            return (
                "failed",
                f"Stopped after {self.judge_outage.given_up_after} answers in a row could not be scored: "
                f"{self.judge_outage.reason.message}",
            )
        if self.out_of_budget and missing + self.unpaid_count:
            return "budget-reached", self.out_of_budget
        # A run of which more failed than not has not done its work, whatever the rest says.
        return ("failed" if self.failed * 2 > len(self.examples) else "finished"), ""

    def _finish(self, status: Status, error: str = "") -> None:
        # After an outage its own sentence says the same already.
        if not self.outage.given_up_after:
            failures = failure_sentence(failure_reasons(self.store, self.run_id), len(self.examples))
            error = " ".join(part for part in (error, failures) if part)
        self.store.finish_run(self.run_id, status, seconds=self._seconds(), error=error)
        self._report()

    def _finish_badly(self, error: BaseException) -> None:
        message = str(error) if isinstance(error, LlmOptError) else f"{type(error).__name__}: {error}"
        try:
            self.store.finish_run(self.run_id, "failed", seconds=self._seconds(), error=message)
        except StorageError:
            # The first error says it; the run will be found interrupted when its process has ended.
            return

    def _seconds(self) -> float:
        return time.perf_counter() - self.start

    def _indexing(self, count: int, total: int) -> None:
        if self.on_progress is not None:
            self.on_progress(self._progress(stage="indexing", count=count, total=total))

    def _report(self) -> None:
        if self.on_progress is not None:
            self.on_progress(self._progress(stage="answering", count=self.done, total=len(self.examples)))

    def _progress(self, *, stage: Any, count: int, total: int) -> RunProgress:
        remaining_seconds = self.pace.remaining_seconds(total - count) if stage == "answering" else None
        return RunProgress(
            self.run_id,
            self.pipeline.configuration.name,
            stage,
            count,
            total,
            failed=self.failed,
            cached=self.cached,
            usage=self.account.usage,
            seconds=self._seconds(),
            seconds_left=remaining_seconds,
            left_usd=self.budget.remaining_usd,
        )

    async def _beat(self) -> None:
        # The database may be busy, and all answers wait for the event loop.
        await asyncio.to_thread(self.store.beat_run, self.run_id)
