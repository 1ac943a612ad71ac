"""`llmopt jobs`: what long work there is in the workspace; following, stopping, resuming and doing it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmopt_core.cli.output import JsonOption, note, print_result, write_json
from llmopt_core.cli.setup import open_workspace

if TYPE_CHECKING:
    from collections.abc import Collection

    from llmopt_core.jobs.kind import Lane
    from llmopt_core.jobs.queue import JobRunner
    from llmopt_core.runs.store import Store
    from llmopt_core.runs.values import Job

group = typer.Typer(help="Long work of the app: list, follow, cancel, resume, and do what waits.", no_args_is_help=True)

JobId = Annotated[int, typer.Argument(metavar="JOB", help="Its number; `llmopt jobs list` shows them.")]

# Seconds: a query of one row each time, and nobody notices half a second in work of minutes.
_LOOK_SECONDS = 0.5


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="jobs")


@group.command("list", help="The jobs of a project, or of all, newest first.")
def list_jobs(
    project: Annotated[str, typer.Option(help="Only those of this project.")] = "",
    active: Annotated[bool, typer.Option("--active", help="Only those that wait or run.")] = False,
    json: JsonOption = "",
) -> None:
    """One line each."""
    _, store = open_workspace()
    jobs = store.jobs(project or None, active=active)
    lines = [_line(job) for job in jobs] or ["There are no jobs."]
    print_result("\n".join(lines), {"jobs": [_values(job) for job in jobs]}, json)


@group.command(help="Print how far a job is until it has ended. Exits with 1 where it did not finish.")
def follow(job_id: JobId, json: JsonOption = "") -> int:
    """Progress on stderr, the end on stdout."""
    from llmopt_core.reporting.progress_summary import summarize_progress

    _, store = open_workspace()
    job, last_line = store.job(job_id), ""
    while job.active:
        line = f"{job.status}: {summarize_progress(job.progress).line}"
        # A job that waits or computes long reports the same again and again.
        if line != last_line:
            note(line)
            last_line = line
        time.sleep(_LOOK_SECONDS)
        job = store.job(job_id)
    return _tell(job, json)


@group.command(help="Stop a job, in whatever process it runs. What was done is kept.")
def cancel(job_id: JobId, json: JsonOption = "") -> None:
    """Ask it to stop; one that waits ends at once."""
    store, runner = _workspace()
    # One that has ended by itself meanwhile is no error: it is told how.
    if store.job(job_id).active:
        runner.cancel(job_id)
    _tell(store.job(job_id), json)


@group.command(help="Go on with a job that ended before it was done; it does only what is missing.")
def resume(job_id: JobId, json: JsonOption = "") -> int:
    """Put it in line again and do it here; a key that was typed in the app is taken from the environment."""
    _, runner = _workspace()
    runner.resume(job_id)
    # Waits here, since nobody else may be there to do it: the app can be closed.
    return _tell(runner.wait(job_id), json)


@group.command(help="Do what waits in the workspace, that of processes that are gone too, until nothing does.")
def work(
    lane: Annotated[
        list[str] | None, typer.Option(help="Only work of this lane, such as training; may be repeated.")
    ] = None,
    json: JsonOption = "",
) -> None:
    """A further process for the jobs of the app."""
    from llmopt_core.errors import BadInput
    from llmopt_core.jobs.kind import PLACES
    from llmopt_core.labs.finetuning.training_jobs import StoreLine
    from llmopt_core.settings import Settings

    # In the order of the queue, each once, whatever was typed.
    lanes = [place for place in PLACES if place in lane] if lane else list(PLACES)
    # Sorted, so that the same mistake gives the same message.
    if unknown_lanes := sorted(set(lane or ()) - set(PLACES)):
        raise BadInput(f"--lane {unknown_lanes[0]}: expected one of {', '.join(PLACES)}.")
    store, runner = _workspace(lanes)
    # Trainings that a process left behind are put in line before the work begins, or nobody would do them.
    StoreLine(store, Settings.from_environment()).adopt()
    runner.start()
    # Jobs that others do at the moment count as well: one that is given back must find somebody.
    while runner.is_busy() or any(job.lane in lanes for job in store.jobs(active=True)):
        time.sleep(_LOOK_SECONDS)
    if json:
        write_json({"jobs": [_values(job) for job in store.jobs()]}, json)


def _workspace(lanes: Collection[Lane] = ()) -> tuple[Store, JobRunner]:
    from llmopt_core.jobs.kind import PLACES
    from llmopt_core.jobs.queue import JobRunner
    from llmopt_core.labs.job_kinds import job_kinds

    settings, store = open_workspace()
    # No lane named means all.
    return store, JobRunner(store, settings, job_kinds(), lanes=lanes or tuple(PLACES))


def _tell(job: Job, json: str) -> int:
    print_result(_line(job), _values(job), json)
    # Active is no failure: `cancel` may return before the other process has stopped.
    return 0 if job.active or job.status == "finished" else 1


def _line(job: Job) -> str:
    from llmopt_core.labs.job_kinds import job_kinds

    state = job.status.replace("-", " ") + (" (stopping)" if job.active and job.cancel_requested else "")
    where = f" [{job.project}]" if job.project else ""
    reason = f": {job.error}" if job.error else ""
    # The number is put into the command, ready to be copied.
    hint = f" (llmopt jobs resume {job.id})" if job.resumable else ""
    return f"{job.id}  {state}  {job_kinds().title(job.kind, job.arguments)}{where}{reason}{hint}"


def _values(job: Job) -> dict[str, Any]:
    from dataclasses import asdict

    values = asdict(job)
    # Times as text: JSON has none, and an empty one is a job that has not begun or ended.
    moments = {name: values[name] for name in ("created_at", "started_at", "finished_at")}
    return {**values, **{name: when.isoformat() if when else "" for name, when in moments.items()}}
