"""The evaluations and estimates that are worked on, each with how far it is."""

from __future__ import annotations

from llmopt_core.labs.evaluation.jobs import ESTIMATE, configuration_names, is_evaluation
from llmopt_core.runs.values import Project
from llmopt_ui.job_panel import follow_job
from llmopt_ui.resources import store
from llmopt_ui.session import state


def follow_evaluations(project: Project) -> bool:
    """Show those of a project in the order they were started, and tell of their end later; whether there are any."""
    active = [job for job in store().jobs(project, active=True) if is_evaluation(job) or job.kind == ESTIMATE.name]
    # Jobs come newest first.
    for job in reversed(active):
        # Also those that another session has started: who sees it run is told of its end.
        state().watched_jobs.add(job.id)
        follow_job(job)
    return bool(active)


def names_in_evaluation(project: Project) -> set[str]:
    """The configurations that are being evaluated; those that a pilot tries are not."""
    active = [job for job in store().jobs(project, active=True) if is_evaluation(job)]
    return {name for job in active for name in configuration_names(job.arguments)}
