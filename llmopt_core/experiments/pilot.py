"""The questions that an estimate tries: what they took, by kind of question."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from llmopt_core.execution.concurrency import failure_of
from llmopt_core.experiments.pipeline import FATAL, Pipeline
from llmopt_core.types import Example, Record

# Somebody waits before a button for it.
_MOST_SECONDS = 20.0


@dataclass
class PilotGroup:
    """Examples that have the same still to be made.

    Attributes:
        has_answers: Whether only scores are missing.
        is_common: Whether other configurations have tried the same examples.
        records: Of those that were tried and took calls, or need none.
        remainder: Those that were not tried.
    """

    has_answers: bool
    is_common: bool = False
    records: list[Record] = field(default_factory=list)
    remainder: int = 0


async def run_pilot(
    pipeline: Pipeline, examples: Sequence[Example], pilot: int, *, answers: bool, same: Collection[str]
) -> tuple[PilotGroup, PilotGroup]:
    """Do a few examples of each kind. What comes from the cache tells no price, so further ones are tried then."""

    def sort_examples() -> tuple[list[Example], list[Example]]:
        if not answers:
            return [example for example in examples if pipeline.read_hits(example) is None], []
        new = [example for example in examples if not pipeline.is_cached(example)]
        flags = [pipeline.is_answered(example) for example in new]
        return (
            [example for example, is_answered in zip(new, flags, strict=True) if not is_answered],
            [example for example, is_answered in zip(new, flags, strict=True) if is_answered],
        )

    # Looks into the cache for every example, which may be thousands.
    pending_examples = await asyncio.to_thread(sort_examples)
    groups = PilotGroup(False), PilotGroup(True)
    deadline = time.monotonic() + _MOST_SECONDS
    for group, new in zip(groups, pending_examples, strict=True):
        group.remainder, group.is_common = len(new), bool(same)
        same_examples = [example for example in new if example.id in same]
        # All questions of the pilot are embedded together.
        await pipeline.prepare((same_examples or new)[:pilot])
        for example in same_examples or new:
            if len(group.records) >= pilot or time.monotonic() > deadline:
                break
            record = await (pipeline.evaluate(example) if answers else _search_only(pipeline, example))
            group.remainder -= 1
            if same_examples or record.usage.calls or record.failure or not record.usage.cached_calls:
                group.records.append(record)
    return groups


async def _search_only(pipeline: Pipeline, example: Example) -> Record:
    """A record of the search alone."""
    start = time.perf_counter()
    try:
        retrieval = await pipeline.retrieve(example)
    except FATAL:
        raise
    # As in `Pipeline.evaluate`: whatever a library raises belongs to this question.
    except Exception as error:
        return Record(example, failure=failure_of(error, "retrieve"), seconds=time.perf_counter() - start)
    return Record(example, trace=retrieval.trace, usage=retrieval.usage, seconds=time.perf_counter() - start)
