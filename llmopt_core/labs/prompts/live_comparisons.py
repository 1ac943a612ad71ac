"""Comparisons that are being worked on in this process: started as jobs, watched through their boards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from llmopt_core.errors import BadInput
from llmopt_core.experiments.comparison import Comparison, comparison, new_id, plan_of, start_comparison
from llmopt_core.experiments.comparison_plan import ComparisonPlan
from llmopt_core.experiments.keys import documents_version
from llmopt_core.experiments.resume_check import check_resumable
from llmopt_core.experiments.run_budget import check_larger
from llmopt_core.experiments.search_terms import resumed_terms
from llmopt_core.jobs.queue import JobRunner
from llmopt_core.labs.prompts.board import Board, Place
from llmopt_core.labs.prompts.comparison_runner import all_cells
from llmopt_core.labs.prompts.jobs import BOARDS, COMPARISON, comparison_arguments
from llmopt_core.models.registry import Models
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Job

# Answers under way are stored before the process ends, if they come soon.
# Ten seconds: longer and the window hangs at closing, shorter and a paid answer may be lost.
_CLOSING_SECONDS = 10.0
# Places that whoever starts a comparison has on the screen, until a page says more.
# More than a screen holds: the first answers are streamed before the page has said what it shows.
_SEEN_AT_FIRST = 40


class LiveComparisons:
    """Starts, watches, cancels and retries comparisons. Safe to use from many threads.

    Args:
        store: Where they are kept.
        runner: Does them.
    """

    def __init__(self, store: Store, runner: JobRunner) -> None:
        self._store = store
        self._runner = runner

    def start(self, plan: ComparisonPlan, models: Models, keys: Mapping[str, str] | None = None) -> str:
        """Start a comparison; returns its id.

        Args:
            plan: What is compared.
            models: Those behind the variants' names now; which they are is kept.
            keys: Of the session, for the job.
        """
        new_comparison = start_comparison(self._store, plan, new_id(), models)
        self._submit(plan, new_comparison, None, keys)
        return new_comparison.id

    def ask_again(
        self,
        earlier: Comparison,
        places: Iterable[Place],
        budget_usd: float | None = None,
        keys: Mapping[str, str] | None = None,
    ) -> None:
        """Answer these places anew, beside what is being answered; the other records stay.

        Args:
            earlier: The comparison.
            places: What to ask.
            budget_usd: What the whole comparison may cost from now on; by default as before.
            keys: Of the session, for the job.

        Raises:
            BadInput: The comparison's examples are gone, its documents or judge have changed, another process works
                on it, or its budget is spent and no larger one is given.
        """
        cells = list(places)
        # Being answered here: the board takes them, unless it has closed in this moment.
        board = self.board(earlier.id)
        if board is not None and board.add(cells):
            return
        # It is ending: its runs must be closed before they can be taken up again.
        self.wait(earlier.id, _CLOSING_SECONDS)
        # As it stands now: what was paid since it was last read counts.
        earlier = comparison(self._store, earlier.project, earlier.id)
        plan = plan_of(self._store, earlier)
        if budget_usd is not None:
            plan = replace(plan, budget_usd=budget_usd)
        # Stopped by its budget, it needs a larger one named; else the old one simply goes on.
        new = budget_usd if earlier.out_of_budget else plan.budget_usd
        check_larger("the comparison", earlier.budget_usd, new, earlier.all_runs)
        version = documents_version(plan.documents)
        # All of them before any is changed.
        for run in earlier.all_runs:
            check_resumable(run, version, plan.judge)
        for run in earlier.all_runs:
            options = {"budget_usd": plan.budget_usd, **resumed_terms(run)}
            self._store.resume_run(run.id, documents_version=version, options=options)
        self._submit(plan, earlier, cells, keys)

    def board(self, comparison_id: str) -> Board | None:
        """The board of a comparison that is being worked on here; None for one that is not."""
        return BOARDS.board(comparison_id)

    def job(self, comparison_id: str) -> Job | None:
        """The last job of a comparison that was worked on here."""
        job_id = BOARDS.job(comparison_id)
        return self._runner.status(job_id) if job_id else None

    def cancel(self, comparison: Comparison) -> None:
        """Stop a comparison; what has come stays.

        Raises:
            BadInput: It is not being worked on in this process.
        """
        job_id = BOARDS.job(comparison.id)
        if not job_id:
            raise BadInput("This comparison is not being worked on here.")
        self._runner.cancel(job_id)

    def wait(self, comparison_id: str, timeout: float | None = None) -> None:
        """Block until a comparison of this process has ended."""
        if job_id := BOARDS.job(comparison_id):
            self._runner.wait(job_id, timeout)

    def _submit(
        self, plan: ComparisonPlan, comparison: Comparison, places: list[Place] | None, keys: Mapping[str, str] | None
    ) -> None:
        board = Board()
        cells = all_cells(plan) if places is None else places
        board.add(cells)
        board.look_at("at first", {row for _, row, _ in cells[:_SEEN_AT_FIRST]})
        # Before it is in line: the work looks for its board.
        BOARDS.put(comparison.id, board)
        versions = {"documents": documents_version(plan.documents), "evaluation set": plan.evaluation_set.version}
        arguments = comparison_arguments(plan, comparison, places)
        job_id = self._runner.submit(COMPARISON.name, plan.project, arguments, versions=versions, keys=keys)
        # Again, now with the job's number.
        BOARDS.put(comparison.id, board, job_id)
