"""A fine-tuning job, whoever runs it: what is asked for, how it stands, and the few things one can do with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import Field

from llmopt_core.finetuning.data.examples import TrainingSet
from llmopt_core.models.base import EmbeddingSpec, ModelSpec
from llmopt_core.types import Spec

Status = Literal["queued", "running", "finished", "failed", "cancelled", "interrupted"]
FINAL_STATUSES: frozenset[Status] = frozenset({"finished", "failed", "cancelled", "interrupted"})
LOCAL = "local"


class JobRequest(Spec):
    """What a job is asked to do. Everything but the data; the same request means the same training.

    Attributes:
        name: What the tuned model will be called: letters, digits, dots, dashes and underscores.
        provider: `local`, or the name of an endpoint with a fine-tuning API.
        base_model: `builtin`, a GGUF or model folder for `local`; else the service's model name.
        method: `supervised` learns conversations, `dpo` preference pairs.
        hyperparameters: Those of the provider; what is left out takes the provider's default.
        price_per_million: USD per million training tokens where known, for the cost.
        budget_usd: The most that a service may take for it; needs a price.
    """

    # It becomes a file's name and, at a service, part of the model's: 40 characters fit both. A leading dot would hide
    # the file, a slash would leave the folder.
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")
    provider: str = LOCAL
    base_model: str = "builtin"
    method: Literal["supervised", "dpo"] = "supervised"
    seed: int = 0
    hyperparameters: dict[str, Any] = Field(default_factory=dict)
    price_per_million: float | None = Field(default=None, ge=0.0)
    # Infinity would be a budget that no cost exceeds.
    budget_usd: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)


@dataclass(frozen=True)
class Job:
    """How a job stands.

    Attributes:
        id: The project's own id, known before anything is sent anywhere.
        remote_id: The service's id; empty for local jobs and until the service has answered.
        kind: `lora`, `embedding` or `service`.
        message: Why it failed or waits, in words.
        created_at, started_at, finished_at: Seconds since 1970; 0 where it has not happened.
        worked_seconds: Time its trainers here have worked, all stretches before and after a resume; 0 at a service.
        seconds_left: Estimate; None where unknown.
        tuned_model: Adapter name or the service's model name, once finished.
        cost_usd: Of the tokens that the service says it has trained on; None before it says so, or without a price.
        estimate_usd: The least and the most it was expected to cost when it was started; None without a price.
        budget_usd: The most that it may cost; None without a limit.
        resumable: Whether `resume` can go on from here.
    """

    id: str
    name: str
    provider: str
    base_model: str
    status: Status
    kind: str = "lora"
    method: str = "supervised"
    message: str = ""
    remote_id: str = ""
    created_at: float = 0.0
    started_at: float = 0.0
    finished_at: float = 0.0
    worked_seconds: float = 0.0
    data_version: str = ""
    validation_version: str = ""
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    step: int = 0
    total_steps: int = 0
    trained_tokens: int = 0
    tokens_per_second: float = 0.0
    seconds_left: float | None = None
    tuned_model: str = ""
    cost_usd: float | None = None
    estimate_usd: Sequence[float] | None = None
    budget_usd: float | None = None
    resumable: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.status in FINAL_STATUSES

    @property
    def took(self) -> float | None:
        """Seconds of work so far; at a service from start to end. None where there was none yet."""
        if self.worked_seconds:
            return self.worked_seconds
        # A service tells start and end only; waiting in its line counts with it.
        return self.finished_at - self.started_at if self.finished_at and self.started_at else None


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One line of a job's log. `at` is seconds since 1970."""

    at: float
    level: Literal["info", "warn", "error"]
    message: str


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """Losses and accuracies after a training step; None where not measured at that step."""

    step: int
    train_loss: float | None = None
    valid_loss: float | None = None
    train_accuracy: float | None = None
    valid_accuracy: float | None = None
    learning_rate: float | None = None
    tokens: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class JobCheckpoint:
    """A state of the model on the way; `model` is a name one can call, or the file's path."""

    step: int
    model: str
    created_at: float
    valid_loss: float | None = None
    train_loss: float | None = None


@dataclass(frozen=True, slots=True)
class FineTunedModel:
    """What a finished job made, ready to be put into a configuration."""

    name: str
    spec: ModelSpec | EmbeddingSpec
    facts: Mapping[str, Any] = field(default_factory=dict)


class TrainingLine(Protocol):
    """Where trainings of this machine wait for their turn."""

    def enter(self, job: Job) -> None:
        """Let a job wait; it is trained when its turn comes (see `LocalTrainer.train`)."""
        ...

    def leave(self, job: Job) -> None:
        """Take a job out where it waits, and have it stopped where it is trained."""
        ...


class FineTuner(Protocol):
    """Runs jobs: on this machine, or at a service."""

    def create(
        self,
        request: JobRequest,
        training: TrainingSet,
        validation: TrainingSet | None = None,
        *,
        is_confirmed: bool = False,
        on_created: Callable[[Job], None] | None = None,
    ) -> Job:
        """Start a job, once.

        Args:
            request: What to do.
            training: Examples to learn.
            validation: Examples whose loss is watched, never learned.
            is_confirmed: Whether the user has seen what leaves the machine and agreed; needed where anything does.
            on_created: Called as soon as the job has an id that must not be lost.
        """
        ...

    def status(self, job_id: str) -> Job:
        """How the job stands now."""
        ...

    def events(self, job_id: str) -> list[JobEvent]:
        """The job's log, oldest first."""
        ...

    def metrics(self, job_id: str) -> list[MetricPoint]:
        """The job's curves so far, by step."""
        ...

    def checkpoints(self, job_id: str) -> list[JobCheckpoint]:
        """States saved on the way, oldest first."""
        ...

    def cancel(self, job_id: str) -> Job:
        """Ask the job to stop; what it has saved stays."""
        ...

    def resume(self, job_id: str) -> Job:
        """Go on with an interrupted job without doing anything twice."""
        ...

    def result(self, job_id: str) -> FineTunedModel:
        """The tuned model of a finished job."""
        ...
