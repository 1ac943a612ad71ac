"""Which judge graded a run: one that was begun by another version of the judge is not gone on with."""

from __future__ import annotations

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.catalogue import METRICS
from llmopt_core.evaluation.judge import JudgeSpec
from llmopt_core.runs.values import Run


def judge_problem(run: Run, judge: JudgeSpec) -> str:
    """Why a run cannot be resumed with this judge; empty where it can.

    A run without a good record mixes nothing, and one whose metrics need no judge does not depend on it.
    """
    if run.judge == judge.label or run.done == run.failed or not _is_judged(run):
        return ""
    return (
        f"Run {run.id} of {run.name} was graded by {run.judge}, which is now {judge.label}, and their scores must not "
        "be mixed; start a new run (answers come from the cache, only the scores are made anew)."
    )


def check_judge(run: Run, judge: JudgeSpec) -> None:
    """Refuse to go on with a run that another judge graded.

    Raises:
        BadInput: See `judge_problem`.
    """
    if problem := judge_problem(run, judge):
        raise BadInput(problem)


def _is_judged(run: Run) -> bool:
    """Whether a judge graded its answers (assertions may ask one) or checked their facts."""
    graded = any(name not in METRICS or "judge" in METRICS[name].needs for name in run.metrics)
    return graded or bool(run.configuration.get("checks"))
