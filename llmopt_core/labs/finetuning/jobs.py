"""Jobs as the page shows them: started from a saved training set, with all that is known of each."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from llmopt_core.errors import BadInput, LlmOptError
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.finetuning_jobs import save_owner
from llmopt_core.experiments.versions.training_sets import TrainingSetVersion
from llmopt_core.finetuning.data.examples import TrainingExample, TrainingSet, message_text
from llmopt_core.finetuning.finetuners import Access, fine_tuner, fine_tuner_of
from llmopt_core.finetuning.jobs.folder import open_folder
from llmopt_core.finetuning.jobs.job import (
    LOCAL,
    FineTunedModel,
    Job,
    JobCheckpoint,
    JobEvent,
    JobRequest,
    MetricPoint,
)
from llmopt_core.finetuning.openai.upload_summary import UploadSummary, summarize_upload
from llmopt_core.finetuning.training.explanations import CurveReading, read_curves
from llmopt_core.finetuning.training_price import TrainingPrice, training_price
from llmopt_core.models.base import ModelSpec
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.reporting.progress_summary import ProgressSummary
from llmopt_core.runs.values import Project
from llmopt_core.settings import Settings
from llmopt_core.text import free_names

# Between trainings that were measured (199 and 547, docs/finetuning.md), which differ by the examples' length.
USUAL_SPEED = 300.0
"""Tokens per second of a LoRA run on two cores, before a run here has told."""
# Of a name with a number behind it: no trainer takes more than 40.
# A name of 34 signs has room for `-` and five digits before the 40 that `JobRequest` takes.
_LONGEST_NAME = 34
# Of the validation examples, the worst and the best that are shown.
_MOST_EXAMPLES = 5


@dataclass(frozen=True)
class JobReport:
    """One job with its log, its curves and what they say.

    Attributes:
        problem: Why the service could not be asked just now; what was known before is shown.
        worst, best: Validation examples with their loss; empty until a local job has finished.
    """

    job: Job
    points: Sequence[MetricPoint]
    events: Sequence[JobEvent]
    checkpoints: Sequence[JobCheckpoint]
    reading: CurveReading
    data_name: str
    worst: Sequence[tuple[TrainingExample, float]] = ()
    best: Sequence[tuple[TrainingExample, float]] = ()
    problem: str = ""


def start(
    access: Access,
    request: JobRequest,
    training_set: TrainingSetVersion,
    *,
    project: Project | None = None,
    kind: str = "lora",
    is_confirmed: bool = False,
    validate: bool = True,
) -> Job:
    """Start a job on a saved training set.

    Args:
        access: Workspace, endpoints, keys.
        request: What to do; its provider decides where.
        training_set: What to learn.
        project: Whose job it is.
        kind: On this machine: `lora` or `embedding`.
        is_confirmed: Whether the user agreed to what leaves the machine.
        validate: Whether the validation part is used.

    Raises:
        BadInput: Something about the request or the data is wrong; nothing was started.
        EndpointError: The service refused; the job's folder says why.
    """
    tuner = fine_tuner(access, request.provider, kind)
    # Without one nothing is watched, and the last step is taken instead of the best.
    validation = training_set.validation if validate else None
    train = TrainingSet(training_set.label, training_set.train.examples)

    def on_created(job: Job) -> None:
        # Before the data is sent: a job whose process ends in an upload is found by its project.
        if project is not None:
            save_owner(access.settings, job, project)

    return tuner.create(request, train, validation, is_confirmed=is_confirmed, on_created=on_created)


def summarize_departure(
    access: Access, provider: str, training_set: TrainingSetVersion, *, validate: bool = True
) -> UploadSummary | None:
    """What starting at this provider would send; None where nothing leaves the machine.

    Raises:
        BadInput: There is no such endpoint.
    """
    if provider == LOCAL:
        return None
    if provider not in access.endpoints:
        raise BadInput(f"There is no endpoint named {provider!r}; add it in Settings.")
    return summarize_upload(
        access.endpoints[provider], training_set.train, training_set.validation if validate else None
    )


def price_of(request: JobRequest, training_set: TrainingSetVersion) -> TrainingPrice | None:
    """What a job may cost at a service; None on this machine, where it costs nothing.

    Raises:
        BadInput: A wrong hyperparameter.
    """
    return None if request.provider == LOCAL else training_price(request, training_set.train)


def report(access: Access, job_id: str) -> JobReport:
    """Everything about one job; what a service cannot be asked just now is left as last known.

    Args:
        access: Workspace, endpoints, keys.
        job_id: The job.

    Raises:
        BadInput: There is no such job.
    """
    folder = open_folder(access.settings, job_id)
    request = folder.read("request.json")
    job, problem = folder.job(), ""
    # As known here first: a service that cannot be asked leaves these standing.
    points, events, checkpoints = folder.metrics(), folder.events(), list[JobCheckpoint]()
    try:
        tuner = fine_tuner_of(access, job_id)
        job = tuner.status(job_id)
        points, events, checkpoints = tuner.metrics(job_id), tuner.events(job_id), tuner.checkpoints(job_id)
    except LlmOptError as error:
        # Any reason: no network, a key that is gone, an endpoint that was removed. The job is shown all the same.
        problem = str(error)
    ranking = _rank(access, job)
    return JobReport(
        job,
        points,
        events,
        checkpoints,
        read_curves(points, has_ended=job.has_ended),
        str(request.get("data_name", "")),
        # The worst come first in the ranking.
        ranking[:_MOST_EXAMPLES],
        ranking[::-1][:_MOST_EXAMPLES],
        problem,
    )


def _rank(access: Access, job: Job) -> list[tuple[TrainingExample, float]]:
    # Services tell no loss of single examples, and an unfinished job has no last state to take them from.
    if job.provider != LOCAL or job.status != "finished":
        return []
    # Imported only where it is needed: most looks at a job rank nothing.
    from llmopt_core.finetuning.training.local_trainer import LocalTrainer

    return LocalTrainer(access.settings, job.kind).validation_losses(job.id)


def best_valid_loss(settings: Settings, job_id: str) -> float | None:
    """The lowest validation loss of a job as known here; asks no service."""
    points = open_folder(settings, job_id).metrics()
    return min((p.valid_loss for p in points if p.valid_loss is not None), default=None)


def standing_of_training(job: Job) -> ProgressSummary:
    """How far a training is; what is trained on this machine costs nothing."""
    return ProgressSummary(
        job.step,
        job.total_steps,
        "steps",
        job.seconds_left if job.status == "running" else None,
        # None would read as an unknown price.
        0.0 if job.provider == LOCAL else job.cost_usd,
        message=job.message,
    )


def cancel(access: Access, job_id: str) -> Job:
    """Ask a job to stop. Errors as of its trainer."""
    return fine_tuner_of(access, job_id).cancel(job_id)


def is_stopping(settings: Settings, job: Job) -> bool:
    """Whether a job was asked to stop and has not ended yet."""
    return not job.has_ended and open_folder(settings, job.id).is_cancel_requested()


def resume(access: Access, job_id: str) -> Job:
    """Go on with a job that ended before it was done. Errors as of its trainer."""
    return fine_tuner_of(access, job_id).resume(job_id)


def rough_seconds(training_set: TrainingSetVersion, epochs: int, jobs: Sequence[Job]) -> float:
    """About how long a LoRA run takes here: four characters per token, at the speed of the last run or a usual one."""
    characters = sum(len(message_text(m)) for example in training_set.train.examples for m in example.messages)
    speeds = [job.tokens_per_second for job in jobs if job.provider == LOCAL and job.tokens_per_second > 0]
    # About four characters per token in English; other languages have fewer, so the time is a lower guess there.
    return epochs * characters / 4 / (speeds[0] if speeds else USUAL_SPEED)


def model_name(training_set: TrainingSetVersion, kind: str) -> str:
    """A name for what a training set makes: `snips-v1-lora`, `votes-v2-dpo`, and `snips-v1` at a service.

    Args:
        training_set: What it learns.
        kind: `lora`, `embedding`, or `service`, which names the base model itself.
    """
    method = "dpo" if training_set.train.kind == "preference" else kind
    tail = f"-v{training_set.number}" + ("" if method == "service" else f"-{method}")
    # The name is shortened and not its tail: version and kind tell the models of one set apart.
    return f"{_usable(training_set.name)[: _LONGEST_NAME - len(tail)]}{tail}"


def free_name(name: str, jobs: Sequence[Job], models: Sequence[FineTunedModel]) -> str:
    """The wanted name for a tuned model, numbered where it is taken already; only signs that a name may have."""
    # A name of nothing but signs, such as one in Chinese, leaves nothing usable.
    stem = _usable(name)[:_LONGEST_NAME] or "tuned"
    names = {job.name for job in jobs} | {model.name for model in models}
    return free_names.free_name(stem, names, "{}-{}")


def _usable(name: str) -> str:
    # Names become folders and parts of model names at endpoints. One class and no nesting: read once.
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")


def configuration_for_training(tuned_model: FineTunedModel, examples: Sequence[TrainingExample]) -> Configuration:
    """A configuration that asks the tuned model as its examples did: their system message, and the question alone.

    Raises:
        BadInput: It is no chat model.
    """
    if not isinstance(tuned_model.spec, ModelSpec):
        raise BadInput(f"{tuned_model.name} is an embedding model; choose it where a configuration embeds chunks.")
    # Examples with different system messages have none that could stand for all.
    systems = {message_text(m) for e in examples for m in e.prompt if m.get("role") in ("system", "developer")}
    system = next(iter(systems)) if len(systems) == 1 else ""
    # A prompt is read as Jinja2, what a training file says is not: marks of a template become a quoted text.
    # A system message with `{{` would be read as a template: its text would be missing, or fail to render.
    literal = any(mark in system for mark in ("{{", "{%", "{#"))
    # As a JSON text inside an expression, Jinja2 gives it back letter by letter.
    prompt = PromptSpec(system="{{ " + json.dumps(system) + " }}" if literal else system)
    # Long enough for a label or a sentence; without a limit a small model may go on to the end of its window.
    model = tuned_model.spec.model_copy(update={"max_tokens": 128})
    return Configuration(name=tuned_model.name, model=model, prompt=prompt)
