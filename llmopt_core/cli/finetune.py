"""`llmopt finetune`: training files and jobs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmopt_core.cli.output import JsonOption, note, number, table, write_json

if TYPE_CHECKING:
    from llmopt_core.finetuning.checks import CheckReport
    from llmopt_core.finetuning.data import TrainingSet
    from llmopt_core.finetuning.jobs import FineTuner, Job, JobRequest
    from llmopt_core.models.endpoints import Endpoint
    from llmopt_core.settings import Settings

group = typer.Typer(help="Check training files; start, follow and stop fine-tuning jobs.", no_args_is_help=True)

JobId = Annotated[str, typer.Argument(help="The job's id; `llmopt finetune list` shows them.")]
ColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--column", metavar="MEANING=NAME", help="For CSV, such as answer=category; may be given several times."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the group."""
    app.add_typer(group, name="finetune")


@group.command(help="Check a training file: format rules, tokens, epochs, price, duplicates, leakage. 1 on errors.")
def check(
    file: Annotated[Path, typer.Argument(help="JSON Lines (chat or preference pairs) or CSV.")],
    *,
    evaluation_set: Annotated[
        list[Path] | None, typer.Option(help="Question file to search for leakage; may be given several times.")
    ] = None,
    token_limit: Annotated[int, typer.Option(min=1, help="Longer examples are billed up to this.")] = 4096,
    price: Annotated[float | None, typer.Option(metavar="USD", help="Per million training tokens.")] = None,
    column: ColumnOption = None,
    json: JsonOption = "",
) -> int:
    """Check a training file."""
    from llmopt_core.documents.questions import load_questions
    from llmopt_core.finetuning.checks import CheckSettings, check_file

    sets = tuple(load_questions(path, path.name) for path in evaluation_set or [])
    report = check_file(file, "", CheckSettings(sets, token_limit, price), columns=_pairs(column))
    if json:
        write_json(report.to_json(), json)
    if json != "-":
        _print_report(report)
    return 0 if report.ok else 1


def _pairs(given: list[str] | None) -> dict[str, str]:
    from llmopt_core.errors import BadInput

    found = {}
    for item in given or []:
        key, equals, value = item.partition("=")
        if not equals or not key or not value:
            raise BadInput(f"{item!r}: expected NAME=VALUE.")
        found[key.strip()] = value.strip()
    return found


def _print_report(report: CheckReport) -> None:
    cost = "" if report.cost_usd is None else f", about {report.cost_usd:.2f} USD"
    print(f"{report.name}: {report.examples} {report.kind} examples, longest {report.longest} tokens")
    print(f"{report.billing_tokens} billing tokens x {report.epochs} epochs = {report.training_tokens}{cost}")
    rows = [(kind, "error", str(n)) for kind, n in report.errors.items()]
    rows += [(kind, "finding", str(n)) for kind, n in report.findings.items()]
    print(table(("kind", "", "count"), rows) if rows else "No errors, no findings.")
    for problem in report.lines[:50]:
        where = f"line {problem.line}" if problem.line else "file"
        print(f"{where}: {problem.kind}: {problem.message}")
    left = len(report.lines) + report.lines_left_off - 50
    if left > 0:
        print(f"... and {left} more")


@group.command(help="Start a job on this machine, or at an endpoint with a fine-tuning API.")
def start(
    file: Annotated[Path, typer.Argument(help="Training file.")],
    name: Annotated[str, typer.Option(help="What the tuned model will be called.")],
    *,
    validation: Annotated[Path | None, typer.Option(help="Validation file.")] = None,
    validation_share: Annotated[float, typer.Option(help="Without a validation file: cut off this share.")] = 0.1,
    provider: Annotated[str, typer.Option(help="local, or the name of an endpoint.")] = "local",
    base_model: Annotated[str, typer.Option(help="Model to tune.")] = "builtin",
    kind: Annotated[str, typer.Option(help="On this machine: lora (chat model) or embedding.")] = "lora",
    method: Annotated[str, typer.Option(help="supervised or dpo.")] = "supervised",
    seed: Annotated[int, typer.Option(help="The same seed gives the same training.")] = 0,
    price: Annotated[float | None, typer.Option(metavar="USD", help="Per million training tokens.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Hyperparameter; may be given several times."),
    ] = None,
    column: ColumnOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to what is sent to the endpoint.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Wait for the end and print the log.")] = False,
    json: JsonOption = "",
) -> int:
    """Start a job."""
    import yaml

    request = _request(
        name=name,
        provider=provider,
        base_model=base_model,
        method=method,
        seed=seed,
        price_per_million=price,
        hyperparameters={key: yaml.safe_load(value) for key, value in _pairs(set_).items()},
    )
    training, held_out = _sets(file, validation, validation_share, _pairs(column))
    settings, endpoints = _environment()
    tuner = _tuner(provider, settings, endpoints, kind)
    job = tuner.create(request, training, held_out, confirmed=yes)
    note(
        f"Job {job.id} ({len(training.examples)} examples, {len(held_out.examples) if held_out else 0} for validation)"
    )
    return _report_job(_follow(tuner, job) if follow else job, json)


