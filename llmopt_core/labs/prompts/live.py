"""Comparisons that are being worked on in this process: started as jobs, watched through their boards."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.experiments.comparison import Comparison, comparison, new_id, plan_of, start_comparison
from llmopt_core.experiments.comparison_plan import ComparisonPlan
from llmopt_core.experiments.keys import documents_version
from llmopt_core.experiments.resume_check import check_resumable
from llmopt_core.experiments.run_budget import check_larger
from llmopt_core.jobs.context import JobContext
from llmopt_core.jobs.queue import JobRunner
from llmopt_core.labs.prompts.board import Board, Place
from llmopt_core.labs.prompts.run import all_places, run_comparison
from llmopt_core.models.registry import Models
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Job, Status

KIND = "comparison"
_CLOSING_SECONDS = 10.0
# Places that whoever starts a comparison has on the screen, until a page says more.
_SEEN_AT_FIRST = 40
MakeModels = Callable[[], Models]


class LiveComparisons:
    """Starts, watches, cancels and retries comparisons. Safe to use from many threads.

    Args:
        store: Where they are kept.
        runner: Runs them; people watch, so it should have room for several at once.
    """

    def __init__(self, store: Store, runner: JobRunner) -> None:
        self._store = store
        self._runner = runner
        self._lock = threading.Lock()
        self._boards: dict[str, tuple[Board, int]] = {}

    def start(self, plan: ComparisonPlan, make_models: MakeModels) -> str:
        """Start a comparison; returns its id. `make_models` is called here, and inside the job's event loop."""
        comparison_id = new_id()
        found = start_comparison(self._store, plan, comparison_id, make_models())
        self._submit(plan, found, all_places(plan), make_models)
        return comparison_id

    def ask_again(
        self, found: Comparison, places: Iterable[Place], make_models: MakeModels, budget_usd: float | None = None
    ) -> None:
        """Answer these places anew, beside what is being answered; the other records stay.

        Args:
            found: The comparison.
            places: What to ask.
            make_models: See `start`.
            budget_usd: What the whole comparison may cost from now on; by default as before.

        Raises:
            BadInput: The comparison's examples are gone, its documents or judge have changed, another process works
                on it, or its budget is spent and no larger one is given.
        """
        wanted = list(places)
        board = self.board(found.id)
        if board is not None and board.add(wanted):
            return
        self.wait(found.id, _CLOSING_SECONDS)
        # As it stands now: what was paid since it was last read counts.
        found = comparison(self._store, found.project, found.id)
        plan = plan_of(self._store, found)
        if budget_usd is not None:
            plan = replace(plan, budget_usd=budget_usd)
        new = budget_usd if found.out_of_budget else plan.budget_usd
        check_larger("the comparison", found.budget_usd, new, found.all_runs)
        version = documents_version(plan.documents)
        for run in found.all_runs:
            check_resumable(run, version, plan.judge)
        for run in found.all_runs:
            self._store.resume_run(run.id, documents_version=version, options={"budget_usd": plan.budget_usd})
        self._submit(plan, found, wanted, make_models)

    def board(self, comparison_id: str) -> Board | None:
        """The board of a comparison that is being worked on here; None for one that is not."""
        with self._lock:
            board, _ = self._boards.get(comparison_id, (None, 0))
        return None if board is None or board.ended else board

    def job(self, comparison_id: str) -> Job | None:
        """The last job of a comparison that was worked on here."""
        with self._lock:
            _, job_id = self._boards.get(comparison_id, (None, 0))
        return self._runner.status(job_id) if job_id else None

    def cancel(self, found: Comparison) -> None:
        """Stop a comparison; what has come stays.

        Raises:
            BadInput: It is not being worked on in this process.
        """
        with self._lock:
            board, job_id = self._boards.get(found.id, (None, 0))
        if board is None:
            raise BadInput("This comparison is not being worked on here.")
        self._runner.cancel(job_id)
        if self._runner.status(job_id).status == "queued":
            self._give_up(found, board, "cancelled")

    def wait(self, comparison_id: str, timeout: float | None = None) -> None:
        """Block until a comparison of this process has ended."""
        with self._lock:
            _, job_id = self._boards.get(comparison_id, (None, 0))
        if job_id:
            self._runner.wait(job_id, timeout)

    def _give_up(self, found: Comparison, board: Board, status: Status) -> None:
        """Close the runs of a comparison whose work never began."""
        if board.ended:
            return
        for run in found.all_runs:
            self._store.finish_run(run.id, status)
        board.end()

    def _submit(self, plan: ComparisonPlan, found: Comparison, places: list[Place], make_models: MakeModels) -> None:
        board = Board()
        board.add(places)
        board.look_at("at first", {row for _, row, _ in places[:_SEEN_AT_FIRST]})

        async def work(context: JobContext) -> dict[str, Any]:
            started = time.monotonic()

            def should_cancel() -> bool:
                context.report(_standing(board, time.monotonic() - started))
                return context.should_cancel()

            try:
                async with make_models() as models:
                    status = await run_comparison(
                        context.store, plan, found, models, board, should_cancel=should_cancel
                    )
            finally:
                self._give_up(found, board, "failed")
            return {"status": status, "runs": [run.id for run in found.all_runs]}

        arguments = {"comparison": found.id, "variants": [v.name for v in plan.variants], "set": found.set_name}
        with self._lock:
            self._boards[found.id] = (board, 0)
            job_id = self._runner.submit_work(KIND, plan.project, arguments, work, lane="watched")
            self._boards[found.id] = (board, job_id)
            for gone in [key for key, (old, _) in self._boards.items() if old.ended][:-8]:
                del self._boards[gone]


def _standing(board: Board, seconds: float) -> dict[str, Any]:
    """How far a comparison is, for its job; the time left goes by what has come so far."""
    done, total = board.counts()
    left = seconds / done * (total - done) if done else None
    return {"done": done, "total": total, "unit": "answers", "seconds_left": left}
