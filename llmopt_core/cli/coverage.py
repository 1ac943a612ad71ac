"""Whether enough of a run came to say anything, and why the rest did not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmopt_core.runs.store import Store
    from llmopt_core.runs.values import Run

MIN_COVERAGE = 0.9
"""By default one question in ten may go without an answer, or without a score that a threshold asks for."""

TOO_LOW = 4
OUT_OF_BUDGET = 3
"""The budget ended it before there was anything to show."""


def too_few_answers(runs: Sequence[Run], least: float) -> list[str]:
    """Runs of which a smaller share of what was asked was answered, in words."""
    # Every run is named, though one is enough to fail: all of them are to be mended.
    return [
        f"{run.name}: only {run.done - run.failed} of {run.done} questions were answered; at least {least:.0%} are "
        "needed (--min-coverage)."
        for run in runs
        # By what was done, not by what was planned: what a budget left unasked is no failure of the answers.
        if run.done and run.done - run.failed < least * run.done
    ]


def explain_empty_budget(runs: Sequence[Run]) -> str:
    """Why there is no answer at all where a budget is the reason, in words; empty where there is one."""
    # One answer anywhere, and there is something to show: then the table tells what the budget kept out.
    if any(run.done > run.failed for run in runs):
        return ""
    return next((f"no answer came: {run.error}" for run in runs if run.status == "budget-reached"), "")


def list_missing_scores(store: Store, runs: Sequence[Run]) -> list[str]:
    """What could not be scored and why most often: a line per run and metric, below an empty one."""
    from llmopt_core.answering.finish_reason import finish_lines
    from llmopt_core.experiments.outcome import outcome

    lines = [
        f"{run.name}: {line}"
        for run in runs
        for line in (*outcome(store, run).sentences(), *finish_lines(store.records(run.id)))
    ]
    return ["", *lines] if lines else []
