"""Comparisons as a kind of job."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from llmopt_core.errors import BadInput, LlmOptError
from llmopt_core.execution.progress import Progress
from llmopt_core.experiments.comparison import Comparison, comparison, plan_of
from llmopt_core.experiments.comparison_plan import ComparisonPlan
from llmopt_core.experiments.keys import documents_version
from llmopt_core.experiments.resume_check import check_resumable
from llmopt_core.experiments.search_terms import resumed_terms
from llmopt_core.interop.promptfoo.providers import ECHO, register_echo
from llmopt_core.jobs.context import JobContext
from llmopt_core.jobs.kind import JobKind
from llmopt_core.labs.prompts.board import Board, Place
from llmopt_core.labs.prompts.comparison_runner import open_cells, run_comparison
from llmopt_core.models.registry import Models
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Status
from llmopt_core.types import Spec

# Boards that have ended are kept for those who still look at them.
_MOST_BOARDS = 8


class ComparisonArguments(Spec):
    """Which comparison is answered; all else is kept with its runs.

    Attributes:
        variants: By name, for whoever reads the list of jobs.
        places: What is asked again, as column, row and repeat; None for all that is missing.
        endpoints: Whom it asks.
    """

    comparison: str
    variants: tuple[str, ...]
    evaluation_set: str
    places: tuple[tuple[int, int, int], ...] | None = None
    endpoints: tuple[str, ...] = ()


class Boards:
    """The boards of this process, by comparison. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._boards: dict[str, tuple[Board, int]] = {}

    def put(self, comparison_id: str, board: Board, job_id: int = 0) -> None:
        """Let a board be found, with the job that fills it."""
        with self._lock:
            self._boards[comparison_id] = (board, job_id)
            # The oldest first: a dict keeps the order in which they came.
            for stale_id in [key for key, (old, _) in self._boards.items() if old.has_ended][:-_MOST_BOARDS]:
                del self._boards[stale_id]

    def board(self, comparison_id: str) -> Board | None:
        """The board of a comparison; None where it has ended or is none of this process."""
        with self._lock:
            board, _ = self._boards.get(comparison_id, (None, 0))
        return None if board is None or board.has_ended else board

    def job(self, comparison_id: str) -> int:
        """The last job that worked on a comparison here; 0 for none."""
        with self._lock:
            return self._boards.get(comparison_id, (None, 0))[1]


BOARDS = Boards()


def comparison_arguments(
    plan: ComparisonPlan, comparison: Comparison, places: Sequence[Place] | None
) -> ComparisonArguments:
    """A comparison whose runs are stored, as arguments."""
    endpoints = {model.endpoint for variant in plan.variants for model in variant.models} | {plan.judge.endpoint}
    return ComparisonArguments(
        comparison=comparison.id,
        variants=tuple(variant.name for variant in plan.variants),
        evaluation_set=comparison.set_name,
        places=None if places is None else tuple(places),
        # Sorted, because a set has no order and equal arguments should read alike.
        endpoints=tuple(sorted(endpoints)),
    )


def compare(context: JobContext, arguments: ComparisonArguments) -> dict[str, Any]:
    """Answer what is asked, or what is missing of it where the job was begun before."""
    stored_comparison = comparison(context.store, context.project, arguments.comparison)
    # Put there by who started it in this process; None where the process that did is gone.
    board = BOARDS.board(stored_comparison.id)
    try:
        plan = plan_of(context.store, stored_comparison)
        version = documents_version(plan.documents)
        context.check_version("documents", version)
        # On a further attempt the board may lack what the first one had begun.
        if board is None or context.attempt > 1:
            stored_comparison, board = _begin_again(context, arguments, stored_comparison, plan, board or Board())
        status = _answer(context, plan, stored_comparison, board)
    finally:
        # In any case: runs that were never begun would stay "running" for good.
        _give_up(context.store, stored_comparison, board, "failed")
    return {"status": status, "runs": [run.id for run in stored_comparison.all_runs]}


def _begin_again(
    context: JobContext, arguments: ComparisonArguments, earlier: Comparison, plan: ComparisonPlan, board: Board
) -> tuple[Comparison, Board]:
    """Take the runs over from a process that is gone; what is missing of them is to be answered."""
    version = documents_version(plan.documents)
    # All of them before any is taken over: one that cannot be gone on with must not leave the others half open.
    for run in earlier.all_runs:
        check_resumable(run, version, plan.judge)
    for run in earlier.all_runs:
        # `from_living`: the owner of the job is this process, even if that of the runs seems alive.
        context.store.resume_run(run.id, documents_version=version, options=resumed_terms(run), from_living=True)
    # A job that was begun has answered some of its places: what is open is read from the store.
    first = context.attempt == 1 and arguments.places is not None
    board.add(arguments.places or () if first else open_cells(context.store, plan, earlier))
    BOARDS.put(earlier.id, board, context.job_id)
    # What was paid until then counts.
    return comparison(context.store, earlier.project, earlier.id), board


def _answer(context: JobContext, plan: ComparisonPlan, comparison: Comparison, board: Board) -> Status:
    start = time.monotonic()

    def should_cancel() -> bool:
        # Asked five times a second, which is often enough to tell how far it is.
        context.report(_standing(board.progress(start)))
        return context.should_cancel()

    async def answer(models: Models) -> Status:
        # promptfoo's echo, which answers with the prompt and is no endpoint.
        if any(variant.model.endpoint == ECHO for variant in plan.variants):
            register_echo(models)
        return await run_comparison(context.store, plan, comparison, models, board, should_cancel=should_cancel)

    return context.work(answer)


def _standing(now: Progress) -> dict[str, Any]:
    """How far a comparison is, for its job."""
    seconds = now.remaining_seconds()
    return {"done": now.done, "total": now.total, "unit": "answers", "cached": now.cached, "seconds_left": seconds}


def drop_comparison(store: Store, project: str, arguments: ComparisonArguments) -> None:
    """Close the runs of a comparison that was cancelled before it began."""
    # The comparison was deleted meanwhile.
    with suppress(BadInput):
        stored_comparison = comparison(store, project, arguments.comparison)
        _give_up(store, stored_comparison, BOARDS.board(stored_comparison.id), "cancelled")


def _give_up(store: Store, comparison: Comparison, board: Board | None, status: Status) -> None:
    """Close the runs of a comparison whose work never began."""
    # Its work has ended by itself and closed its runs.
    if board is not None and board.has_ended:
        return
    for run in comparison.all_runs:
        # One that another process has taken over is not ours to close.
        with suppress(LlmOptError):
            store.finish_run(run.id, status)
    if board is not None:
        board.end()


COMPARISON = JobKind("comparison", ComparisonArguments, compare, "Comparing", "watched", drop=drop_comparison)
