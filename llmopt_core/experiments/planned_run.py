"""A run of a plan, as the store keeps it from its start."""

from __future__ import annotations

from typing import Any

from llmopt_core.experiments.comparison_plan import ComparisonPlan
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.grading import metrics_to_record
from llmopt_core.experiments.keys import documents_version
from llmopt_core.experiments.plan import Plan
from llmopt_core.experiments.search_terms import start_terms
from llmopt_core.experiments.training_overlap import TrainingOverlap
from llmopt_core.runs.store import Store


def start_planned_run(  # noqa: PLR0917
    store: Store,
    plan: Plan | ComparisonPlan,
    configuration: Configuration,
    overlap: TrainingOverlap,
    options: dict[str, Any],
    job_id: int | None = None,
) -> int:
    """Add a run of one of the plan's configurations that this process works on. Returns its id."""
    return store.start_run(
        plan.project,
        configuration.model_dump(mode="json"),
        configuration.fingerprint,
        evaluation_set=plan.evaluation_set.name,
        set_version=plan.evaluation_set.version,
        judge=plan.judge.label,
        metrics=metrics_to_record(plan.metrics, plan.examples),
        total=len(plan.examples),
        options={**options, **start_terms(configuration)},
        job_id=job_id,
        documents_version=documents_version(plan.documents),
        training=overlap.model_dump(mode="json"),
    )
