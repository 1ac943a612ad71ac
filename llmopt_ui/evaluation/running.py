"""The evaluations and estimates that are worked on, each with how far it is."""

from __future__ import annotations

from llmopt_core.runs.values import Job, Project
from llmopt_ui.evaluation.job import ESTIMATE, EVALUATION
from llmopt_ui.job_panel import follow
from llmopt_ui.resources import store
from llmopt_ui.session import state


def follow_evaluations(project: Project) -> bool:
    """Show those of a project in the order they were started, and tell of their end later; whether there are any."""
    active = _active(project, EVALUATION, ESTIMATE)
    for job in reversed(active):
        state().watched.add(job.id)
        follow(job, evaluation_title(job))
    return bool(active)


def evaluation_title(job: Job) -> str:
    """`Evaluating baseline, rag on questions`."""
    what = "Trying a few questions of" if job.kind == ESTIMATE else "Evaluating"
    names = ", ".join(job.arguments.get("configurations", []))
    return f"{what} {names} on {job.arguments.get('evaluation_set', '')}"


def names_in_work(project: Project) -> set[str]:
    """The configurations that are being evaluated; those that a pilot tries are not."""
    return {str(name) for job in _active(project, EVALUATION) for name in job.arguments.get("configurations", [])}


def _active(project: Project, *kinds: str) -> list[Job]:
    return [job for job in store().jobs(project, active=True) if job.kind in kinds]
