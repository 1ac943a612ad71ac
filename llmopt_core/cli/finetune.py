"""`llmopt finetune`: checking training files and starting jobs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmopt_core.cli.finetune_jobs import follow_job, report_job, trainer_access
from llmopt_core.cli.finetune_jobs import group as jobs_group
from llmopt_core.cli.output import JsonOption, ProgressLine, QuestionsEncodingOption, note, pairs, print_result, table

if TYPE_CHECKING:
    from llmopt_core.finetuning.data.examples import TrainingSet
    from llmopt_core.finetuning.data.lint_report import CheckReport
    from llmopt_core.finetuning.finetuners import Access
    from llmopt_core.finetuning.jobs.job import FineTuner, Job, JobRequest
    from llmopt_core.settings import Settings

group = typer.Typer(help="Lint training files; start, follow and stop fine-tuning jobs.", no_args_is_help=True)
group.add_typer(jobs_group)

ColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--column", metavar="MEANING=NAME", help="For CSV, such as answer=category; may be given several times."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the group."""
    app.add_typer(group, name="finetune")


@group.command(help="Lint a training file: format rules, tokens, epochs, price, duplicates, leakage. 1 on errors.")
def check(
    file: Annotated[Path, typer.Argument(help="JSON Lines (chat or preference pairs) or CSV.")],
    *,
    evaluation_set: Annotated[
        list[Path] | None, typer.Option(help="Question file to search for leakage; may be given several times.")
    ] = None,
    # A service cuts longer examples and bills what is left: a limit below its own hides costs, one above invents them.
    token_limit: Annotated[int, typer.Option(min=1, help="Longer examples are billed up to this.")] = 4096,
    price: Annotated[float | None, typer.Option(min=0, metavar="USD", help="Per million training tokens.")] = None,
    column: ColumnOption = None,
    questions_encoding: QuestionsEncodingOption = "",
    json: JsonOption = "",
) -> int:
    """Check a training file."""
    from llmopt_core.documents.questions import read_questions
    from llmopt_core.finetuning.data.lint import CheckSettings, check_file

    question_files = {
        path: read_questions(path, path.name, skip_bad_lines=True, encoding=questions_encoding)
        for path in evaluation_set or []
    }
    for path, question_file in question_files.items():
        for problem in question_file.problems:
            note(f"llmopt: {path.name}: {problem.unit} {problem.line} was left out: {problem.message}.")
    sets = tuple(question_file.evaluation_set for question_file in question_files.values())
    settings, columns = CheckSettings(sets, token_limit, price), pairs(column)
    # Only for the share in the progress line; what is wrong with the file is told by the check.
    total = file.stat().st_size if file.is_file() else 0
    with ProgressLine() as progress_line:
        # A function that makes the words: most calls come between two lines, and need none.
        def on_progress(examples: int, read: int) -> None:
            progress_line(lambda: _progress_line(file, examples, read, total))

        report = check_file(file, "", settings, columns=columns, on_progress=on_progress)
    print_result("\n".join(_report_lines(report)), report.to_json(), json)
    return 0 if report.ok else 1


def _progress_line(file: Path, examples: int, read: int, total: int) -> str:
    from llmopt_core.finetuning.openai.upload_summary import size_words

    share = f", {read / total:.0%} of {size_words(total)}" if total else ""
    return f"{file.name}: {examples:,} examples checked{share}"


def _report_lines(report: CheckReport) -> list[str]:
    from llmopt_core.execution.money import dollars

    cost = "" if report.cost_usd is None else f", about {dollars(report.cost_usd)}"
    rows = [(kind, "error", str(n)) for kind, n in report.errors.items()]
    rows += [(kind, "finding", str(n)) for kind, n in report.findings.items()]
    lines = [
        f"{report.name}: {report.examples} {report.kind} examples, longest {report.longest} tokens",
        f"{report.billing_tokens} billing tokens x {report.epochs} epochs = {report.training_tokens}{cost}",
        table(("kind", "", "count"), rows) if rows else "No errors, no findings.",
    ]
    # More lines scroll the summary off the screen; the JSON has all that were kept.
    for problem in report.telling_lines[:50]:
        # Line 0 is the file as a whole, such as one with too few examples.
        where = f"line {problem.line}" if problem.line else "file"
        lines.append(f"{where}: {problem.kind}: {problem.message}")
    # Those that the check itself did not keep count too.
    rest = len(report.lines) + report.lines_left_off - 50
    return [*lines, f"... and {rest} more"] if rest > 0 else lines


