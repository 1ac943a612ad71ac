"""The lab's long work as jobs, and their results found again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError

from llmopt_core.errors import Cancelled
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.basis import Basis
from llmopt_core.experiments.cancellable import cancellable
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.keys import documents_identity, example_identity
from llmopt_core.jobs.context import JobContext
from llmopt_core.labs.retrieval.ablation import AblationReport, ablate
from llmopt_core.labs.retrieval.estimate import (
    LabEstimate,
    estimate_ablation,
    estimate_measure,
    estimate_sweep,
)
from llmopt_core.labs.retrieval.k_sweep import KSweep, k_sweep
from llmopt_core.labs.retrieval.progress import LabProgress, OnLabProgress
from llmopt_core.labs.retrieval.whole_set import SetReport, measure_set
from llmopt_core.models.registry import Models
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Job, Project
from llmopt_core.types import Document, Example, Spec, fingerprint

MEASURE, ABLATION, SWEEP = "retrieval-measure", "leave-one-out", "chunk-count-sweep"
MakeModels = Callable[[], Models]
Work = Callable[[JobContext], Coroutine[Any, Any, dict[str, Any]]]
T = TypeVar("T", bound=Spec)


@dataclass(frozen=True)
class Task:
    """What a job works on.

    Attributes:
        examples: The chosen part of the set.
        set_name: The evaluation set they are from.
        models: Stands for the weights and addresses behind the configuration's names (see `keys.lab_identity`).
        basis: What the result rests on, part by part, to name what has changed once it is of an earlier state.
    """

    project: Project
    configuration: Configuration
    examples: tuple[Example, ...]
    documents: tuple[Document, ...]
    set_name: str
    models: str = ""
    basis: Basis = field(default_factory=dict)

    def arguments(self, **options: Any) -> dict[str, Any]:
        """What is kept with the job, and what its result is found by."""
        return {
            "configuration": self.configuration.name,
            "set": self.set_name,
            "questions": len(self.examples),
            "key": self.key(**options),
            "basis": dict(self.basis),
            **options,
        }

    def key(self, **options: Any) -> str:
        """Everything that decides the result."""
        return fingerprint(
            self.configuration.fingerprint,
            self.models,
            [[example.id, *example_identity(example)] for example in self.examples],
            documents_identity(self.documents),
            options,
        )


def measure_work(task: Task, make_models: MakeModels, k: int, budget_usd: float | None = None) -> Work:
    """Retrieve for the whole set and measure every stage. Where the budget is reached it ends as `budget-reached`."""

    async def run(context: JobContext, models: Models, see: OnLabProgress) -> Spec:
        return await measure_set(
            task.configuration, task.examples, task.documents, models,
            k=k, budget_usd=budget_usd, on_progress=see, should_stop=context.should_cancel,
        )  # fmt: skip

    return _work(run, make_models)


def ablation_work(
    task: Task, make_models: MakeModels, answers: bool, judge: JudgeSpec, budget_usd: float | None = None
) -> Work:
    """Leave each component out. Where the budget is reached the job ends as `budget-reached`."""

    async def run(context: JobContext, models: Models, see: OnLabProgress) -> Spec:
        return await ablate(
            task.configuration, task.examples, task.documents, models,
            set_name=task.set_name, answers=answers, judge=judge, budget_usd=budget_usd, on_progress=see,
            should_stop=context.should_cancel,
        )  # fmt: skip

    return _work(run, make_models)


def sweep_work(
    task: Task, make_models: MakeModels, ks: Sequence[int], judge: JudgeSpec, budget_usd: float | None = None
) -> Work:
    """Hand over more and more chunks. Where the budget is reached the job ends as `budget-reached`."""

    async def run(context: JobContext, models: Models, see: OnLabProgress) -> Spec:
        return await k_sweep(
            task.configuration, task.examples, task.documents, models,
            ks=ks, set_name=task.set_name, judge=judge, budget_usd=budget_usd, on_progress=see,
            should_stop=context.should_cancel,
        )  # fmt: skip

    return _work(run, make_models)


def measure_estimate_work(task: Task, make_models: MakeModels, k: int) -> Work:
    """A pilot of `measure_work`."""

    async def run(context: JobContext, models: Models, _: OnLabProgress) -> Spec:
        return await estimate_measure(task.configuration, task.examples, task.documents, models, k=k)

    return _work(run, make_models)


def ablation_estimate_work(task: Task, make_models: MakeModels, answers: bool, judge: JudgeSpec) -> Work:
    """A pilot of `ablation_work`."""

    async def run(context: JobContext, models: Models, _: OnLabProgress) -> Spec:
        return await estimate_ablation(
            task.configuration, task.examples, task.documents, models,
            answers=answers, judge=judge,
        )  # fmt: skip

    return _work(run, make_models)


def sweep_estimate_work(task: Task, make_models: MakeModels, ks: Sequence[int], judge: JudgeSpec) -> Work:
    """A pilot of `sweep_work`."""

    async def run(context: JobContext, models: Models, _: OnLabProgress) -> Spec:
        return await estimate_sweep(task.configuration, task.examples, task.documents, models, ks=ks, judge=judge)

    return _work(run, make_models)


def latest(store: Store, project: Project, kind: str, key: str) -> Job | None:
    """The newest job of this kind and key; None where there was none."""
    found = [job for job in store.jobs(project) if job.kind == kind and job.arguments.get("key") == key]
    return max(found, key=lambda job: job.id, default=None)


def earlier(store: Store, task: Task, kind: str) -> Job | None:
    """The newest finished job on the same configuration and as many questions of the same set, in whatever state."""
    wanted = {"configuration": task.configuration.name, "set": task.set_name, "questions": len(task.examples)}
    found = [
        job
        for job in store.jobs(task.project)
        if job.kind == kind and job.status == "finished" and wanted.items() <= job.arguments.items()
    ]
    return max(found, key=lambda job: job.id, default=None)


def estimate_of(job: Job) -> LabEstimate | None:
    """What a pilot told; None where it told nothing."""
    return report_of(job, LabEstimate)


def report_of(job: Job, kind: type[T]) -> T | None:
    """The finished job's report; None where there is none, or another version of the program wrote it."""
    try:
        return kind.model_validate(job.result["report"])
    except (KeyError, TypeError, ValidationError):
        return None


def set_report(job: Job) -> SetReport | None:
    """The report of a `measure_work` job."""
    return report_of(job, SetReport)


def ablation_report(job: Job) -> AblationReport | None:
    """The report of an `ablation_work` job."""
    return report_of(job, AblationReport)


def sweep_report(job: Job) -> KSweep | None:
    """The report of a `sweep_work` job."""
    return report_of(job, KSweep)


def _work(run: Callable[[JobContext, Models, OnLabProgress], Awaitable[Spec]], make_models: MakeModels) -> Work:
    async def work(context: JobContext) -> dict[str, Any]:
        kept: dict[str, Spec] = {}

        def see(progress: LabProgress) -> None:
            context.report(progress.as_dict())

        async def whole() -> None:
            async with make_models() as models:
                kept["report"] = await run(context, models, see)

        async def beat() -> None:
            return None

        see(LabProgress())
        await cancellable(whole(), context.should_cancel, beat)
        if context.should_cancel():
            raise Cancelled("Cancelled.")
        return {"report": kept["report"].model_dump(mode="json")}

    return work
