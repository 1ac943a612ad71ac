"""Evaluation as a job, with one count of progress over all its runs. Never calls Streamlit."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from llmopt_core.experiments.progress import RunProgress
from llmopt_core.jobs.queue import JobContext
from llmopt_core.types import Usage

if TYPE_CHECKING:
    from llmopt_core.experiments.experiment import Plan
    from llmopt_core.models.registry import Models
    from llmopt_core.runs.values import Run

EVALUATION, ESTIMATE = "evaluation", "estimate"
MakeModels = Callable[[], "Models"]
Work = Callable[[JobContext], Coroutine[Any, Any, dict[str, Any]]]


def plan_arguments(plan: Plan) -> dict[str, Any]:
    """What is kept with the job: plain values, no keys."""
    return {
        "configurations": [configuration.name for configuration in plan.configurations],
        "evaluation_set": plan.evaluation_set.name,
        "judge": plan.judge.label,
        "limit": plan.limit,
    }


def resume_arguments(run: Run) -> dict[str, Any]:
    """The same for a run that is continued."""
    return {"configurations": [run.name], "evaluation_set": run.evaluation_set, "judge": run.judge, "limit": None}


def evaluate_work(plan: Plan, make_models: MakeModels) -> Work:
    """The work of a new evaluation. `make_models` is called in the job's thread, inside its event loop."""
    size = len(plan.evaluation_set.examples[: plan.limit])

    async def work(context: JobContext) -> dict[str, Any]:
        from llmopt_core.experiments.experiment import run_experiment

        count = Count(context, size * len(plan.configurations))
        async with make_models() as models:
            run_ids = await run_experiment(
                context.store,
                plan,
                models,
                on_progress=count.see,
                should_cancel=context.should_cancel,
                job_id=context.job_id,
            )
        return {"runs": run_ids}

    return work


def resume_work(run: Run, make_models: MakeModels, budget_usd: float | None = None) -> Work:
    """The work of continuing a stopped run. `budget_usd` is what the whole run may cost; by default as before."""

    async def work(context: JobContext) -> dict[str, Any]:
        from llmopt_core.experiments.experiment import resume_run

        count = Count(context, run.total)
        async with make_models() as models:
            run_id = await resume_run(
                context.store,
                run.id,
                models,
                budget_usd=budget_usd,
                on_progress=count.see,
                should_cancel=context.should_cancel,
                job_id=context.job_id,
            )
        return {"runs": [run_id]}

    return work


def estimate_work(plan: Plan, make_models: MakeModels) -> Work:
    """The work of a pilot. Its result holds one estimate per configuration."""

    async def work(context: JobContext) -> dict[str, Any]:
        from llmopt_core.experiments.estimate import estimate

        async with make_models() as models:
            found = await estimate(context.store, plan, models)
        return {
            "estimates": [
                {
                    "configuration": item.configuration,
                    "left": item.records - item.cached,
                    "calls": item.calls,
                    "tokens": item.prompt_tokens + item.completion_tokens,
                    "cost_usd": item.cost_usd,
                    "seconds": item.seconds,
                    "failures": list(item.failures),
                    "tried": len(item.tried),
                    "pilot": asdict(item.spent),
                    "dearest": dict(item.dearest),
                    "note": item.note,
                }
                for item in found
            ]
        }

    return work


@dataclass
class Count:
    """Adds up the progress of the runs of one job and reports it in the words of the job panel."""

    context: JobContext
    total: int
    runs: dict[int, RunProgress] = field(default_factory=dict)

    def see(self, progress: RunProgress) -> None:
        """One run has got further."""
        if progress.stage == "answering":
            self.runs[progress.run_id] = progress
        usage = sum((run.usage for run in self.runs.values()), Usage())
        done = sum(run.done for run in self.runs.values())
        self.context.report(
            {
                "done": done,
                "total": self.total,
                "cached": sum(run.cached for run in self.runs.values()),
                "tokens": usage.prompt_tokens + usage.completion_tokens,
                "cost_usd": usage.cost_usd,
                "left_usd": progress.left_usd,
                "seconds_left": self._seconds_left(progress, self.total - done),
                "message": _message(progress),
            }
        )

    @staticmethod
    def _seconds_left(progress: RunProgress, missing: int) -> float | None:
        """For this run and those that wait, if they go on like this one."""
        if progress.stage != "answering" or progress.seconds_left is None:
            return None
        here = progress.total - progress.done
        each = progress.seconds_left / here if here else progress.seconds / max(1, progress.done)
        return each * missing


def _message(progress: RunProgress) -> str:
    if progress.stage == "answering":
        return progress.configuration if progress.done else f"{progress.configuration}: loading the models"
    return f"{progress.configuration}: indexing, {progress.done:,} of {progress.total:,} texts"
