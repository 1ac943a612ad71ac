"""What a run will take, from a pilot of a few examples and what the cache holds already."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from llmopt_core.experiments.check import check_run
from llmopt_core.experiments.experiment import Plan
from llmopt_core.experiments.pipeline import Pipeline
from llmopt_core.models.registry import Models
from llmopt_core.runs.store import Store
from llmopt_core.types import Example, Record, Usage

PILOT = 3


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is still to be spent on one configuration.

    Attributes:
        records: Examples of the run.
        cached: Those that cost nothing any more, the pilot included.
        calls: Model calls to be made.
        cost_usd: None where a price is not known.
        seconds: Rough wall time at the given concurrency.
        spent: What the pilot took; its results are kept and not paid again.
        failures: Messages of pilot examples that failed.
    """

    configuration: str
    records: int
    cached: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    seconds: float
    spent: Usage
    failures: tuple[str, ...] = ()


async def estimate(store: Store, plan: Plan, models: Models, pilot: int = PILOT) -> list[Estimate]:
    """An estimate per configuration. The pilot makes real calls; their results stay in the cache.

    Raises:
        BadInput: A configuration could only fail.
    """
    for configuration in plan.configurations:
        check_run(configuration, plan.evaluation_set, plan.documents, plan.metrics, plan.judge, models)
    examples = plan.evaluation_set.examples[: plan.limit]
    return [
        await _estimate(pipeline, examples, pilot, plan.concurrency) for pipeline in _pipelines(store, plan, models)
    ]


def _pipelines(store: Store, plan: Plan, models: Models) -> list[Pipeline]:
    return [
        Pipeline(configuration, plan.documents, plan.metrics, plan.judge, models, store.cache)
        for configuration in plan.configurations
    ]


async def _estimate(pipeline: Pipeline, examples: Sequence[Example], pilot: int, concurrency: int) -> Estimate:
    new = await asyncio.to_thread(lambda: [example for example in examples if not pipeline.is_cached(example)])
    tried = new[:pilot]
    await pipeline.prepare(tried)
    records = [await pipeline.evaluate(example) for example in tried]
    left = len(new) - len(tried)
    return _extrapolated(pipeline.configuration.name, len(examples), left, records, concurrency)


def _extrapolated(name: str, total: int, left: int, records: Sequence[Record], concurrency: int) -> Estimate:
    spent = Usage()
    for record in records:
        spent += record.usage
    share = left / len(records) if records else 0.0
    seconds = sum(record.seconds for record in records)
    return Estimate(
        configuration=name,
        records=total,
        cached=total - left,
        calls=round(spent.calls * share),
        prompt_tokens=round(spent.prompt_tokens * share),
        completion_tokens=round(spent.completion_tokens * share),
        cost_usd=None if spent.cost_usd is None else spent.cost_usd * share,
        seconds=seconds * share / concurrency,
        spent=spent,
        failures=tuple(dict.fromkeys(record.failure.message for record in records if record.failure)),
    )
