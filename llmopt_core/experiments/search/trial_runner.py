"""Scores configurations, one after the other, within one budget. What was paid once is never paid again."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from llmopt_core.errors import OUTAGES, BadInput, OutOfBudget
from llmopt_core.execution.accounts import Account, account_for
from llmopt_core.execution.budget import Budget
from llmopt_core.execution.concurrency import map_concurrently
from llmopt_core.execution.progress import Progress
from llmopt_core.execution.spending import check_larger_budget
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.document_clusters import cluster_labels
from llmopt_core.experiments.keys import example_identity, model_identity
from llmopt_core.experiments.pipeline import Pipeline
from llmopt_core.experiments.search.reserve import Reserve
from llmopt_core.experiments.search.task import SearchTask
from llmopt_core.experiments.search.trial_result import TrialResult
from llmopt_core.experiments.work_name import work_name
from llmopt_core.models.base import ModelSpec
from llmopt_core.models.registry import Models
from llmopt_core.statistics.paired_comparison import Comparison, compare_pairs
from llmopt_core.types import Example, Failure, Record, Usage

StopReason = Literal["", "budget", "cancelled", "failed"]
Report = Callable[[dict[str, Any]], None]
# As in `outage`: answers in a row, with at least two rounds of what is in flight (`_is_hopeless`).
_PATIENCE = 5
# One candidate may break its own answers, as by a template that makes prompts too long; two point at the endpoint.
_BROKEN_IN_A_ROW = 2


def search_work_name(kind: str, task: SearchTask, models: Models, options: Mapping[str, Any]) -> str:
    """Under which what was paid for a search is kept: everything that decides its result.

    Args:
        kind: Of the search.
        task: What is searched.
        models: Those behind its names.
        options: What the search takes besides.
    """
    option_identities = {
        name: model_identity(v, models) if isinstance(v, ModelSpec) else v for name, v in options.items()
    }
    settings = [task.metric, task.held_back, task.seed, option_identities]
    # Only where there is one: the names of searches that were paid before stay as they are.
    settings += [[example_identity(example) for example in task.confirm]] if task.confirm else []
    return work_name(
        kind, task.configuration, task.evaluation_set.examples, task.documents, models, task.judge, settings
    )


@contextmanager
def trial_runner(
    work: str,
    task: SearchTask,
    models: Models,
    report: Report | None = None,
    should_cancel: Callable[[], bool] | None = None,
) -> Iterator[TrialRunner]:
    """A runner for a search of that name; its budget is for earlier sessions of it, too.

    Raises:
        BadInput: The budget stopped it before, and no larger one is given; or it is under way already.
    """
    usd, calls = task.budget.usd, task.budget.calls
    check_larger_budget(models.cache, work, usd, calls)
    with models.spending(work, usd, calls) as budget:
        yield TrialRunner(task, models, budget, report, should_cancel)


class TrialRunner:
    """Measures configurations of one task.

    When it is stopped (see `stop_reason`) nothing new is started; what is in flight finishes and is kept.

    Args:
        task: What is measured.
        models: Of the current event loop.
        budget: What may be paid; earlier sessions of the search are a part of it.
        report: Told how far the search is, in the words of a job's progress.
        should_cancel: Asked before each answer.

    Attributes:
        budget: What may be paid, and what was.
        stop_reason: Why nothing new is started; empty while it goes on.
        problem: The last failure of an answer.
    """

    def __init__(
        self,
        task: SearchTask,
        models: Models,
        budget: Budget,
        report: Report | None = None,
        should_cancel: Callable[[], bool] | None = None,
    ) -> None:
        self.task = task
        self.models = models
        self.budget = budget
        self.stop_reason: StopReason = ""
        self.problem = ""
        self.plan_size = 0
        self._report_to = report
        self._should_cancel = should_cancel or (lambda: False)
        self._account = Account()
        before = budget.usage
        self._reserve = Reserve(budget, 1 + len(task.configuration.prompt.steps), before.calls, before.cost_usd or 0.0)
        self._progress = Progress(0)
        self._start = time.monotonic()
        self._failures = self._broken_ones = 0
        # An endpoint that has answered nothing yet is judged by any failure, see `_count`.
        self._has_answers = False
        self._message = ""

    def facts(self, training_examples: Sequence[Example], exclusions: tuple[str, ...]) -> dict[str, Any]:
        """What every `SearchResult` tells of a search over those questions, as it stands now."""
        return {
            "source": self.task.source,
            "set_name": self.task.evaluation_set.name,
            "set_version": self.task.evaluation_set.version,
            "metric": self.task.metric,
            "trained_on": tuple(example.question for example in training_examples),
            "left_out": exclusions,
            "usage": self.usage,
            "seconds": self.seconds,
            "problem": self.problem,
        }

    @property
    def usage(self) -> Usage:
        """Of everything so far, what the cache answered included."""
        return self._account.usage

    @property
    def seconds(self) -> float:
        """Wall time so far."""
        return time.monotonic() - self._start

    def reserve(self, answers: int) -> None:
        """Keep so many answers payable: nothing else may use up the last of the budget."""
        self._reserve.answers = answers

    def release(self) -> None:
        """Let the reserve be used now, also where the budget seemed used up."""
        self._reserve.answers = 0
        if self.stop_reason == "budget":
            self.stop_reason = ""

    async def measure(
        self, configuration: Configuration, examples: Sequence[Example], message: str = ""
    ) -> TrialResult:
        """Answer and score the examples, as far as budget and patience go.

        Where answer after answer fails, the rest is not tried; where that happens to two configurations in a row, the
        runner is stopped.
        """
        # Each configuration has its own patience: the last one's failures say little of it.
        self._failures, self._has_answers = 0, False
        self.report(message)
        pipeline = Pipeline(configuration, self.task.documents, self.task.metrics, self.task.judge, self.models)
        finished_records: dict[int, Record] = {}

        async def one(place: int) -> None:
            record = await self._evaluate(pipeline, examples[place])
            if record is not None:
                finished_records[place] = record

        places = list(range(len(examples)))
        with self.models.within(self.budget), account_for(self._account):
            await self._prepare(pipeline, examples)
            while places and self._reserve.is_unknown and not self._should_stop():
                # One at a time, until it is known what must be kept for the last test.
                await map_concurrently(places[:1], one, concurrency=1)
                places = places[1:]
            results = await map_concurrently(
                places,
                one,
                concurrency=self.task.concurrency,
                should_stop=lambda: self._should_stop() or self._is_hopeless,
            )
        _raise_fatal(results)
        self._broken_ones = self._broken_ones + 1 if self._is_hopeless else 0
        if self._broken_ones >= _BROKEN_IN_A_ROW:
            self.stop_reason = self.stop_reason or "failed"
        # By place, not in the order in which they ended: `compare` pairs them.
        records = tuple(finished_records.get(place) for place in range(len(examples)))
        return TrialResult(tuple(self._value(record) for record in records), records, cluster_labels(examples))

    async def ask(self, call: Callable[[], Awaitable[Usage]]) -> bool:
        """Make a call beside the answers, if the budget has room for it. Says whether it was made."""
        if self._should_stop() or not self._has_room(beside=True):
            return False
        with self.models.within(self.budget), account_for(self._account), account_for(Account()) as account:
            try:
                await call()
            except OutOfBudget:
                self.stop_reason = self.stop_reason or "budget"
                return False
            finally:
                # Also where the call failed: what it took is paid.
                self._reserve.add(account.usage, beside=True)
        return True

    async def _prepare(self, pipeline: Pipeline, examples: Sequence[Example]) -> None:
        try:
            if not self._should_stop():
                await pipeline.prepare(examples)
        except OutOfBudget:
            self.stop_reason = self.stop_reason or "budget"

    def compare(self, before: TrialResult, after: TrialResult) -> Comparison:
        """Paired by example, and tested by whole documents where examples share them; `after - before`."""
        return compare_pairs(
            before.values, after.values, self.task.higher_is_better, self.task.seed, clusters=after.clusters
        )

    def require_scores(self, result: TrialResult) -> None:
        """Refuse to go on from a baseline of which nothing could be scored.

        Raises:
            BadInput: Says why.
        """
        if self.stop_reason or any(value is not None for value in result.values):
            return
        records = [record for record in result.records if record is not None]
        scores = [record.scores[self.task.metric] for record in records if self.task.metric in record.scores]
        # Why there was no answer says more than why it was not scored.
        reasons = [record.failure.message for record in records if record.failure] + [s.failure for s in scores]
        raise BadInput(f"No answer could be scored: {next((r for r in reasons if r), 'no reason was given')}")

    async def _evaluate(self, pipeline: Pipeline, example: Example) -> Record | None:
        if not pipeline.is_cached(example) and not self._has_room():
            return None
        with self._reserve:
            try:
                record = await pipeline.evaluate(example)
            except OutOfBudget:
                self.stop_reason = self.stop_reason or "budget"
                return None
        self._reserve.add(record.usage)
        self._count(record)
        return record

    def _has_room(self, *, beside: bool = False) -> bool:
        fits = self._reserve.has_room(beside=beside)
        if not fits:
            # Kept with what was paid, so that starting again asks for a larger budget.
            self.budget.has_refused = True
            self.stop_reason = self.stop_reason or "budget"
        return fits

    def _count(self, record: Record) -> None:
        self._progress = self._progress.step(record.usage, cached=not record.usage.calls)
        if record.failure is None:
            self._failures, self._has_answers = 0, True
        # Once one was answered, what belongs to a single example says nothing about the next.
        elif record.failure.kind in OUTAGES or not self._has_answers:
            self._failures += 1
        self.problem = record.failure.message if record.failure else self.problem
        self.report()

    @property
    def _is_hopeless(self) -> bool:
        return self._failures >= max(_PATIENCE, 2 * self.task.concurrency)

    def report(self, message: str = "") -> None:
        """Say how far the search is."""
        self._message = message or self._message
        if self._report_to is None:
            return
        progress = self._progress
        # The plan is a guess where candidates depend on answers; more than all is never shown.
        total = max(self.plan_size, progress.done)
        remaining = Progress(
            total, progress.done, progress.cached, started_at=progress.started_at, now=time.monotonic()
        )
        self._report_to(
            {
                "done": progress.done,
                "total": total,
                "cached": progress.cached,
                "tokens": self.usage.prompt_tokens + self.usage.completion_tokens,
                "cost_usd": self.usage.cost_usd,
                "left_usd": self.budget.remaining_usd,
                "seconds_left": remaining.remaining_seconds(),
                "message": self._message,
            }
        )

    def _should_stop(self) -> bool:
        if self._should_cancel():
            self.stop_reason = "cancelled"
        return bool(self.stop_reason)

    def _value(self, record: Record | None) -> float | None:
        if record is None or record.failure is not None or self.task.metric not in record.scores:
            return None
        return record.scores[self.task.metric].value


def _raise_fatal(results: Sequence[object]) -> None:
    """A pipeline gives records for what goes wrong; what it raises (a full disk, a missing package) ends the search."""
    # Those that were cancelled because another failed say nothing of their own.
    failure = next((r for r in results if isinstance(r, Failure) and r.kind != "cancelled"), None)
    if failure is not None:
        raise BadInput(failure.message)
