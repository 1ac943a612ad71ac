"""Evaluations, their pilots, and going on with stopped runs, as kinds of jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.experiment import resume_run, run_experiment
from llmopt_core.experiments.keys import documents_version
from llmopt_core.experiments.plan import Plan
from llmopt_core.jobs.context import JobContext
from llmopt_core.jobs.kind import JobKind
from llmopt_core.labs.evaluation.progress import Count
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Job, Project, Run
from llmopt_core.types import Spec, Usage

DOCUMENTS = "documents"


# Copied by name, so that a field that is added to both needs one line.
_COMMON_FIELDS = ("metrics", "judge", "concurrency", "limit", "budget_usd", "pilot", "dearest")
"""What a plan and its arguments say under the same name."""


class EvaluationArguments(Spec):
    """What is evaluated: see `Plan`. The set's version says which of its states is asked.

    Attributes:
        pilot: By configuration, what a pilot has paid.
        dearest: By model, what the dearest call of the pilots cost.
    """

    configurations: tuple[Configuration, ...]
    evaluation_set: str
    set_version: str
    metrics: tuple[str, ...]
    judge: JudgeSpec = JudgeSpec()
    concurrency: int = 4
    limit: int | None = None
    budget_usd: float | None = None
    pilot: dict[str, Usage] = Field(default_factory=dict)
    dearest: dict[str, float] = Field(default_factory=dict)


class ResumeArguments(Spec):
    """Which stopped run is gone on with; its name and set are for whoever reads the list of jobs."""

    run: int
    configurations: tuple[str, ...]
    evaluation_set: str
    budget_usd: float | None = None


def evaluation_arguments(store: Store, plan: Plan) -> EvaluationArguments:
    """A plan as arguments. The state of the set that it names is kept, whatever becomes of the set."""
    # The set may be edited or deleted while the job waits.
    store.keep_evaluation_set(plan.project, plan.evaluation_set)
    return EvaluationArguments(
        configurations=tuple(plan.configurations),
        evaluation_set=plan.evaluation_set.name,
        set_version=plan.evaluation_set.version,
        **{name: getattr(plan, name) for name in _COMMON_FIELDS},
    )


def evaluation_versions(plan: Plan) -> dict[str, str]:
    """The versions of all that an evaluation works on."""
    fingerprints = {f"configuration {one.name}": one.fingerprint for one in plan.configurations}
    return {
        **fingerprints,
        "evaluation set": plan.evaluation_set.version,
        # The label holds the version of the judge: scores of another are not those that were promised.
        "judge": plan.judge.label,
        # Without retrieval no document is read, and a changed one is no reason to stop.
        **({DOCUMENTS: documents_version(plan.documents)} if retrieves(plan.configurations) else {}),
    }


def retrieves(configurations: Iterable[Configuration]) -> bool:
    """Whether an answer of one of them depends on documents."""
    return any(configuration.retrieval is not None for configuration in configurations)


def plan_from_arguments(store: Store, project: Project | str, arguments: EvaluationArguments) -> Plan:
    """The plan, with the set in its state of then and the documents of now.

    Raises:
        BadInput: The set is gone.
    """
    return Plan(
        project=project if isinstance(project, str) else project.name,
        configurations=arguments.configurations,
        # The state that was asked for, which `keep_evaluation_set` has kept.
        evaluation_set=store.evaluation_set(project, arguments.evaluation_set, arguments.set_version),
        # Of now: documents have no kept states. `_plan` refuses where they have changed.
        documents=store.documents(project),
        **{name: getattr(arguments, name) for name in _COMMON_FIELDS},
    )


def arguments_from_pilot(pilot: Job) -> EvaluationArguments:
    """The evaluation that a finished pilot was made for, with what the pilot has paid.

    Raises:
        BadInput: Another version of the program made the pilot.
    """
    estimates = pilot.result.get("estimates", [])
    usages = {item["configuration"]: Usage(**item["pilot"]) for item in estimates}
    # The last estimate has seen the dearest calls of all before it.
    dearest = estimates[-1]["dearest"] if estimates else {}
    # Read as its own kind: a pilot has the arguments of the evaluation that it tries.
    return ESTIMATE.read(pilot.arguments).model_copy(update={"pilot": usages, "dearest": dearest})


def resume_arguments(run: Run, budget_usd: float | None = None) -> ResumeArguments:
    """Going on with a run; `budget_usd` is what all of it may cost, by default as before."""
    return ResumeArguments(
        run=run.id, configurations=(run.name,), evaluation_set=run.evaluation_set, budget_usd=budget_usd
    )


def evaluate(context: JobContext, arguments: EvaluationArguments) -> dict[str, Any]:
    """Run every configuration, or what is missing of them where the job was begun before."""
    plan = _plan(context, arguments)
    size = len(plan.evaluation_set.examples[: plan.limit])
    # Failed and cached answers count as done, so the total is simply everything that is asked.
    count = Count(context.report, size * len(plan.configurations))
    run_ids = context.work(
        lambda models: run_experiment(
            context.store, plan, models,
            on_progress=count.see, should_cancel=context.should_cancel, job_id=context.job_id,
        )
    )  # fmt: skip
    return {"runs": run_ids}


def resume_evaluation(context: JobContext, arguments: ResumeArguments) -> dict[str, Any]:
    """Do what is missing of a stopped run."""
    count = Count(context.report, context.store.run(arguments.run).total)
    run_id = context.work(
        lambda models: resume_run(
            context.store, arguments.run, models,
            budget_usd=arguments.budget_usd, on_progress=count.see, should_cancel=context.should_cancel,
            job_id=context.job_id,
        )
    )  # fmt: skip
    return {"runs": [run_id]}


def run_pilot(context: JobContext, arguments: EvaluationArguments) -> dict[str, Any]:
    """A pilot: one estimate per configuration."""
    from llmopt_core.experiments.estimate import estimate
    from llmopt_core.labs.evaluation.estimate_values import estimate_values

    plan = _plan(context, arguments)
    estimates = context.work(lambda models: estimate(context.store, plan, models))
    return {"estimates": [estimate_values(item) for item in estimates]}


def _plan(context: JobContext, arguments: EvaluationArguments) -> Plan:
    plan = plan_from_arguments(context.store, context.project, arguments)
    # Only evaluations that retrieve have it among their versions.
    if DOCUMENTS in context.versions:
        context.check_version(DOCUMENTS, documents_version(plan.documents))
    return plan


def is_evaluation(job: Job) -> bool:
    """Whether a job makes runs, or goes on with some."""
    return job.kind in (EVALUATION.name, RESUME.name)


def configuration_names(arguments: Mapping[str, Any]) -> list[str]:
    """The configurations of an evaluation's job by name, as every version of the program has stored them."""
    entries = arguments.get("configurations", [])
    # Earlier versions stored names, newer ones whole configurations.
    return [str(one.get("name", "")) if isinstance(one, Mapping) else str(one) for one in entries]


EVALUATION = JobKind("evaluation", EvaluationArguments, evaluate, "Evaluating")
RESUME = JobKind("evaluation-resume", ResumeArguments, resume_evaluation, "Evaluating")
ESTIMATE = JobKind("estimate", EvaluationArguments, run_pilot, "Trying a few questions of", "interactive")
