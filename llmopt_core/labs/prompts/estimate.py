"""What a search may take at most, before it starts."""

from __future__ import annotations

from dataclasses import dataclass

from llmopt_core.experiments.comparison_estimate import estimate_comparison
from llmopt_core.experiments.comparison_plan import ComparisonPlan
from llmopt_core.experiments.search.task import SearchTask
from llmopt_core.experiments.upper_estimate import UpperEstimate
from llmopt_core.labs.prompts.proposer import most_proposal_tokens
from llmopt_core.models.base import ModelSpec
from llmopt_core.models.registry import Models


@dataclass(frozen=True, slots=True)
class Rewriting:
    """Calls that ask for another wording of an instruction."""

    proposer: ModelSpec
    calls: int
    text: str


@dataclass(frozen=True, slots=True)
class SearchEstimate:
    """The most.

    Attributes:
        prompt_tokens: Of the answers, about.
        most_usd: With grading, retrieval and rewriting. None without a price.
        omissions: What else may be paid, in words.
    """

    prompt_tokens: int
    most_usd: float | None
    omissions: tuple[str, ...]


def estimate_search(
    task: SearchTask, models: Models, answers: int, rewriting: Rewriting | None = None
) -> SearchEstimate:
    """Render the prompts of a few questions and count. Nothing is sent.

    Args:
        task: What is searched.
        models: Know tokenizers and prices.
        answers: How many it takes at most.
        rewriting: Calls of a writer.

    Raises:
        BadInput: The prompt cannot be rendered, or an endpoint is unknown.
    """
    plan = ComparisonPlan(
        task.project, (task.configuration,), task.evaluation_set, (), task.judge, task.metrics,
        documents=task.documents,
    )  # fmt: skip
    estimate = estimate_comparison(plan, models, answers)
    rewriting_estimate = UpperEstimate()
    if rewriting is not None:
        # The most of an answer: failed ones are shown to whom writes the next instruction.
        answer = task.configuration.model.max_tokens
        prompt_tokens = most_proposal_tokens(task.evaluation_set.examples, rewriting.text, answer, rewriting.proposer)
        rewriting_estimate.add(
            models, rewriting.proposer, rewriting.calls, prompt_tokens, rewriting.proposer.max_tokens
        )
    # One unknown price leaves no honest total.
    is_priced = estimate.cost_usd is not None and rewriting_estimate.usd is not None
    most = (estimate.cost_usd or (0.0, 0.0))[1] + (rewriting_estimate.usd or 0.0) if is_priced else None
    return SearchEstimate(estimate.prompt_tokens, most, estimate.omissions)
