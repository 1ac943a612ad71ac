"""What a run will take, from a pilot of a few examples and what the cache holds already."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from llmopt_core.errors import OutOfBudget
from llmopt_core.execution.accounts import Account, account_for
from llmopt_core.execution.budget import Budget
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.embedding_cost import EmbeddingCost, embedding_cost
from llmopt_core.experiments.estimate_range import Range, remaining_range, shift_range, sum_ranges
from llmopt_core.experiments.indexing import texts_to_write, write_chunk_texts
from llmopt_core.experiments.pilot import PilotGroup, run_pilot
from llmopt_core.experiments.pipeline import Pipeline
from llmopt_core.experiments.plan import Plan, check_plan
from llmopt_core.experiments.truncation_warnings import question_note
from llmopt_core.models.registry import Models
from llmopt_core.runs.store import Store
from llmopt_core.types import Example, Record, Usage

# Lengths of answers differ, so that few say little; each further one costs before the user has agreed.
PILOT = 5


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is still to be spent on one configuration.

    Attributes:
        records: Examples of the run.
        cached: Those that cost nothing any more, the pilot included.
        calls: Model calls to be made.
        cost_usd: None where a price is not known.
        seconds: Rough wall time at the given concurrency.
        cost_range: Least and most that it will hardly leave, see `remaining_range`; None where a price is not known, or
            where so few were tried that nobody knows.
        seconds_range: The same of the time.
        pilot_usage: What the pilot took; its results are kept and not paid again.
        failures: Messages of pilot examples that failed, or why the pilot ended early.
        pilot_ids: Ids of the examples of the pilot; empty where all that were looked at came from the cache.
        dearest: By model, what the dearest call of the pilots cost.
        note: What of the questions the embedding model does not read, in words.
    """

    configuration: str
    records: int
    cached: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    seconds: float
    pilot_usage: Usage
    failures: tuple[str, ...] = ()
    pilot_ids: tuple[str, ...] = ()
    dearest: Mapping[str, float] = field(default_factory=dict)
    note: str = ""
    cost_range: Range | None = None
    seconds_range: Range | None = None


async def estimate(
    store: Store, plan: Plan, models: Models, pilot: int = PILOT, *, agreed: bool = False
) -> list[Estimate]:
    """An estimate per configuration. The pilot makes real calls, within the plan's budget; their results are kept.

    Args:
        store: The workspace.
        plan: What would be run.
        models: Of the current event loop.
        pilot: Examples that are tried for each configuration.
        agreed: Whether the run follows in any case, so that an index which is paid for may be built for the pilot.

    Raises:
        BadInput: A configuration could only fail, or the budget needs a price.
    """
    check_plan(plan, models)
    examples = plan.evaluation_set.examples[: plan.limit]
    with models.within(Budget(plan.budget_usd)) as budget:
        estimates = [
            await estimate_pipeline(pipeline, examples, pilot, plan.concurrency, agreed=agreed)
            for pipeline in _pipelines(store, plan, models)
        ]
    notes = [await asyncio.to_thread(_note, configuration, examples, models) for configuration in plan.configurations]
    return [replace(one, dearest=budget.dearest, note=note) for one, note in zip(estimates, notes, strict=True)]


def _note(configuration: Configuration, examples: Sequence[Example], models: Models) -> str:
    if configuration.retrieval is None:
        return ""
    return question_note(configuration.retrieval, [example.question for example in examples], models)


def _pipelines(store: Store, plan: Plan, models: Models) -> list[Pipeline]:
    return [
        Pipeline(configuration, plan.documents, plan.metrics, plan.judge, models)
        for configuration in plan.configurations
    ]


async def estimate_pipeline(
    pipeline: Pipeline,
    examples: Sequence[Example],
    pilot: int,
    concurrency: int,
    *,
    answers: bool = True,
    same: Collection[str] = (),
    agreed: bool = False,
) -> Estimate:
    """What is still to be spent on these examples.

    Args:
        pipeline: What they go through.
        examples: All of them.
        pilot: So many that are not cached are done, but never the last one: something is left to agree to.
        concurrency: Of the whole work.
        answers: Without, the questions are searched and not answered.
        same: Ids of examples to try, where other configurations have tried them: what they made is not made again in
            the whole work either.
        agreed: See `estimate`.
    """
    name, account = pipeline.configuration.name, Account()
    whole_pipeline, pilot = pipeline, max(1, min(pilot, len(examples) - 1))
    with account_for(account):
        try:
            writing, pipeline = await _writing(pipeline, pilot)
            embedding = await asyncio.to_thread(
                embedding_cost, whole_pipeline, [example.question for example in examples]
            )
            if embedding.cost_usd != 0.0 and not agreed:
                # Nobody has agreed yet to pay for a whole index. Other passages are found then than in the run, whose
                # answers are asked anew.
                pipeline = pipeline.embedding_here()
            groups = await run_pilot(pipeline, examples, pilot, answers=answers, same=same)
            if agreed:
                # The pilot has built the index by now, so that it is among what was paid.
                questions = [example.question for example in examples]
                embedding = await asyncio.to_thread(embedding_cost, whole_pipeline, questions)
        except OutOfBudget as error:
            # The budget ended the pilot: what is left cannot be told, only what was spent.
            return Estimate(name, len(examples), 0, 0, 0, 0, None, 0.0, account.usage, (str(error),))
    result = replace(_extrapolate(name, len(examples), groups, concurrency), pilot_usage=_without_cache(account.usage))
    if writing is not None:
        result = _with_writing(result, writing, len(examples), concurrency)
    return _with_embedding(result, embedding)