def _request(**values: Any) -> JobRequest:
    from pydantic import ValidationError

    from llmopt_core.errors import BadInput
    from llmopt_core.finetuning.jobs import JobRequest

    try:
        return JobRequest.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise BadInput(f"--{'.'.join(map(str, first['loc'])).replace('_', '-')}: {first['msg']}.") from None


def _sets(
    file: Path, validation: Path | None, share: float, columns: dict[str, str]
) -> tuple[TrainingSet, TrainingSet | None]:
    from llmopt_core.finetuning.files import load_training_set
    from llmopt_core.finetuning.split import split_set

    training = load_training_set(file, columns=columns)
    if validation is not None:
        return training, load_training_set(validation, columns=columns)
    if not share:
        return training, None
    split = split_set(training, share)
    return split.train, split.validation


def _environment() -> tuple[Settings, dict[str, Endpoint]]:
    import os

    from llmopt_core.models.endpoints import endpoints_from
    from llmopt_core.settings import Settings as Read

    settings = Read.from_environment()
    return settings, endpoints_from(settings, os.environ)


def _tuner(provider: str, settings: Settings, endpoints: dict[str, Endpoint], kind: str = "lora") -> FineTuner:
    from llmopt_core.errors import BadInput
    from llmopt_core.finetuning.finetuners import fine_tuner

    if kind not in ("lora", "embedding"):
        raise BadInput(f"--kind {kind}: expected lora or embedding.")
    return fine_tuner(provider, settings, endpoints, kind=kind)


def _tuner_of(job_id: str) -> FineTuner:
    from llmopt_core.finetuning.finetuners import fine_tuner_of

    settings, endpoints = _environment()
    return fine_tuner_of(job_id, settings, endpoints)


def _follow(tuner: FineTuner, job: Job, seconds: float = 1.0) -> Job:
    """Print the log until the job has ended."""
    import time

    shown = 0
    while True:
        job = tuner.status(job.id)
        events = tuner.events(job.id)
        for event in events[shown:]:
            note(event.message)
        shown = len(events)
        if job.ended:
            return job
        if job.total_steps and job.provider == "local":
            note(_progress(job))
        time.sleep(seconds)


def _progress(job: Job) -> str:
    left = "" if job.seconds_left is None else f", {job.seconds_left:.0f} s left"
    return f"step {job.step} of {job.total_steps}, {job.tokens_per_second:.0f} tokens/s{left}"


def _report_job(job: Job, json: str) -> int:
    if json:
        write_json(asdict(job), json)
    if json != "-":
        made = f" -> {job.tuned_model}" if job.tuned_model else ""
        print(f"{job.id}: {job.status}{made}{': ' + job.message if job.message else ''}")
        if job.status == "running" and job.total_steps:
            print(_progress(job))
    return _exit_code(job)


def _exit_code(job: Job) -> int:
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
    if follow and not job.ended:
        job = _follow(tuner, job)
    points = tuner.metrics(job_id)
    if json:
        events = [asdict(event) for event in tuner.events(job_id)]
        write_json(asdict(job) | {"metrics": [asdict(point) for point in points], "events": events}, json)
    if json != "-":
        for event in tuner.events(job_id)[-10:]:
            print(event.message)
        losses = [p for p in points if p.valid_loss is not None] or points
        for point in losses[-3:]:
            print(f"step {point.step}: train loss {number(point.train_loss)}, validation {number(point.valid_loss)}")
        return _report_job(job, "")
    return _exit_code(job)


@group.command(help="Stop a job; what it saved stays.")
def cancel(job_id: JobId, json: JsonOption = "") -> None:
    """Cancel a job."""
    job = _tuner_of(job_id).cancel(job_id)
    _report_job(job, json)


@group.command(help="Go on with a job that was interrupted, cancelled or failed.")
def resume(
    job_id: JobId,
    follow: Annotated[bool, typer.Option("--follow", help="Wait for the end.")] = False,
    json: JsonOption = "",
) -> int:
    """Resume a job."""
    tuner = _tuner_of(job_id)
    job = tuner.resume(job_id)
    return _report_job(_follow(tuner, job) if follow else job, json)


@group.command("list", help="All jobs of the workspace, newest first.")
def list_jobs(json: JsonOption = "") -> None:
    """List jobs."""
    from llmopt_core.finetuning.finetuners import all_jobs

    jobs = all_jobs(_environment()[0])
    if json:
        write_json([asdict(job) for job in jobs], json)
    if json != "-":
        rows = [(j.id, j.name, j.provider, j.status, f"{j.step}/{j.total_steps}", j.tuned_model) for j in jobs]
        print(table(("job", "name", "provider", "status", "steps", "model"), rows) if rows else "No jobs yet.")
