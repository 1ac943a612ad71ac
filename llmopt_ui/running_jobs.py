"""What is being worked on and trained, in few words in the sidebar."""

from __future__ import annotations

import streamlit as st

from llmopt_core.reporting.progress_summary import summarize_progress
from llmopt_ui import format as fmt
from llmopt_ui.job_panel import cancel_job, title_of
from llmopt_ui.progress import progress_line
from llmopt_ui.resources import job_runner, settings, store

_PERIOD = 3.0
"""Seconds. Half as often as a panel on the page: it is drawn on every page, whatever else the page does."""
_LINES_AT_MOST = 3
"""More would push the sidebar's buttons out of a small window; the rest is counted."""


def running_jobs(project: str) -> None:
    """What is being worked on and trained, in few words, wherever the user is. Draws nothing while there is nothing.

    Of other projects it says only how much there is: all wait in the same line.
    """
    is_training = _training()
    if not store().jobs(active=True) and not is_training:
        return
    # What a process that is gone has left is done here.
    job_runner()

    @st.fragment(run_every=_PERIOD)
    def bars() -> None:
        active = store().jobs(active=True)
        # Work without a project is the workspace's and shown everywhere.
        own = [job for job in active if job.project in (None, project)]
        others = len(active) - len(own)
        for job in own[:_LINES_AT_MOST]:
            progress_line(title_of(job), summarize_progress(job.progress), f"side_cancel_{job.id}",
                          cancel_job, (job.id,), stopping=job.cancel_requested)  # fmt: skip
        trains_here = any(job.lane == "training" for job in own)
        if is_training or trains_here:
            from llmopt_ui.finetuning.training_progress import training_lines

            others += training_lines(project, linked=trains_here)
        if others:
            st.caption(f":material/hourglass_top: {fmt.plural(others, 'job')} of other projects")

    bars()


def _training() -> bool:
    """Whether a model is being trained; what knows it is read only where something was ever trained."""
    from llmopt_core.finetuning.jobs.folder import jobs_root

    # The sidebar is drawn with every page, and importing what knows trainings takes longer than drawing it.
    if not jobs_root(settings()).is_dir():
        return False
    from llmopt_ui.finetuning.training_progress import active_training

    return bool(active_training())
