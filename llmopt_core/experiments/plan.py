"""What an evaluation runs, and the look at it before anything is paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.preflight import check_run
from llmopt_core.models.base import BUILTIN
from llmopt_core.models.registry import Models
from llmopt_core.runs.values import Project
from llmopt_core.types import Document, EvaluationSet, Example, Usage


@dataclass(frozen=True)
class Plan:
    """What is run: configurations, on what, graded how.

    Attributes:
        concurrency: Model calls at once.
        limit: Only so many of the first examples.
        budget_usd: The most all runs together may cost, what continued ones cost before and the pilot included.
        pilot: By configuration, what a pilot has paid; entered into its run.
        dearest: By model, what the dearest call of the pilots cost.
        parents: By configuration, the name of the one that it extends.
    """

    project: Project | str
    configurations: Sequence[Configuration]
    evaluation_set: EvaluationSet
    documents: Sequence[Document]
    metrics: Sequence[str]
    judge: JudgeSpec
    concurrency: int = 4
    limit: int | None = None
    budget_usd: float | None = None
    pilot: Mapping[str, Usage] = field(default_factory=dict)
    dearest: Mapping[str, float] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)

    @property
    def examples(self) -> Sequence[Example]:
        """What is asked."""
        return self.evaluation_set.examples[: self.limit]


def asks_service(plan: Plan) -> bool:
    """Whether any of it may cost money or leave this machine, so that a pilot comes first."""
    endpoints = {model.endpoint for configuration in plan.configurations for model in configuration.models}
    # Embeddings may be paid, too; without an endpoint the built-in model makes them.
    embeddings = [plan.judge.embedding, *(c.retrieval.embedding for c in plan.configurations if c.retrieval)]
    endpoints |= {plan.judge.endpoint} | {spec.endpoint or BUILTIN for spec in embeddings}
    return endpoints != {BUILTIN}


def check_plan(plan: Plan, models: Models) -> None:
    """Refuse a plan of which a run could only fail.

    Raises:
        BadInput: See `check_run`; or concurrency or limit are no numbers of anything.
    """
    if plan.concurrency < 1 or (plan.limit is not None and plan.limit < 1):
        raise BadInput("Concurrency and limit must be at least 1.")
    for configuration in plan.configurations:
        check_run(configuration, plan.evaluation_set, plan.documents, plan.metrics, plan.judge, models, plan.budget_usd)
