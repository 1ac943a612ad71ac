"""Several configurations over one set: the same for the command line and for the app's job."""

from __future__ import annotations

from collections.abc import Callable

from llmopt_core.errors import BadInput
from llmopt_core.execution.money import dollars
from llmopt_core.experiments.comparison_parents import record_origin
from llmopt_core.experiments.configuration import Configuration, configuration_from
from llmopt_core.experiments.experiment_file import Experiment
from llmopt_core.experiments.grading import ASSERTIONS, metrics_to_record
from llmopt_core.experiments.imported_runs import check_not_imported
from llmopt_core.experiments.keys import documents_version
from llmopt_core.experiments.plan import Plan, check_plan
from llmopt_core.experiments.progress import RunProgress
from llmopt_core.experiments.resume_check import has_other_documents, has_other_judge, judge_of
from llmopt_core.experiments.run_budget import remaining_budget
from llmopt_core.experiments.runner import Watch, run_evaluation
from llmopt_core.models.registry import Models
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import RESUMABLE, Project, Run
from llmopt_core.types import Usage


def save_experiment(store: Store, experiment: Experiment) -> Project:
    """Put an experiment file's documents, questions and configurations into the store, so that the app shows them."""
    project = store.ensure_project(experiment.project)
    versions = {document.name: document.version for document in store.document_list(project)}
    # Only what has changed is written: texts may be large, and the moment of saving is shown.
    store.save_documents(project, [d for d in experiment.documents if versions.get(d.name) != d.version])
    whole_set = experiment.whole_set or experiment.evaluation_set
    store.save_evaluation_set(project, whole_set)
    if experiment.split_plan is not None:
        store.keep_split(project, whole_set.name, experiment.split_plan)
    for configuration in experiment.configurations:
        save_configuration(store, project, configuration)
    by_name = {configuration.name: configuration for configuration in experiment.configurations}
    for name, parent in experiment.parents.items():
        # A file may hold the parent without running it.
        if name in by_name and parent in by_name:
            record_origin(store, project, by_name[name].fingerprint, by_name[parent])
    return project


def save_configuration(store: Store, project: Project | str, configuration: Configuration) -> None:
    """Keep a configuration under its name."""
    values = configuration.model_dump(mode="json")
    store.save_configuration(project, configuration.name, values, configuration.fingerprint)


def list_configurations(store: Store, project: Project | str) -> list[Configuration]:
    """The project's configurations, without those that cannot be read; `Store.unreadable` tells of them."""
    configurations = []
    for item in store.configurations(project):
        try:
            configurations.append(configuration_from(item.spec))
        except BadInput as error:
            store.note_unreadable(project, f"Configuration {item.name}", str(error))
    return configurations


async def run_experiment(
    store: Store,
    plan: Plan,
    models: Models,
    *,
    on_progress: Callable[[RunProgress], None] | None = None,
    should_cancel: Callable[[], bool] | None = None,
    job_id: int | None = None,
    resume: bool = True,
) -> list[int]:
    """Run every configuration, one after the other. Returns the ids of their runs.

    All are checked before the first call. A run that was stopped half-way and is otherwise the same is continued; then
    those that were finished before it stopped are taken as they are.

    Args:
        store: Where the runs are kept.
        plan: What to run.
        models: Of the current event loop.
        on_progress: Called as records finish.
        should_cancel: Once true, the current run is cancelled and the others are not started.
        job_id: The job the runs belong to.
        resume: Whether to continue stopped runs; else new ones are made.

    Raises:
        BadInput: A configuration could only fail; nothing was started.
        StorageError: The workspace cannot be written.
    """
    check_plan(plan, models)
    run_ids: list[int] = []
    watch = Watch(on_progress, should_cancel, job_id)
    before = earlier_runs(store, plan, job_id) if resume else {}
    pilot_usage = sum(plan.pilot.values(), Usage())
    budget = remaining_budget(plan.budget_usd, before.values(), extra=pilot_usage, dearest=plan.dearest)
    for configuration in plan.configurations:
        earlier_run = before.get(configuration.name)
        if earlier_run is not None and not earlier_run.resumable:
            run_ids.append(earlier_run.id)
            continue
        earlier_id = earlier_run.id if earlier_run else None
        run_id = await run_evaluation(store, plan, configuration, models, watch, budget=budget, resume_run=earlier_id)
        run_ids.append(run_id)
        # One whose budget is used up is no reason to leave out the others: what is kept or free is done all the same.
        if store.run(run_id).status == "cancelled":
            break
    return run_ids


