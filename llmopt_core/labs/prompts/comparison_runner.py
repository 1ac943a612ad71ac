"""Runs a comparison: every variant on every example, row by row, all columns at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial

from llmopt_core.errors import Cancellation, LlmOptError, OutOfBudget, StorageError
from llmopt_core.execution.accounts import Account, account_for
from llmopt_core.execution.budget import Budget
from llmopt_core.execution.concurrency import failure_of, map_concurrently
from llmopt_core.execution.spending import Spending
from llmopt_core.experiments.cancellable import cancellable
from llmopt_core.experiments.comparison import Comparison
from llmopt_core.experiments.comparison_plan import ComparisonPlan, comparison_work_name
from llmopt_core.experiments.grading import budget_gap
from llmopt_core.experiments.outcome import failure_reasons, failure_sentence
from llmopt_core.experiments.pipeline import Pipeline
from llmopt_core.experiments.record_saver import RecordSaver
from llmopt_core.experiments.rereading import reread_records
from llmopt_core.experiments.run_budget import remaining_budget
from llmopt_core.labs.prompts.board import Board, Place
from llmopt_core.models.registry import Models
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Status
from llmopt_core.types import Answer, Example, Failure, Record

_STOP_MESSAGE = "Stopped before the answer was whole."


def all_cells(plan: ComparisonPlan) -> list[Place]:
    """Every answer of a comparison, first repeats first, row by row."""
    return [
        (column, row, repeat)
        # Repeats outermost: every question has a first answer before any has a second, so a stop leaves a whole table.
        for repeat in range(plan.repeats)
        for row in range(len(plan.evaluation_set.examples))
        for column in range(len(plan.variants))
    ]


def open_cells(store: Store, plan: ComparisonPlan, comparison: Comparison) -> list[Place]:
    """What was never answered, failed, or has a score that can still be had, first repeats first, row by row."""
    good = {
        run.id: store.record_positions(run.id, with_failures=False) - store.open_positions(run.id)
        for run in comparison.all_runs
    }
    return [
        (column, row, repeat)
        for column, row, repeat in all_cells(plan)
        if row not in good[comparison.runs[column][repeat].id]
    ]


async def run_comparison(
    store: Store,
    plan: ComparisonPlan,
    comparison: Comparison,
    models: Models,
    board: Board,
    *,
    should_cancel: Callable[[], bool] | None = None,
) -> Status:
    """Answer what waits on the board, keeping each record as it finishes, and close the runs. Returns how it ended.

    What fails becomes its cell's failure and the others go on. After a cancellation what has come stays: whole answers
    as records, pieces of answers as failed records that hold the piece.

    Args:
        store: Holds the comparison's runs; its cache keeps the stages.
        plan: What to run.
        comparison: The comparison, as `start_comparison` gave it.
        models: Of the current event loop.
        board: With the places to answer; more may be added meanwhile.
        should_cancel: Asked five times a second.

    Raises:
        StorageError: The workspace cannot be written. What was stored stays.
        MissingDependency: A package or model file is absent.
    """
    start = time.perf_counter()
    # Stands where no `except` below applies, such as when the program is closed: the runs can be gone on with.
    status: Status = "interrupted"
    error = ""
    past_budget = remaining_budget(plan.budget_usd, comparison.all_runs)
    # With what earlier attempts paid, so that a budget is for the comparison and not for one attempt.
    past_spending = Spending(past_budget.usage, past_budget.dearest)
    try:
        # In a thread: versions of models are hashes of files, which would hold up the loop.
        work_name = await asyncio.to_thread(comparison_work_name, plan, models)
        with RecordSaver(store) as saver, models.spending(work_name, plan.budget_usd, minimum=past_spending) as budget:
            work = _answer(plan, comparison, models, store, board, saver, budget)
            # The beat tells other processes that these runs are alive.
            await cancellable(work, should_cancel or (lambda: False), lambda: _beat(store, comparison))
        status = "finished"
    except OutOfBudget as stop:
        status, error = "budget-reached", str(stop)
    except Cancellation:
        status = "cancelled"
    except Exception as problem:
        status = "failed"
        error = str(problem) if isinstance(problem, LlmOptError) else f"{type(problem).__name__}: {problem}"
        # The status is kept below, on the way out; the job shows the error as well.
        raise
    finally:
        try:
            _finish(store, comparison, status, time.perf_counter() - start, error)
        finally:
            # Whatever happened to the store: a board that never ends would leave its viewers waiting.
            board.end()
    return status


async def _answer(  # noqa: PLR0917
    plan: ComparisonPlan,
    comparison: Comparison,
    models: Models,
    store: Store,
    board: Board,
    saver: RecordSaver,
    budget: Budget,
) -> None:
    examples = plan.examples
    pipelines = [Pipeline(variant, plan.documents, plan.metrics, plan.judge, models) for variant in plan.variants]

    def save_spending(run_id: int) -> None:
        # With every call, so that a crash loses nothing that was paid.
        saver.put_spending(run_id, accounts[run_id], budget.dearest)

    # An account per run goes on from what it had.
    accounts = {run.id: Account(run.usage, partial(save_spending, run.id)) for run in comparison.all_runs}
    budget_errors: list[OutOfBudget] = []
    await _prepare(comparison, pipelines, accounts, examples)
    futures: list[Future[None]] = []

    def keep(place: Place, record: Record) -> None:
        column, row, repeat = place
        # The last future alone: records are stored in order, so when it is done all are, and all would fill memory.
        futures[:] = [saver.put(comparison.runs[column][repeat].id, row, board.finish(place, record))]

    # Others may be under way; they end as they can, and only those that wait are given up.
    def stop(error: OutOfBudget) -> None:
        budget_errors.append(error)
        board.drop_waiting()

    async def one(place: Place) -> None:
        column, row, repeat = place
        # A stream costs several times what a whole answer does, so it is asked for where somebody looks.
        hear = partial(board.add_piece, place) if board.is_watched(row) else None
        try:
            with account_for(accounts[comparison.runs[column][repeat].id]):
                record = await pipelines[column].evaluate(examples[row], repeat=repeat, on_text=hear, partial=True)
        except asyncio.CancelledError:
            # What has come is kept, since it was paid.
            piece = board.cell(place).text
            cancellation = Failure("answer", "cancelled", _STOP_MESSAGE)
            keep(place, Record(examples[row], Answer(piece), failure=cancellation))
            # A cancellation must reach the loop, or the stop would hang.
            raise
        except OutOfBudget as error:
            # Not asked is not failed: what was stored of it before stays, and it is asked with a larger budget.
            stop(error)
            board.drop(place)
            return
        except Exception as error:
            record = _failure_record(examples[row], error)
        if why := budget_gap(record):
            # It was answered, but its grading met the budget: kept, and nothing further is begun.
            stop(OutOfBudget(why))
        keep(place, record)

    # While some answers are scored, others ask already: the calls are what is bounded.
    models.at_once(plan.concurrency)
    answers = plan.concurrency if plan.concurrency == 1 else plan.concurrency + max(1, plan.concurrency // 4)
    # Places may be added while the last ones are answered: the board closes only when none has come.
    while not board.try_close() and not saver.has_failed:
        await map_concurrently(board.take_cells(), one, concurrency=answers, should_stop=lambda: saver.has_failed)
    # All is stored before the runs are closed; what could not be stored is raised here.
    await asyncio.gather(*map(asyncio.wrap_future, futures))
    # Before the error of the budget: what is read again costs nothing.
    await _reread(store, comparison, pipelines, accounts, examples, keep)
    if budget_errors:
        raise budget_errors[0]


async def _prepare(
    comparison: Comparison, pipelines: Sequence[Pipeline], accounts: Mapping[int, Account], examples: Sequence[Example]
) -> None:
    for pipeline, runs in zip(pipelines, comparison.runs, strict=True):
        # What preparing takes, such as building an index, is counted for the first repeat.
        with account_for(accounts[runs[0].id]):
            await pipeline.prepare(examples)


async def _reread(  # noqa: PLR0917
    store: Store,
    comparison: Comparison,
    pipelines: Sequence[Pipeline],
    accounts: Mapping[int, Account],
    examples: Sequence[Example],
    keep: Callable[[Place, Record], None],
) -> None:
    for column, (pipeline, runs) in enumerate(zip(pipelines, comparison.runs, strict=True)):
        for repeat, run in enumerate(runs):  # `place` is bound now: the loop goes on while records come.

            def put(row: int, record: Record, place: tuple[int, int] = (column, repeat)) -> None:
                keep((place[0], row, place[1]), record)

            with account_for(accounts[run.id]):
                await reread_records(store, run.id, pipeline, examples, put, repeat=repeat)


def _failure_record(example: Example, error: Exception) -> Record:
    """A full disk is no failure of the answer: it ends the comparison, which goes on when there is room."""
    # The only one that stops all: with a full disk every further answer would be paid and lost.
    if isinstance(error, StorageError):
        raise error
    return Record(example, failure=failure_of(error, "answer"))


async def _beat(store: Store, comparison: Comparison) -> None:
    for run in comparison.all_runs:
        await asyncio.to_thread(store.beat_run, run.id)


def _finish(store: Store, comparison: Comparison, status: Status, seconds: float, error: str) -> None:
    for run in comparison.all_runs:
        failures = failure_reasons(store, run.id)
        # More than half failed: a table of what is left would say nothing.
        mostly = status == "finished" and 2 * sum(reason.count for reason in failures) > run.total
        message = error or failure_sentence(failures, run.total)
        store.finish_run(run.id, "failed" if mostly else status, seconds=seconds, error=message)
