"""How far trainings are: in the sidebar, and as facts of the Jobs tab."""

from __future__ import annotations

import streamlit as st

from llmopt_core.experiments.finetuning_jobs import jobs_of
from llmopt_core.finetuning.finetuners import all_jobs
from llmopt_core.finetuning.jobs.job import Job
from llmopt_core.labs.finetuning.jobs import cancel, is_stopping, standing_of_training
from llmopt_core.labs.finetuning.service_watch import ServiceWatch
from llmopt_core.labs.finetuning.training_jobs import TRAINING_KINDS
from llmopt_ui.components import link_to
from llmopt_ui.finetuning.start import access
from llmopt_ui.finetuning.tabs import JOBS
from llmopt_ui.navigation import FINETUNING
from llmopt_ui.progress import progress_line
from llmopt_ui.resources import settings, store
from llmopt_ui.session import notify, report_problem

_LINES_AT_MOST = 3
"""More would push the sidebar's buttons out of a small window; the rest is counted."""


@st.cache_resource(show_spinner=False)
def service_watch() -> ServiceWatch:
    """One for all sessions of this process, so that a job is asked about once per period and not once per window."""
    return ServiceWatch()


def active_training() -> list[Job]:
    """What is trained and stands in no line of jobs, such as at a service, as last known; no service is asked."""
    # Those have a line of the sidebar as jobs already.
    folders = {job.arguments.get("folder") for job in store().jobs(active=True) if job.kind in TRAINING_KINDS}
    return [job for job in all_jobs(settings()) if not job.has_ended and job.id not in folders]


def training_lines(project: str, *, linked: bool = False) -> int:
    """The trainings of a project, in few words, with a way to stop each and to its curves; gives how many others have.

    Args:
        project: Its name; empty for none.
        linked: Whether there is a way to the curves although there is nothing to say here.
    """
    jobs = active_training()
    # With the keys of whoever has the app open; what is found stands in the next drawing.
    service_watch().look(access(), jobs)
    active = {job.id for job in jobs}
    own = [job for job in jobs_of(store(), settings(), store().project(project)) if job.id in active] if project else []
    # Newest first in the list, in the order they were started on the page.
    for job in reversed(own[:_LINES_AT_MOST]):
        verb = "Training" if job.status == "running" else "Waiting to train"
        progress_line(f"{verb} {job.name}", standing_of_training(job), f"side_tuning_cancel_{job.id}", cancel_training,
                      (job.id,), stopping=is_stopping(settings(), job))  # fmt: skip
    if own or linked:
        link_to(FINETUNING, "See its curves", JOBS)
    # Whatever else is trained here or at a service, whosever it is.
    return len(active - {job.id for job in own})


def cancel_training(job_id: str) -> None:
    """Ask a training to stop; a button's callback."""
    with report_problem():
        cancel(access(), job_id)
        notify("Asked to stop; it saves its state and ends after the step it is in.")
