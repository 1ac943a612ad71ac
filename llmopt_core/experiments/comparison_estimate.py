"""What a comparison will take, before it starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmopt_core.experiments.comparison_plan import ComparisonPlan, with_assertions
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.preview import preview_prompt, preview_variables
from llmopt_core.experiments.upper_estimate import (
    UpperEstimate,
    list_uncounted_parts,
    most_grading,
    most_retrieval,
    passages_tokens,
)
from llmopt_core.models.registry import Models
from llmopt_core.types import Example

# A few rows tell the length of prompts; rendering all would take longer than the click may.
_SAMPLE_SIZE = 5


@dataclass(frozen=True, slots=True)
class ComparisonEstimate:
    """An estimate from a few rows.

    Attributes:
        answers: Over all variants and repeats; rows that are not run take none.
        calls: Model calls that answer, steps of chains included, as if nothing were cached.
        prompt_tokens: Of all these calls.
        cost_usd: Least and most: without any answer, and with answers as long as allowed, searched for and graded with
            as many calls as that may take. None without a price.
        beside: Calls beside the answers at most: those of an LLM judge and of retrieval.
        omissions: What else may be paid, in words.
    """

    answers: int
    calls: int
    prompt_tokens: int
    cost_usd: tuple[float, float] | None
    beside: int = 0
    omissions: tuple[str, ...] = ()


def estimate_comparison(plan: ComparisonPlan, models: Models, answers: int | None = None) -> ComparisonEstimate:
    """Render the prompts of a few rows and count. Nothing is sent.

    Args:
        plan: What is compared.
        models: Know tokenizers and prices.
        answers: Of each variant, where it is not one for each row and repeat.

    Raises:
        BadInput: A prompt cannot be rendered, or an endpoint is unknown.
    """
    calls = tokens = 0
    lower_usd = upper_usd = 0.0
    is_priced = True
    examples = plan.runnable_examples
    answers = len(examples) * plan.repeats if answers is None else answers
    extra_estimate = _beside(plan, models, answers)
    # Without rows there is nothing to render, and a mean of nothing.
    for variant in plan.variants if examples else ():
        prompt_tokens, cost, steps = _per_answer(examples, variant, models)
        calls += answers * (1 + steps)
        tokens += round(answers * prompt_tokens)
        endpoint = models.endpoint(variant.model.endpoint)
        price = endpoint.price_of(variant.model.name or endpoint.default_model)
        output_cost = None if price is None else price.cost(0, (1 + steps) * variant.model.max_tokens)
        is_priced = is_priced and cost is not None and output_cost is not None
        if cost is not None and output_cost is not None:
            lower_usd += answers * cost
            upper_usd += answers * (cost + output_cost)
    usd = None if not is_priced or extra_estimate.usd is None else (lower_usd, upper_usd + extra_estimate.usd)
    more = dict.fromkeys(part for variant in plan.variants for part in list_uncounted_parts(variant))
    return ComparisonEstimate(answers * len(plan.variants), calls, tokens, usd, extra_estimate.calls, tuple(more))


def _beside(plan: ComparisonPlan, models: Models, answers: int) -> UpperEstimate:
    """Grading each answer, and searching each question once for every way to search."""
    examples = [with_assertions(example, plan.assertions) for example in plan.runnable_examples]
    total = UpperEstimate()
    if not examples:
        return total
    specs = {variant.retrieval.fingerprint: variant.retrieval for variant in plan.variants if variant.retrieval}
    # Each question is searched once, however often it is answered; each answer is graded.
    parts = [(most_retrieval(spec, plan.documents, examples, models), 1.0) for spec in specs.values()]
    parts += [
        (most_grading(variant, examples, plan.metrics, plan.judge, models), answers / len(examples))
        for variant in plan.variants
    ]
    for estimate, share in parts:
        total.calls += round(estimate.calls * share)
        total.usd = None if total.usd is None or estimate.usd is None else total.usd + estimate.usd * share
    return total


def _per_answer(examples: Sequence[Example], variant: Configuration, models: Models) -> tuple[float, float | None, int]:
    """Mean prompt tokens and cost of one answer, and the number of steps before it."""
    # From all over the set: rows that stand together are often alike.
    sample = examples[:: max(1, len(examples) // _SAMPLE_SIZE)][:_SAMPLE_SIZE]
    previews = [
        preview_prompt(variant.prompt, preview_variables(variant.prompt, example), variant.model, models)
        for example in sample
    ]
    mean = sum(one.tokens for one in previews) / len(previews) + passages_tokens(variant.retrieval)
    costs = [one.cost_usd for one in previews if one.cost_usd is not None]
    sample_tokens = sum(one.tokens for one in previews)
    # The mean price of the prompts that were rendered, raised in proportion to the passages, which are in none of them
    # yet.
    cost = (
        None
        if len(costs) < len(previews)
        else (sum(costs) * (mean * len(previews) / sample_tokens) / len(previews) if sample_tokens else 0.0)
    )
    return mean, cost, len(variant.prompt.steps)
