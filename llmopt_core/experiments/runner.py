"""One configuration over one evaluation set -> a recorded run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from llmopt_core.errors import BadInput
from llmopt_core.execution.accounts import account_for
from llmopt_core.execution.budget import Budget
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.earlier_looks import list_earlier_looks
from llmopt_core.experiments.keys import documents_version
from llmopt_core.experiments.pipeline import Pipeline
from llmopt_core.experiments.plan import Plan
from llmopt_core.experiments.planned_run import start_planned_run
from llmopt_core.experiments.progress import RunProgress
from llmopt_core.experiments.provenance import BEHIND, models_basis
from llmopt_core.experiments.resume_check import check_resumable
from llmopt_core.experiments.run_session import RunSession
from llmopt_core.experiments.search_terms import resumed_terms
from llmopt_core.experiments.training_sources import training_overlap
from llmopt_core.models.base import ModelSpec
from llmopt_core.models.registry import Models
from llmopt_core.runs.store import Store
from llmopt_core.types import Usage


@dataclass(frozen=True)
class Watch:
    """Who follows a run, and may stop it.

    Attributes:
        on_progress: Called in the event loop as records finish.
        should_cancel: Asked five times a second; once true, calls in flight are dropped.
        job_id: The job that the run belongs to.
    """

    on_progress: Callable[[RunProgress], None] | None = None
    should_cancel: Callable[[], bool] | None = None
    job_id: int | None = None


async def run_evaluation(
    store: Store,
    plan: Plan,
    configuration: Configuration,
    models: Models,
    watch: Watch = Watch(),
    *,
    budget: Budget | None = None,
    resume_run: int | None = None,
) -> int:
    """Answer and score every example, storing each record as it finishes. Returns the run's id.

    How it ended is the run's status: `finished`; `budget-reached`, when the next records would cost more than is left;
    `cancelled`; `failed`, when the endpoint failed again and again, most answers failed, or nothing could be stored.
    The run's error says how many answers failed and why most often, also where it finished.

    Args:
        store: Where the run is kept; its cache holds the stages.
        plan: What is run; see `check_plan`, which is asked before.
        configuration: The one of the plan that is run.
        models: Of the current event loop.
        watch: Who follows it.
        budget: What may be paid, what was paid for this run in earlier sessions included; other work may share it.
        resume_run: Continue this run: its good records stay, missing and failed ones are made.

    Raises:
        BadInput: `resume_run` is of other documents, configuration or judge.
        StorageError: The workspace cannot be written. What was stored stays.
        MissingDependency: A package or model file is absent.
    """
    budget, pilot_usage = budget or Budget(), plan.pilot.get(configuration.name, Usage())
    pipeline = Pipeline(configuration, plan.documents, plan.metrics, plan.judge, models)
    # Before the run that names it: a crash in between leaves a hidden set, and no run without its questions.
    store.keep_evaluation_set(plan.project, plan.evaluation_set)
    if resume_run is None:
        run_id = await _start_run(store, plan, configuration, models, _most_usd(budget, pilot_usage), watch.job_id)
    else:
        run_id = _resume_run(store, resume_run, plan, configuration, budget, watch.job_id)
    session = RunSession(
        store, run_id, pipeline, plan.examples, plan.concurrency, budget, pilot_usage, watch.on_progress
    )
    with models.within(budget), account_for(session.account):
        await session.run(watch.should_cancel or (lambda: False))
    return run_id


async def _start_run(  # noqa: PLR0917
    store: Store,
    plan: Plan,
    configuration: Configuration,
    models: Models,
    budget_usd: float | None,
    job_id: int | None,
) -> int:
    # Compares every question with all training data, which may take seconds.
    overlap = await asyncio.to_thread(
        training_overlap, store, plan.project, configuration, plan.examples, lambda spec: _model_name(spec, models)
    )
    fingerprints = {one.fingerprint for one in plan.configurations}
    looks = list_earlier_looks(store, plan.project, plan.evaluation_set.name, fingerprints)
    overlap = overlap.model_copy(update={"looks": looks})
    options = {
        "limit": plan.limit,
        "concurrency": plan.concurrency,
        "budget_usd": budget_usd,
        "judge": plan.judge.model_dump(mode="json"),
        BEHIND: models_basis(configuration, models, plan.judge),
        **({"parent": parent} if (parent := plan.parents.get(configuration.name)) else {}),
    }
    return start_planned_run(store, plan, configuration, overlap, options, job_id)


def _model_name(spec: ModelSpec, models: Models) -> str:
    return spec.name or models.endpoint(spec.endpoint).default_model


def _resume_run(  # noqa: PLR0917
    store: Store, run_id: int, plan: Plan, configuration: Configuration, budget: Budget, job_id: int | None
) -> int:
    run, version = store.run(run_id), documents_version(plan.documents)
    if (run.fingerprint, run.set_version) != (configuration.fingerprint, plan.evaluation_set.version):
        raise BadInput(f"Run {run_id} was made with another configuration or set; start a new run.")
    check_resumable(run, version, plan.judge)
    options = {"budget_usd": _most_usd(budget, run.usage), **resumed_terms(run)}
    return store.resume_run(run_id, job_id, version, options).id


def _most_usd(budget: Budget, usage: Usage) -> float | None:
    """What a run may cost in all, what was paid for it before included."""
    # From what is left, as other runs may have used up a part of the same budget.
    return None if budget.remaining_usd is None else budget.remaining_usd + (usage.cost_usd or 0.0)
