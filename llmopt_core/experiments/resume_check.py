"""What has changed since a run was begun, so that its answers or scores must not be mixed with new ones."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.evaluation.metrics.catalogue import METRICS
from llmopt_core.runs.values import Run


def judge_of(run: Run) -> JudgeSpec:
    """The judge that a run was begun with.

    Raises:
        BadInput: The run was stored without it.
    """
    try:
        return JudgeSpec.model_validate(run.options["judge"])
    except (KeyError, ValidationError):
        raise BadInput(
            f"Run {run.id} of {run.name} was stored without the judge that it was begun with, so nobody knows how to "
            "go on with it; start a new run (what is the same comes from the cache)."
        ) from None


def resume_problem(run: Run, version: str, judge: JudgeSpec | None) -> str:
    """Why a run cannot be resumed over documents of this version; empty where it can.

    Args:
        run: The run.
        version: Of the documents that the project has now.
        judge: Who would grade; None where that is not known.
    """
    if has_other_documents(run, version):
        reason = (
            "was started before runs kept the version of their documents, so they may have changed since, and its "
            "answers"
            if run.documents_version is None
            else "was made over other documents than the project has now, and its answers"
        )
    elif judge is not None and has_other_judge(run, judge):
        reason = f"was graded by {run.judge}, which is now {judge.label}, and its scores"
    else:
        return ""
    return (
        f"Run {run.id} of {run.name} {reason} must not be mixed; start a new run (what is the same comes from the "
        "cache)."
    )


def check_resumable(run: Run, version: str, judge: JudgeSpec) -> None:
    """Refuse to go on with a run over other documents, or with another judge.

    Raises:
        BadInput: See `resume_problem`.
    """
    if problem := resume_problem(run, version, judge):
        raise BadInput(problem)


def has_other_documents(run: Run, version: str) -> bool:
    """Whether its answers are over other documents, or may be. Without a good record nothing can be mixed."""
    # No known version never equals the one of now: what may have changed must not be mixed either.
    return run.retrieves and run.done > run.failed and run.documents_version != version


def has_other_judge(run: Run, judge: JudgeSpec) -> bool:
    """Whether another judge, or another version of it, has graded it. Without a good record nothing can be mixed."""
    return run.judge != judge.label and run.done > run.failed and _has_judge(run)


def check_one_judge(runs: Sequence[Run]) -> None:
    """Refuse to put scores of different judges, or of two versions of one, beside each other.

    Raises:
        BadInput: With the judges and their runs.
    """
    judged_runs = [run for run in runs if _has_judge(run)]
    if len({run.judge for run in judged_runs}) > 1:
        judges = ", ".join(f"run {run.id} by {run.judge}" for run in judged_runs)
        raise BadInput(f"Scores of different judges are never compared ({judges}); evaluate all with one judge again.")


def _has_judge(run: Run) -> bool:
    """Whether a judge graded its answers (assertions may ask one) or checked their facts."""
    needs_judge = any(name not in METRICS or "judge" in METRICS[name].needs for name in run.metrics)
    return needs_judge or bool(run.configuration.get("fact_check") or run.configuration.get("checks"))
