"""What a comparison will take, before it starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.prompt_lab.plan import ComparisonPlan
from llmopt_core.experiments.prompt_lab.preview import preview_prompt, preview_variables
from llmopt_core.models.registry import Models
from llmopt_core.types import Example

_LOOKED_AT = 5
# Tokens of the embedding model per token of a chat model, roughly; a passage is counted in the former.
_MARKS = 12


@dataclass(frozen=True, slots=True)
class ComparisonEstimate:
    """An estimate from a few rows.

    Attributes:
        answers: Over all variants and repeats; rows that are not run take none.
        calls: Model calls, steps of chains included, as if nothing were cached.
        prompt_tokens: Of all calls.
        cost_usd: Least and most: without any answer, and with answers as long as allowed. None without a price.
    """

    answers: int
    calls: int
    prompt_tokens: int
    cost_usd: tuple[float, float] | None


def estimate_comparison(plan: ComparisonPlan, models: Models) -> ComparisonEstimate:
    """Render the prompts of a few rows and count. Nothing is sent.

    Raises:
        BadInput: A prompt cannot be rendered, or an endpoint is unknown.
    """
    calls = tokens = 0
    least = most = 0.0
    priced = True
    asked = plan.asked
    answers = len(asked) * plan.repeats
    for variant in plan.variants if asked else ():
        each, cost, steps = _per_answer(asked, variant, models)
        calls += answers * (1 + steps)
        tokens += round(answers * each)
        endpoint = models.endpoint(variant.model.endpoint)
        price = endpoint.price_of(variant.model.name or endpoint.default_model)
        written = None if price is None else price.cost(0, (1 + steps) * variant.model.max_tokens)
        priced = priced and cost is not None and written is not None
        if cost is not None and written is not None:
            least += answers * cost
            most += answers * (cost + written)
    return ComparisonEstimate(answers * len(plan.variants), calls, tokens, (least, most) if priced else None)


def _per_answer(examples: Sequence[Example], variant: Configuration, models: Models) -> tuple[float, float | None, int]:
    """Mean prompt tokens and cost of one answer, and the number of steps before it."""
    looked_at = examples[:: max(1, len(examples) // _LOOKED_AT)][:_LOOKED_AT]
    made = [
        preview_prompt(variant.prompt, preview_variables(variant.prompt, example), variant.model, models)
        for example in looked_at
    ]
    passages = 0
    if variant.retrieval is not None:
        passages = variant.retrieval.top_k * (variant.retrieval.chunking.size + _MARKS)
    mean = sum(one.tokens for one in made) / len(made) + passages
    costs = [one.cost_usd for one in made if one.cost_usd is not None]
    shown = sum(one.tokens for one in made)
    cost = None if len(costs) < len(made) else (sum(costs) * (mean * len(made) / shown) / len(made) if shown else 0.0)
    return mean, cost, len(variant.prompt.steps)
