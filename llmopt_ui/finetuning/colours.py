"""The colours of tuned models, the same in every chart."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.experiments.finetuning_jobs import jobs_of
from llmopt_core.finetuning.jobs.job import Job
from llmopt_core.runs.values import Project
from llmopt_ui.colours import project_inks
from llmopt_ui.resources import settings, store
from llmopt_ui.theme import Ink, inks


def job_labels(jobs: Sequence[Job]) -> dict[str, str]:
    """What each job is called in charts, by its id: its model's name; with the id where an older one has that name.

    Args:
        jobs: Of one project, newest first.
    """
    labels: dict[str, str] = {}
    # From the oldest, which keeps its plain name when a later one takes it again.
    for job in reversed(jobs):
        labels[job.id] = f"{job.name} ({job.id[4:13]})" if job.name in labels.values() else job.name
    return labels


def job_inks(project: Project) -> dict[str, Ink]:
    """A colour for each tuned model of a project, by its label.

    It is that of the configuration of this name, if there is one. The others have theirs by age, so that a new job
    changes no colour.
    """
    labels = job_labels(jobs_of(store(), settings(), project))
    # On the right and so the stronger: a configuration's colour is the same on all pages.
    return inks(list(labels.values())) | project_inks(project)


def own_ink(project: Project, job: Job) -> dict[str, Ink]:
    """The colour of one job under its model's name."""
    labels = job_labels(jobs_of(store(), settings(), project))
    return {job.name: job_inks(project)[labels[job.id]]}
