"""Why a run has no answers or scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmopt_core.runs.store import Store
    from llmopt_core.runs.values import Run

OUT_OF_BUDGET = 3
"""The budget ended it before there was anything to show."""


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
