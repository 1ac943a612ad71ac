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
        not_counted: What else may be paid, in words.
    """

    prompt_tokens: int
    most_usd: float | None
    not_counted: tuple[str, ...]


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
    found = estimate_comparison(plan, models, answers)
    written = UpperEstimate()
    if rewriting is not None:
        # The most of an answer: failed ones are shown to whom writes the next instruction.
        answer = task.configuration.model.max_tokens
        asked = most_proposal_tokens(task.evaluation_set.examples, rewriting.text, answer, rewriting.proposer)
        written.add(models, rewriting.proposer, rewriting.calls, asked, rewriting.proposer.max_tokens)
    # One unknown price leaves no honest total.
    known = found.cost_usd is not None and written.usd is not None
    most = (found.cost_usd or (0.0, 0.0))[1] + (written.usd or 0.0) if known else None
    return SearchEstimate(found.prompt_tokens, most, found.not_counted)
