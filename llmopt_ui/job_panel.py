"""Follows long work: how far it is, how long it still takes, what it has cost, and a way to stop it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from llmopt_core.labs.job_kinds import job_kinds
from llmopt_core.reporting.progress_summary import summarize_progress
from llmopt_core.runs.values import Job
from llmopt_ui import format as fmt
from llmopt_ui.components import show_error, show_errors
from llmopt_ui.progress import ProgressCard
from llmopt_ui.resources import job_runner, resume_job, store
from llmopt_ui.session import report_problem, state

_PERIOD = 1.5
"""Seconds between two looks at a job: often enough to follow it, seldom enough to leave the machine to the work."""
_WORDS = {
    "queued": "Waiting for its turn",
    "running": "Running",
    "finished": "Finished",
    "interrupted": "Interrupted before it was done",
    "cancelled": "Cancelled",
    "failed": "Failed",
    "budget-reached": "Stopped: the budget was reached",
}


def title_of(job: Job) -> str:
    """What the job is called."""
    return job_kinds().title(job.kind, job.arguments)


def follow_job(job: Job, on_end: Callable[[Job], None] | None = None, *, stoppable: bool = True) -> None:
    """Show a job. While it is active only this panel is drawn again; when it ends the whole page is.

    Args:
        job: As it was when the page was drawn.
        on_end: Called once, before the page is drawn again after the end.
        stoppable: Whether it looks at a request to stop.
    """

    @st.fragment(run_every=_PERIOD if job.active else None)
    def panel() -> None:
        current = store().job(job.id)
        _panel(current, stoppable=stoppable)
        # The page around still shows the job as running, so all of it must be drawn: results, buttons, lists.
        if job.active and not current.active:
            if on_end is not None:
                on_end(current)
            st.rerun()

    panel()


def last_failure(jobs: Sequence[Job]) -> None:
    """What went wrong with the newest of these jobs (they come newest first), until it is put away."""
    newest = jobs[0] if jobs else None
    # Only the newest: a later one that went well makes an earlier failure old news.
    if newest is None or newest.status != "failed" or newest.id in state().dismissed_jobs:
        return
    show_error(f"{title_of(newest)} failed: {newest.error}")
    with st.container(horizontal=True, gap="small"):
        resume_button(newest)
        put_away_button(newest)


def put_away_button(job: Job) -> None:
    """A button for what is told of a job that has ended: the session has seen it."""
    st.button(
        "Put away", key=f"job_seen_{job.id}", type="tertiary", on_click=state().dismissed_jobs.add, args=(job.id,)
    )


def resume_button(job: Job) -> None:
    """Go on with a job that ended before it was done, where any process can."""
    if job.resumable and st.button(
        "Resume", key=f"job_resume_{job.id}", icon=":material/resume:",
        help="Does only what is missing; nothing is paid twice.",
    ):  # fmt: skip
        with show_errors():
            resume_job(job.id)
            st.rerun()


def _panel(job: Job, *, stoppable: bool) -> None:
    progress = job.progress
    cancel = cancel_job if job.active and stoppable else None
    card = ProgressCard(title_of(job), f"job_cancel_{job.id}", cancel, (job.id,), stopping=job.cancel_requested)
    more = [("Taken from the cache", fmt.count(int(progress.get("cached") or 0)))]
    # Work that counts something else, such as steps of a training, has no tokens to show.
    if "tokens" in progress or "unit" not in progress:
        more.insert(0, ("Tokens so far", fmt.count(int(progress.get("tokens") or 0))))
    card.show(_WORDS[job.status], summarize_progress(progress), more, active=job.active)
    # That a budget held is no failure, so not in red.
    if job.error and job.status == "budget-reached":
        st.caption(fmt.markdown(job.error))
    elif job.error:
        show_error(job.error)
    resume_button(job)


def cancel_job(job_id: int) -> None:
    """Ask a job to stop; a button's callback."""
    with report_problem():
        job_runner().cancel(job_id)
