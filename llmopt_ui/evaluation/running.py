"""The evaluations and estimates that are worked on, each with how far it is."""

from __future__ import annotations

from llmopt_core.runs.values import Job, Project
from llmopt_ui.evaluation.job import ESTIMATE, EVALUATION
from llmopt_ui.job_panel import follow
from llmopt_ui.resources import store
from llmopt_ui.session import state


def follow_evaluations(project: Project) -> bool:
    """Show those of a project in the order they were started, and tell of their end later; whether there are any."""
    active = [job for job in store().jobs(project, active=True) if job.kind in (EVALUATION, ESTIMATE)]
    for job in reversed(active):
        state().watched.add(job.id)
        follow(job, evaluation_title(job))
    return bool(active)


def evaluation_title(job: Job) -> str:
    """`Evaluating baseline, rag on questions`."""
    what = "Trying a few questions of" if job.kind == ESTIMATE else "Evaluating"
    names = ", ".join(job.arguments.get("configurations", []))
    return f"{what} {names} on {job.arguments.get('evaluation_set', '')}"
