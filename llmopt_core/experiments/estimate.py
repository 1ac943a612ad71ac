"""What a run will take, from a pilot of a few examples and what the cache holds already."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from llmopt_core.execution.bounded import failure_of
from llmopt_core.experiments.check import check_run
from llmopt_core.experiments.experiment import Plan
from llmopt_core.experiments.indexing import texts_to_write, written_texts
from llmopt_core.experiments.pipeline import FATAL, Pipeline
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
        await estimate_pipeline(pipeline, examples, pilot, plan.concurrency)
        for pipeline in _pipelines(store, plan, models)
    ]


def _pipelines(store: Store, plan: Plan, models: Models) -> list[Pipeline]:
    return [
        Pipeline(configuration, plan.documents, plan.metrics, plan.judge, models, store.cache)
        for configuration in plan.configurations
    ]


async def estimate_pipeline(
    pipeline: Pipeline, examples: Sequence[Example], pilot: int, concurrency: int, *, answers: bool = True
) -> Estimate:
    """What is still to be spent on these examples.

    Args:
        pipeline: What they go through.
        examples: All of them.
        pilot: So many that are not cached are done.
        concurrency: Of the whole work.
        answers: Without, the questions are searched and not answered.
    """
    writing, pipeline = await _writing(pipeline, pilot)
    known = pipeline.is_cached if answers else lambda example: pipeline.cached_hits(example) is not None
    new = await asyncio.to_thread(lambda: [example for example in examples if not known(example)])
    tried = new[:pilot]
    await pipeline.prepare(tried)
    records = [await (pipeline.evaluate(example) if answers else _searched(pipeline, example)) for example in tried]
    left = len(new) - len(tried)
    found = _extrapolated(pipeline.configuration.name, len(examples), left, records, concurrency)
    return found if writing is None else _with_writing(found, writing, len(examples), concurrency)


async def _searched(pipeline: Pipeline, example: Example) -> Record:
    """A record of the search alone."""
    started = time.perf_counter()
    try:
        found = await pipeline.retrieve(example)
    except FATAL:
        raise
    except Exception as error:
        return Record(example, failure=failure_of(error, "retrieve"), seconds=time.perf_counter() - started)
    return Record(example, trace=found.trace, usage=found.usage, seconds=time.perf_counter() - started)


@dataclass(frozen=True, slots=True)
class _Writing:
    """What a pilot of writing for the index took, and how many chunks are left."""

    left: int
    written: int
    usage: Usage
    seconds: float

    @property
    def share(self) -> float:
        return self.left / self.written if self.written else 0.0


async def _writing(pipeline: Pipeline, pilot: int) -> tuple[_Writing | None, Pipeline]:
    """Write for a few chunks only. While chunks are left, the pilot's questions search the chunks' own texts."""
    retrieval = pipeline.configuration.retrieval
    if retrieval is None or retrieval.embedding.written_by is None:
        return None, pipeline
    place = (retrieval, pipeline.documents, pipeline.models, pipeline.cache)
    missing = await asyncio.to_thread(texts_to_write, *place)
    if not missing:
        return None, pipeline
    started = time.perf_counter()
    made = await written_texts(*place, limit=pilot)
    seconds = time.perf_counter() - started
    tried = min(pilot, missing)
    writing = _Writing(missing - tried, tried, made.usage if made else Usage(), seconds)
    return writing, pipeline.embedding_text()


def _with_writing(found: Estimate, writing: _Writing, records: int, concurrency: int) -> Estimate:
    """The estimate with the calls that write for the index; until they are made no record is free."""
    usage, share = writing.usage, writing.share
    cost = None if usage.cost_usd is None or found.cost_usd is None else found.cost_usd + usage.cost_usd * share
    return replace(
        found,
        cached=0 if writing.left else found.cached,
        records=records,
        calls=found.calls + round(usage.calls * share),
        prompt_tokens=found.prompt_tokens + round(usage.prompt_tokens * share),
        completion_tokens=found.completion_tokens + round(usage.completion_tokens * share),
        cost_usd=cost,
        seconds=found.seconds + writing.seconds * share / max(1, concurrency),
        spent=found.spent + usage,
    )


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
