"""`llmopt finetune`: following, stopping, resuming and listing jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmopt_core.cli.output import JsonOption, note, number, print_result, table

if TYPE_CHECKING:
    from llmopt_core.finetuning.finetuners import Access
    from llmopt_core.finetuning.jobs.job import FineTuner, Job, JobEvent

group = typer.Typer()

JobId = Annotated[str, typer.Argument(help="The job's id; `llmopt finetune list` shows them.")]


def trainer_access() -> Access:
    """The workspace and the endpoints that the environment names."""
    import os

    # `Access` names the type above, which is not imported when the program runs.
    from llmopt_core.finetuning.finetuners import Access as Made
    from llmopt_core.labs.finetuning.training_jobs import StoreLine
    from llmopt_core.models.endpoints import endpoints_from
    from llmopt_core.runs.store import Store
    from llmopt_core.settings import Settings

    settings = Settings.from_environment()
    # Jobs on this machine wait in the store, where the app and `llmopt jobs` see them too.
    line = StoreLine(Store.open(settings), settings, _start_worker)
    return Made(settings, endpoints_from(settings, os.environ), line=line)


def _tuner_of(job_id: str) -> FineTuner:
    from llmopt_core.finetuning.finetuners import fine_tuner_of

    return fine_tuner_of(trainer_access(), job_id)


def _start_worker() -> None:
    """A process that works off the line of trainings and outlives this one."""
    import subprocess
    import sys

    # Its own session: Ctrl-C here ends the following, not the training.
    # Streams to nowhere: a child that holds ours would keep a pipe open after this command has ended.
    subprocess.Popen(
        [sys.executable, "-m", "llmopt_core.cli", "jobs", "work", "--lane", "training"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def follow_job(tuner: FineTuner, job: Job, seconds: float = 1.0) -> Job:
    """Print the log until the job has ended."""
    import time

    printed_count = 0  # Events that were printed; the log only grows.
    while True:
        job = tuner.status(job.id)
        events = tuner.events(job.id)
        for event in events[printed_count:]:
            note(event.message)
        printed_count = len(events)
        # After the events: the last ones say why it ended.
        if job.has_ended:
            return job
        # Services tell no speed, and some of them no steps.
        if job.total_steps and job.provider == "local":
            note(_progress(job))
        time.sleep(seconds)


def _progress(job: Job) -> str:
    from llmopt_core.labs.finetuning.jobs import standing_of_training

    # `standing_of_training` gives the same words as the app.
    return f"{standing_of_training(job).line} · {job.tokens_per_second:.0f} tokens/s"


def _job_values(job: Job) -> dict[str, Any]:
    moments = {name: _moment(getattr(job, name)) for name in ("created_at", "started_at", "finished_at")}
    return asdict(job) | moments


def _event_values(event: JobEvent) -> dict[str, Any]:
    return asdict(event) | {"at": _moment(event.at)}


def _moment(seconds: float) -> str:
    """As the other commands write times; empty where it has not happened."""
    return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds else ""


def report_job(job: Job, json: str, before: Sequence[str] = (), more: dict[str, Any] | None = None) -> int:
    """Print how a job stands, or write it as JSON. Returns the exit code."""
    from llmopt_core.finetuning.training_price import cost_words

    model = f" -> {job.tuned_model}" if job.tuned_model else ""
    lines = [*before, f"{job.id}: {job.status}{model}{': ' + job.message if job.message else ''}"]
    lines += [_progress(job)] if job.status == "running" and job.total_steps else []
    lines += [words] if (words := cost_words(job)) else []
    # Keys of `more` win: metrics and events beside the fields of the job.
    print_result("\n".join(lines), _job_values(job) | (more or {}), json)
    # A cancelled job ended as somebody wanted it to.
    return 1 if job.status in ("failed", "interrupted") else 0


@group.command(help="How a job stands, with its log and its last losses. 1 if it failed or was interrupted.")
def status(
    job_id: JobId,
    follow: Annotated[bool, typer.Option("--follow", help="Wait for the end.")] = False,
    json: JsonOption = "",
) -> int:
    """Show a job."""
    tuner = _tuner_of(job_id)
    job = tuner.status(job_id)
    # One that has ended has nothing to follow; its log is printed below once.
    if follow and not job.has_ended:
        job = follow_job(tuner, job)
    points, events = tuner.metrics(job_id), tuner.events(job_id)
    # Validation runs only at some steps; between them the last rows would hold no validation loss at all.
    losses = [p for p in points if p.valid_loss is not None] or points
    # The last ten and three: the end of a log says how it goes, the rest is in the JSON.
    lines = [event.message for event in events[-10:]]
    lines += [
        f"step {point.step}: train loss {number(point.train_loss)}, validation {number(point.valid_loss)}"
        for point in losses[-3:]
    ]
    return report_job(
        job, json, lines, {"metrics": list(map(asdict, points)), "events": list(map(_event_values, events))}
    )


@group.command(help="Stop a job; what it saved stays.")
def cancel(job_id: JobId, json: JsonOption = "") -> None:
    """Cancel a job."""
    job = _tuner_of(job_id).cancel(job_id)
    report_job(job, json)


@group.command(help="Go on with a job that was interrupted, cancelled or failed.")
def resume(
    job_id: JobId,
    follow: Annotated[bool, typer.Option("--follow", help="Wait for the end.")] = False,
    json: JsonOption = "",
) -> int:
    """Resume a job."""
    tuner = _tuner_of(job_id)
    job = tuner.resume(job_id)
    return report_job(follow_job(tuner, job) if follow else job, json)


@group.command("list", help="All jobs of the workspace, newest first; or all that an endpoint knows.")
def list_jobs(
    provider: Annotated[str, typer.Option(help="Ask this endpoint, which also names jobs started elsewhere.")] = "",
    json: JsonOption = "",
) -> None:
    """List jobs."""
    # `local` is no endpoint: its jobs are those of the workspace.
    if provider and provider != "local":
        _list_remote(provider, json)
        return
    from llmopt_core.finetuning.finetuners import all_jobs

    jobs = all_jobs(trainer_access().settings)
    rows = [(j.id, j.name, j.provider, j.status, f"{j.step}/{j.total_steps}", j.tuned_model) for j in jobs]
    text = table(("job", "name", "provider", "status", "steps", "model"), rows) if rows else "No jobs yet."
    print_result(text, [_job_values(job) for job in jobs], json)


def _list_remote(provider: str, json: str) -> None:
    from llmopt_core.finetuning.finetuners import jobs_at

    jobs = jobs_at(trainer_access(), provider)
    rows = [(j["id"], j["model"], j["status"], j["tuned_model"]) for j in jobs]
    text = table(("job there", "base model", "status", "model"), rows) if rows else f"No jobs at {provider}."
    print_result(text, jobs, json)
