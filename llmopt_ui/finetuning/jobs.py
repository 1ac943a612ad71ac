"""The Jobs tab: what trains now, a form for the next job, all jobs with their curves, and one of them in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from llmopt_core.experiments.finetuning_jobs import jobs_of
from llmopt_core.experiments.versions.training_sets import training_sets
from llmopt_core.finetuning.finetuners import all_jobs
from llmopt_core.finetuning.jobs.job import LOCAL, Job
from llmopt_core.labs.finetuning.jobs import (
    JobReport,
    best_valid_loss,
    is_stopping,
    report,
    standing_of_training,
)
from llmopt_core.labs.finetuning.upload_jobs import UPLOAD
from llmopt_core.runs.values import Job as Sending
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import empty_state, section, show_error
from llmopt_ui.finetuning.colours import job_inks, job_labels
from llmopt_ui.finetuning.job import cost_word, job_view, status_word
from llmopt_ui.finetuning.loss_charts import loss_curves
from llmopt_ui.finetuning.service_jobs import service_jobs_view
from llmopt_ui.finetuning.start import access, start_form
from llmopt_ui.finetuning.training_progress import cancel_training
from llmopt_ui.job_panel import follow_job, put_away_button
from llmopt_ui.pickers import apply_request
from llmopt_ui.progress import ProgressCard
from llmopt_ui.resources import settings, store
from llmopt_ui.session import notify, state
from llmopt_ui.tables import FULL_ROOM, ticked_rows
from llmopt_ui.theme import Ink
from llmopt_ui.viewer_time import moment_column

JOB, COMPARISON = "tuning_job", "tuning_compared"
_PERIOD = 2.0
_MOST_CURVES = 8
"""There are eight colours that colour-blind people tell apart."""


def jobs_view(project: Project) -> None:
    """The whole tab."""
    jobs = jobs_of(store(), settings(), project)
    active = [job for job in jobs if not job.has_ended]
    note = _sending(project, jobs)
    if active:
        # The list is newest first; what trains now was started before what waits.
        follow_training(project, active[::-1])
    with st.expander("Start a job", expanded=not jobs, icon=":material/model_training:"):
        # Names are taken, and this machine is busy, whosever job it is.
        start_form(project, all_jobs(settings()))
    service_jobs_view()
    if not jobs:
        empty_state("No jobs yet", "Start one above; training on this machine takes minutes and costs nothing.",
                    ":material/model_training:")  # fmt: skip
        return
    _job_list(project, jobs)
    _job_details(project, jobs, note)


def _sending(project: Project, jobs: Sequence[Job]) -> str:
    """Data on its way to a service, and what went wrong there; gives the words of what went wrong."""
    newest = next((job for job in store().jobs(project) if job.kind == UPLOAD.name), None)
    if newest is None or newest.id in state().dismissed_jobs:
        return ""
    if newest.active:
        follow_job(newest, stoppable=False)
    elif newest.status == "failed" and not _was_resumed(newest, jobs):
        show_error(newest.error)
        put_away_button(newest)
        return newest.error
    return ""


def _was_resumed(sending: Sending, jobs: Sequence[Job]) -> bool:
    """Whether the job that could not be sent has been resumed since, here or on the command line."""
    arguments = sending.arguments
    # A second of tolerance: both times come from clocks that round in their own way.
    since = sending.created_at.timestamp() - 1.0
    job = next(
        (job for job in jobs if job.id == arguments.get("resumed")
         or (job.name == arguments.get("name") and job.provider == arguments.get("provider")
             and job.created_at >= since)),
        None,
    )  # fmt: skip
    return job is not None and (bool(job.remote_id) or not job.has_ended)


def follow_training(project: Project, jobs: Sequence[Job]) -> None:
    """Live curves and numbers. Only this part is drawn again; when a job begins or ends, the whole page is."""
    labels, colours = job_labels(jobs_of(store(), settings(), project)), job_inks(project)

    @st.fragment(run_every=_PERIOD)
    def panel() -> None:
        for job in jobs:
            _panel(read_report(job.id), colours[labels[job.id]])
        # The list decides what is drawn, so it alone says when the page is drawn again.
        now = {job.id: job for job in all_jobs(settings())}
        # Compared with the status at the last drawing of the whole page.
        changes = [now[job.id] for job in jobs if job.id in now and now[job.id].status != job.status]
        if any(job.has_ended for job in changes):
            notify("A fine-tuning job has ended.")
        if changes:
            st.rerun()

    panel()


def read_report(job_id: str) -> JobReport:
    """A job with all that is known. A service is asked at most every ten seconds."""
    job = next((job for job in all_jobs(settings()) if job.id == job_id), None)
    return (
        report(access(), job_id)
        if job is None or job.provider == LOCAL
        else _read_service_report(job_id, job.status, job.remote_id)
    )


# Each look is a request to the service, and the panel is drawn every two seconds.
@st.cache_data(ttl=10, max_entries=32, show_spinner=False)
def _read_service_report(job_id: str, status: str, remote_id: str) -> JobReport:
    """What a service says; a job that goes on again, or that the service has by now, is another one than before."""
    return report(access(), job_id)


def _panel(report: JobReport, ink: Ink) -> None:
    job = report.job
    where = "on this machine" if job.provider == LOCAL else f"at {job.provider}"
    card = ProgressCard(f"Training {job.name} {where}", f"tuning_cancel_{job.id}", cancel_training, (job.id,),
                        stopping=is_stopping(settings(), job),
                        note="What is saved stays; resume goes on from there.")  # fmt: skip
    losses = [p.valid_loss for p in report.points if p.valid_loss is not None]
    train = [p.train_loss for p in report.points if p.train_loss is not None]
    more = [
        ("Tokens per second", fmt.number(job.tokens_per_second) if job.tokens_per_second else fmt.DASH),
        ("Training loss", fmt.number(train[-1]) if train else fmt.DASH),
        ("Validation loss", fmt.number(losses[-1]) if losses else fmt.DASH),
    ]
    now = standing_of_training(job)
    if job.status == "queued":
        # Why it waits, said once.
        card.show((job.message or "Waiting for its turn").rstrip("."), replace(now, message=""), more)
    else:
        card.show("Training" if job.status == "running" else job.status, now, more)
    if report.points:
        figure = loss_curves({job.name: report.points}, {job.name: ink}, job.total_steps, job.kind)
        show_chart(figure, f"tuning_live_{job.id}", "Training and validation loss so far")
    if report.problem:
        show_error(report.problem)


def _job_list(project: Project, jobs: Sequence[Job]) -> None:
    section("All jobs")
    table = job_table(jobs, {item.version: item.label for item in training_sets(store(), project)})
    # The newest that have curves, unless others are chosen.
    # Three curves are told apart at a glance.
    usual = [i for i, job in enumerate(jobs) if job.step][:3]
    selection = ticked_rows(
        table, [job.id for job in jobs], COMPARISON, room=FULL_ROOM,
        alt="All fine-tuning jobs", column_config={
            "Validation loss": st.column_config.NumberColumn(format="%.3f"),
            "Cost": st.column_config.TextColumn(alignment="right"),
            "Started": moment_column(),
            "Time": st.column_config.TextColumn(alignment="right"),
        },
    )  # fmt: skip
    # Nothing ticked is no wish for an empty picture.
    rows = (selection or usual)[:_MOST_CURVES]
    labels = job_labels(jobs)
    curves = {labels[jobs[row].id]: points for row in rows if (points := read_report(jobs[row].id).points)}
    if len(curves) > 1:
        show_chart(loss_curves(curves, job_inks(project)), "tuning_curves", "Loss curves of the chosen jobs")
        st.caption("Tick jobs in the table to choose whose curves are compared. Losses of different data or text "
                   "formats are on different scales.")  # fmt: skip


@st.cache_data(max_entries=256, show_spinner=False)
# Step and status are parts of the key: they change whenever there are new losses.
def _best_loss(job_id: str, step: int, status: str) -> float | None:
    return best_valid_loss(settings(), job_id)


def job_table(jobs: Sequence[Job], data: Mapping[str, str]) -> pd.DataFrame:
    """One row per job, newest first; `data` names training sets by their version."""
    rows = [
        {
            "Fine-tuned model": job.name,
            "State": status_word(job),
            "Validation loss": _best_loss(job.id, job.step, job.status),
            "Cost": cost_word(job),
            "Data": data.get(job.data_version, job.data_version[:8]),
            "Started": datetime.fromtimestamp(job.created_at, UTC),
            "Time": fmt.duration(job.took),
        }
        for job in jobs
    ]
    return pd.DataFrame(rows)


def _job_details(project: Project, jobs: Sequence[Job], note: str) -> None:
    section("One job")
    jobs_by_id = {job.id: job for job in jobs}
    apply_request(JOB, list(jobs_by_id))
    job_id = st.selectbox(
        "Job", list(jobs_by_id), key=JOB, format_func=lambda key: _job_label(jobs_by_id[key]), width=420
    )
    job_view(project, read_report(job_id), note)


def _job_label(job: Job) -> str:
    # Without its state: a closed picker goes on showing the words it had when the job was chosen.
    return f"{job.name} · {fmt.moment(datetime.fromtimestamp(job.created_at, UTC))}"