async def resume_run(
    store: Store,
    run_id: int,
    models: Models,
    *,
    budget_usd: float | None = None,
    on_progress: Callable[[RunProgress], None] | None = None,
    should_cancel: Callable[[], bool] | None = None,
    job_id: int | None = None,
) -> int:
    """Continue one stored run with what it was started with: missing and failed records are made, nothing else.

    Args:
        store: Where the run is kept.
        run_id: The run.
        models: Of the current event loop.
        budget_usd: The most that the whole run may cost, earlier sessions included; by default as before.
        on_progress: Called as records finish.
        should_cancel: Once true, it is cancelled.
        job_id: The job it belongs to from now on.

    Raises:
        BadInput: Its set is gone, its documents have changed, it was stored without its judge, or somebody works on it.
    """
    run = store.run(run_id)
    check_not_imported(run)
    configuration = configuration_from(run.configuration)
    plan = Plan(
        run.project,
        (configuration,),
        store.evaluation_set(run.project, run.evaluation_set, run.set_version),
        store.documents(run.project),
        # This one comes back by itself where examples have assertions.
        [name for name in run.metrics if name != ASSERTIONS],
        judge_of(run),
        # Runs of earlier versions may lack it.
        concurrency=int(run.options.get("concurrency") or 4),
        limit=run.options.get("limit"),
        budget_usd=budget_usd,
    )
    check_plan(plan, models)
    budget = remaining_budget(run.budget_usd if budget_usd is None else budget_usd, [run])
    watch = Watch(on_progress, should_cancel, job_id)
    return await run_evaluation(store, plan, configuration, models, watch, budget=budget, resume_run=run_id)


def check_new_budget(store: Store, plan: Plan) -> None:
    """Ask for a new budget where a run that its budget stopped would be continued without one, or without a larger one.

    Raises:
        BadInput: Says what was spent.
    """
    before = earlier_runs(store, plan)
    stopped_runs = [run for run in before.values() if run.status == "budget-reached"]
    # Unknown where a price is missing; `check_plan` refuses a budget then.
    cost = sum((run.usage for run in before.values()), Usage()).cost_usd or 0.0
    if stopped_runs and (plan.budget_usd is None or plan.budget_usd <= cost):
        raise BadInput(
            f"{stopped_runs[0].name} was stopped by its budget, and {dollars(cost)} are spent so far: to go on, say "
            "what the evaluation may cost in all, as a larger budget (--budget), or start anew (--fresh)."
        )


def earlier_runs(store: Store, plan: Plan, job_id: int | None = None) -> dict[str, Run]:
    """By configuration, what an evaluation that was stopped has left: empty where none was stopped.

    Args:
        store: Where the runs are kept.
        plan: What is evaluated.
        job_id: The job that does it. Where it was begun before, the runs that it has finished are left of it.
    """
    runs_by_name = {c.name: run for c in plan.configurations if (run := _earlier_run(store, plan, c)) is not None}
    if any(run.status in RESUMABLE for run in runs_by_name.values()):
        return runs_by_name
    # Without a stopped run an evaluation is a new one, and a finished run is made again, unless this very job made it.
    return {name: run for name, run in runs_by_name.items() if job_id is not None and run.job_id == job_id}


def list_resume_problems(store: Store, plan: Plan) -> list[str]:
    """One sentence for each stopped run that is not gone on with, because its documents or its judge have changed."""
    newest = [run for c in plan.configurations if (run := _newest_run(store, plan, c)) is not None]
    changes = [(run, _change(run, plan)) for run in newest if run.status in RESUMABLE]
    return [
        f"{run.name}: run {run.id} was {reason} and stays as it is; a new run starts."
        for run, reason in changes
        if reason
    ]


def _change(run: Run, plan: Plan) -> str:
    """What has changed since, so that a run is not gone on with; empty where nothing has."""
    if has_other_documents(run, documents_version(plan.documents)):
        return "stopped over other documents"
    return f"graded by {run.judge}, which is now {plan.judge.label}," if has_other_judge(run, plan.judge) else ""


def _earlier_run(store: Store, plan: Plan, configuration: Configuration) -> Run | None:
    """The newest run that is the same, if it is done or can be gone on with over the plan's documents, by its judge."""
    run = _newest_run(store, plan, configuration)
    usable = run is not None and not run.active and not _change(run, plan)
    return run if usable else None


def _newest_run(store: Store, plan: Plan, configuration: Configuration) -> Run | None:
    """The newest run that was asked the same."""
    plan_identity = (
        configuration.fingerprint,
        plan.evaluation_set.version,
        plan.judge.model_dump(mode="json"),
        plan.limit,
    )
    metrics = metrics_to_record(plan.metrics, plan.evaluation_set.examples[: plan.limit])
    for run in store.runs(plan.project):
        identity = (run.fingerprint, run.set_version, run.options.get("judge"), run.options.get("limit"))
        if identity == plan_identity and run.metrics == metrics and run.name == configuration.name:
            return run
    return None