@group.command(help="Start a job on this machine, or at an endpoint with a fine-tuning API.")
def start(
    file: Annotated[Path, typer.Argument(help="Training file.")],
    name: Annotated[str, typer.Option(help="What the fine-tuned model will be called.")],
    *,
    validation: Annotated[Path | None, typer.Option(help="Validation file.")] = None,
    # One in ten: more leaves less to learn from, less makes the validation loss jump about.
    validation_share: Annotated[float, typer.Option(help="Without a validation file: cut off this share.")] = 0.1,
    provider: Annotated[str, typer.Option(help="local, or the name of an endpoint.")] = "local",
    base_model: Annotated[str, typer.Option(help="Model to fine-tune.")] = "builtin",
    kind: Annotated[str, typer.Option(help="On this machine: lora (chat model) or embedding.")] = "lora",
    method: Annotated[str, typer.Option(help="supervised or dpo.")] = "supervised",
    seed: Annotated[int, typer.Option(help="The same seed gives the same training.")] = 0,
    price: Annotated[float | None, typer.Option(min=0, metavar="USD", help="Per million training tokens.")] = None,
    budget: Annotated[
        float | None, typer.Option(metavar="USD", help="The most it may cost at the endpoint; needs --price.")
    ] = None,
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
    from llmopt_core.finetuning.jobs.job import LOCAL
    from llmopt_core.finetuning.training_price import training_price

    request = _request(
        name=name,
        provider=provider,
        base_model=base_model,
        method=method,
        seed=seed,
        price_per_million=price,
        budget_usd=budget,
        hyperparameters={key: _setting(key, value) for key, value in pairs(set_).items()},
    )
    training, validation_set = _sets(file, validation, validation_share, pairs(column))
    access = trainer_access()
    tuner = _tuner(access, provider, kind)
    # Questions of an evaluation set among the training data make every later score too good: said before it is paid.
    for line in _name_sets(access.settings, training, validation_set):
        note(line)
    # On this machine nothing is paid.
    if provider != LOCAL:
        note(training_price(request, training).sentence)
    # Without `--yes` the error says what would be sent, and where.
    job = _create(tuner, access.settings, request, training, validation_set, is_confirmed=yes)
    note(
        f"Job {job.id} ({len(training.examples)} examples, "
        f"{len(validation_set.examples) if validation_set else 0} for validation)"
    )
    return report_job(follow_job(tuner, job) if follow else job, json)


def _name_sets(settings: Settings, training: TrainingSet, validation: TrainingSet | None) -> list[str]:
    """Which evaluation sets of the workspace the job takes questions from."""
    from llmopt_core.labs.finetuning.held_out_sets import find_set_use
    from llmopt_core.runs.store import Store

    store = Store.open(settings)
    examples = [*training.examples, *(validation.examples if validation else ())]
    warnings = []
    # Every project: a set of another one is leaked as well, if the model is measured there.
    for project in store.projects():
        sets = [store.evaluation_set(project, item.name, item.version) for item in store.evaluation_sets(project)]
        warnings += [f"Warning: project {project.name}: {use.sentence}" for use in find_set_use(examples, sets)]
    return warnings


def _create(
    tuner: FineTuner,
    settings: Settings,
    request: JobRequest,
    training: TrainingSet,
    validation: TrainingSet | None,
    *,
    is_confirmed: bool,
) -> Job:
    """Start the job; where a service refuses or is lost, say how to go on with what is kept of it."""
    from llmopt_core.errors import EndpointError
    from llmopt_core.finetuning.finetuners import all_jobs

    try:
        return tuner.create(request, training, validation, is_confirmed=is_confirmed)
    except EndpointError:
        # Newest first, so the first of that name is the one that just failed.
        stopped_job = next((job for job in all_jobs(settings) if job.name == request.name and job.resumable), None)
        if stopped_job:
            note(
                f"Job {stopped_job.id} is kept: "
                f"llmopt finetune resume {stopped_job.id} goes on and sends nothing twice."
            )
        raise


def _request(**values: Any) -> JobRequest:
    from pydantic import ValidationError

    from llmopt_core.errors import BadInput, field_problem
    from llmopt_core.finetuning.jobs.job import JobRequest

    try:
        return JobRequest.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        option = (
            # The fields of the request have longer names than their options.
            ".".join(map(str, first["loc"]))
            .replace("_", "-")
            .replace("price-per-million", "price")
            .replace("budget-usd", "budget")
        )
        raise BadInput(f"--{option}: {field_problem(first)}.") from None


def _sets(
    file: Path, validation: Path | None, share: float, columns: dict[str, str]
) -> tuple[TrainingSet, TrainingSet | None]:
    from llmopt_core.finetuning.data.files import load_training_set
    from llmopt_core.finetuning.data.split import split_set

    training = load_training_set(file, columns=columns)
    # A file of its own is taken whole: the share is for those who have none.
    if validation is not None:
        return training, load_training_set(validation, columns=columns)
    # `--validation-share 0`: trains on everything, and shows no validation loss.
    if not share:
        return training, None
    split = split_set(training, share)
    return split.train, split.validation


def _tuner(access: Access, provider: str, kind: str) -> FineTuner:
    from llmopt_core.errors import BadInput
    from llmopt_core.finetuning.finetuners import fine_tuner

    # Checked for endpoints too, where it decides nothing: a typing error should not pass in silence.
    if kind not in ("lora", "embedding"):
        raise BadInput(f"--kind {kind}: expected lora or embedding.")
    return fine_tuner(access, provider, kind)


def _setting(key: str, value: str) -> Any:
    """A hyperparameter as YAML writes values: a number stays a number and `true` a truth, without a type per name."""
    import yaml

    from llmopt_core.errors import BadInput
    from llmopt_core.text.bounded_yaml import BoundedLoader

    try:
        return yaml.load(value, BoundedLoader)  # noqa: S506 (a SafeLoader)
    except (yaml.YAMLError, RecursionError):
        raise BadInput(f"--set {key}={value[:60]}: expected a number, true, false or a word as the value.") from None