def _without_cache(usage: Usage) -> Usage:
    """Without what a cache answered."""
    return Usage(usage.prompt_tokens, usage.completion_tokens, usage.cost_usd, usage.calls)


@dataclass(frozen=True, slots=True)
class _Writing:
    """What a pilot of writing for the index took, and how many chunks are left."""

    remainder: int
    count: int
    usage: Usage
    seconds: float

    @property
    def share(self) -> float:
        return self.remainder / self.count if self.count else 0.0


async def _writing(pipeline: Pipeline, pilot: int) -> tuple[_Writing | None, Pipeline]:
    """Write for a few chunks only. While chunks are left, the pilot's questions search the chunks' own texts."""
    retrieval = pipeline.configuration.retrieval
    if retrieval is None or retrieval.embedding.writer_model is None:
        return None, pipeline
    place = (retrieval, pipeline.documents, pipeline.models)
    missing = await asyncio.to_thread(texts_to_write, *place)
    if not missing:
        return None, pipeline
    start = time.perf_counter()
    result = await write_chunk_texts(*place, limit=pilot)
    seconds = time.perf_counter() - start
    sample_size = min(pilot, missing)
    writing = _Writing(missing - sample_size, sample_size, result.usage if result else Usage(), seconds)
    return writing, pipeline.embedding_here()


def _with_writing(estimate: Estimate, writing: _Writing, records: int, concurrency: int) -> Estimate:
    """The estimate with the calls that write for the index; until they are made no record is free."""
    usage, share = writing.usage, writing.share
    more_seconds = writing.seconds * share / max(1, concurrency)
    cost = None if usage.cost_usd is None or estimate.cost_usd is None else estimate.cost_usd + usage.cost_usd * share
    return replace(
        estimate,
        # The pilot searched another index, so that its records do not count for the whole work.
        cached=0 if writing.remainder else estimate.cached,
        records=records,
        calls=estimate.calls + round(usage.calls * share),
        prompt_tokens=estimate.prompt_tokens + round(usage.prompt_tokens * share),
        completion_tokens=estimate.completion_tokens + round(usage.completion_tokens * share),
        cost_usd=cost,
        cost_range=shift_range(estimate.cost_range, None if usage.cost_usd is None else usage.cost_usd * share),
        seconds=estimate.seconds + more_seconds,
        seconds_range=shift_range(estimate.seconds_range, more_seconds),
    )


def _with_embedding(estimate: Estimate, embedding: EmbeddingCost) -> Estimate:
    """The estimate with the calls that embed; until they are made no record is free."""
    if not embedding.texts:
        return estimate
    cost = None if embedding.cost_usd is None or estimate.cost_usd is None else estimate.cost_usd + embedding.cost_usd
    return replace(
        estimate,
        cached=0,
        calls=estimate.calls + embedding.calls,
        prompt_tokens=estimate.prompt_tokens + embedding.tokens,
        cost_usd=cost,
        cost_range=shift_range(estimate.cost_range, embedding.cost_usd),
    )


def _extrapolate(name: str, total: int, groups: Sequence[PilotGroup], concurrency: int) -> Estimate:
    usage, seconds = Usage(), 0.0
    records = [record for group in groups for record in group.records]
    for group in groups:
        # Each record that was tried stands for so many that were not.
        share = group.remainder / len(group.records) if group.records else 0.0
        group_usage = sum((_price(record, group) for record in group.records), Usage())
        usage += _scale(group_usage, share)
        seconds += sum(record.seconds for record in group.records) * share
    remaining = sum(group.remainder for group in groups)
    return Estimate(
        configuration=name,
        records=total,
        cached=total - remaining,
        calls=usage.calls,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cost_usd=usage.cost_usd,
        cost_range=sum_ranges(
            remaining_range([_price(record, group).cost_usd for record in group.records], group.remainder)
            for group in groups
        ),
        seconds=seconds / concurrency,
        seconds_range=sum_ranges(
            remaining_range([record.seconds / concurrency for record in group.records], group.remainder)
            for group in groups
        ),
        pilot_usage=Usage(),
        failures=tuple(dict.fromkeys(record.failure.message for record in records if record.failure)),
        pilot_ids=tuple(record.example.id for record in records),
    )


def _price(record: Record, group: PilotGroup) -> Usage:
    """What a like record takes. Where a part of it came from the cache by chance, what that took when it was made."""
    return record.usage if group.has_answers or group.is_common else record.usage.original or record.usage


def _scale(usage: Usage, share: float) -> Usage:
    return Usage(
        round(usage.prompt_tokens * share),
        round(usage.completion_tokens * share),
        None if usage.cost_usd is None else usage.cost_usd * share,
        round(usage.calls * share),
    )
