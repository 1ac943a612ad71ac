"""The lab's long work as jobs, and their results found again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError

from llmopt_core.errors import Cancellation
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.keys import documents_identity, documents_version, example_identity
from llmopt_core.experiments.provenance import DOCUMENTS, Basis
from llmopt_core.jobs.context import JobContext
from llmopt_core.jobs.kind import JobKind
from llmopt_core.labs.retrieval.ablation import ablate
from llmopt_core.labs.retrieval.estimate import (
    estimate_ablation,
    estimate_measure,
    estimate_sweep,
)
from llmopt_core.labs.retrieval.k_sweep import k_sweep
from llmopt_core.labs.retrieval.progress import LabProgress
from llmopt_core.labs.retrieval.set_report import measure_set
from llmopt_core.labs.retrieval.subject import Subject
from llmopt_core.models.registry import Models
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Job, Project
from llmopt_core.types import Document, EvaluationSet, Example, Spec, fingerprint

MEASURE, ABLATION, SWEEP = "retrieval-measure", "leave-one-out", "chunk-count-sweep"
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

    def key(self, **options: Any) -> str:
        """Everything that decides the result."""
        return fingerprint(
            self.configuration.fingerprint,
            self.models,
            # Ids as well: results are shown by question.
            [[example.id, *example_identity(example)] for example in self.examples],
            documents_identity(self.documents),
            options,
        )


class LabArguments(Spec):
    """What a job of the lab works on.

    Attributes:
        configuration: By name, for whoever reads the list of jobs.
        asked: The configuration.
        set, set_version: Holds the chosen questions and no others.
        questions: How many they are.
        key: What the result is found by.
        basis: What the result rests on; see `Task`.
        budget_usd: The most that it may cost, earlier sessions included.
    """

    configuration: str
    asked: Configuration
    set: str
    set_version: str
    questions: int
    key: str
    basis: dict[str, str]
    judge: JudgeSpec = JudgeSpec()
    budget_usd: float | None = None


class MeasureArguments(LabArguments):
    """The whole set after every stage: see `measure_set`."""

    k: int


class AblationArguments(LabArguments):
    """Each component left out: see `ablate`."""

    answers: bool


class KSweepArguments(LabArguments):
    """More and more chunks handed over: see `k_sweep`."""

    ks: tuple[int, ...]


@dataclass(frozen=True)
class LabContext:
    """What a job of the lab is done with."""

    arguments: Any
    subject: Subject
    context: JobContext

    def see(self, progress: LabProgress) -> None:
        """Tell how far it is."""
        self.context.report(progress.as_dict())

    @property
    def within(self) -> dict[str, Any]:
        """What bounds and follows every work of the lab."""
        budget = self.arguments.budget_usd
        return {"budget_usd": budget, "on_progress": self.see, "should_stop": self.context.should_cancel}


def lab_arguments(
    store: Store, kind: str, task: Task, options: Mapping[str, Any], budget_usd: float | None = None
) -> LabArguments:
    """A task as arguments; the state of its questions is kept.

    Args:
        store: Keeps the questions.
        kind: Of the job.
        task: What is worked on.
        options: Whatever else decides the result.
        budget_usd: What it may cost.
    """
    # Only the chosen part, under its own version: later edits of the set do not change what this job asks.
    questions = EvaluationSet(task.set_name, task.examples)
    store.keep_evaluation_set(task.project, questions)
    # Each kind knows its own arguments, `options` fit them.
    arguments: LabArguments = LAB_KINDS[kind].arguments(
        configuration=task.configuration.name,
        asked=task.configuration,
        set=task.set_name,
        set_version=questions.version,
        questions=len(task.examples),
        key=task.key(**options),
        basis=dict(task.basis),
        budget_usd=budget_usd,
        **options,
    )
    return arguments


def lab_versions(task: Task) -> dict[str, str]:
    """The versions of what a job of the lab works on."""
    return {**task.basis, DOCUMENTS: documents_version(task.documents)}


async def _measure(context: LabContext) -> Spec:
    return await measure_set(context.subject, k=context.arguments.k, **context.within)


async def _ablate(context: LabContext) -> Spec:
    arguments: AblationArguments = context.arguments
    return await ablate(
        context.subject, set_name=arguments.set, answers=arguments.answers, judge=arguments.judge, **context.within
    )  # fmt: skip


async def _run_k_sweep(context: LabContext) -> Spec:
    arguments: KSweepArguments = context.arguments
    return await k_sweep(
        context.subject, ks=arguments.ks, set_name=arguments.set, judge=arguments.judge, **context.within
    )


async def _measure_pilot(context: LabContext) -> Spec:
    return await estimate_measure(context.subject, k=context.arguments.k)


async def _ablation_pilot(context: LabContext) -> Spec:
    return await estimate_ablation(context.subject, answers=context.arguments.answers, judge=context.arguments.judge)


async def _pilot_k_sweep(context: LabContext) -> Spec:
    return await estimate_sweep(context.subject, ks=context.arguments.ks, judge=context.arguments.judge)


def _run(work: Callable[[LabContext], Awaitable[Spec]]) -> Callable[[JobContext, Any], dict[str, Any]]:
    def run(context: JobContext, arguments: LabArguments) -> dict[str, Any]:
        # Before the documents are read, so that the job is seen to have begun.
        context.report(LabProgress().as_dict())
        store = context.store
        documents = store.documents(context.project)
        context.check_version(DOCUMENTS, documents_version(documents))
        examples = store.evaluation_set(context.project, arguments.set, arguments.set_version).examples

        def make(models: Models) -> Awaitable[Spec]:
            return work(LabContext(arguments, Subject(arguments.asked, examples, documents, models), context))

        report = context.work(make, drops=True)
        # A work that was stopped returns what it has: a half report must not be found as the whole one.
        if context.should_cancel():
            raise Cancellation("Cancelled.")
        return {"report": report.model_dump(mode="json")}

    return run


_PILOT, _TRYING = "-estimate", "Trying a few questions of"
MEASURE_KIND = JobKind(MEASURE, MeasureArguments, _run(_measure), "Measuring the retrieval of")
MEASURE_PILOT = JobKind(MEASURE + _PILOT, MeasureArguments, _run(_measure_pilot), _TRYING, "interactive")
ABLATION_KIND = JobKind(ABLATION, AblationArguments, _run(_ablate), "Leaving out parts of")
ABLATION_PILOT = JobKind(ABLATION + _PILOT, AblationArguments, _run(_ablation_pilot), _TRYING, "interactive")
SWEEP_KIND = JobKind(SWEEP, KSweepArguments, _run(_run_k_sweep), "More chunks for")
SWEEP_PILOT = JobKind(SWEEP + _PILOT, KSweepArguments, _run(_pilot_k_sweep), _TRYING, "interactive")
LAB_KINDS: dict[str, JobKind[Any]] = {
    kind.name: kind for kind in (MEASURE_KIND, MEASURE_PILOT, ABLATION_KIND, ABLATION_PILOT, SWEEP_KIND, SWEEP_PILOT)
}


def pilot_of(kind: str) -> str:
    """The kind of the pilot of a kind."""
    return kind + _PILOT


def latest(store: Store, project: Project, kind: str, key: str) -> Job | None:
    """The newest job of this kind and key; None where there was none."""
    jobs = [job for job in store.jobs(project) if job.kind == kind and job.arguments.get("key") == key]
    return max(jobs, key=lambda job: job.id, default=None)


def earlier(store: Store, task: Task, kind: str) -> Job | None:
    """The newest finished job on the same configuration and as many questions of the same set, in whatever state."""
    # Not the key, which holds states: an earlier state is what is looked for.
    conditions = {"configuration": task.configuration.name, "set": task.set_name, "questions": len(task.examples)}
    jobs = [
        job
        for job in store.jobs(task.project)
        if job.kind == kind and job.status == "finished" and conditions.items() <= job.arguments.items()
    ]
    return max(jobs, key=lambda job: job.id, default=None)


def report_of(job: Job, kind: type[T]) -> T | None:
    """The finished job's report; None where there is none, or another version of the program wrote it."""
    try:
        return kind.model_validate(job.result["report"])
    except (KeyError, TypeError, ValidationError):
        return None
