"""Records of a run whose answers read otherwise once more is seen of their model: cut thinking is no answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from llmopt_core.experiments.pipeline import Pipeline
from llmopt_core.models.finish import MAY_BE_THINKING
from llmopt_core.runs.store import Store
from llmopt_core.types import Example, Record, Usage


async def reread_records(
    store: Store,
    run_id: int,
    pipeline: Pipeline,
    examples: Sequence[Example],
    put: Callable[[int, Record], None],
    *,
    repeat: int = 0,
) -> None:
    """Score those again that were read before their model was known. Answers are kept, so none is asked for.

    Args:
        store: Holds the run; all its records must be stored.
        run_id: Which.
        pipeline: What made it.
        examples: Its questions, by position.
        put: Takes position and record of what changed.
        repeat: Which of the repeated answers the run holds.
    """
    if not pipeline.thinking_memory:
        return
    for position, before in await asyncio.to_thread(_find_changes, store, run_id, pipeline):
        record = await pipeline.evaluate(examples[position], repeat=repeat, partial=True)
        # What the cache answered was counted when the record was first made.
        new_usage = record.usage if record.usage.calls else Usage()
        put(position, replace(record, usage=before.usage + new_usage, seconds=before.seconds))


def _find_changes(store: Store, run_id: int, pipeline: Pipeline) -> list[tuple[int, Record]]:
    scoring_failures = store.scoring_failures(run_id).values() if pipeline.thinking_memory == "none" else ()
    if pipeline.thinking_memory == "none" and not any(MAY_BE_THINKING in reasons for reasons in scoring_failures):
        return []
    positions = sorted(store.record_positions(run_id))
    # Both are in the order of positions.
    records = zip(positions, store.records(run_id), strict=True)
    return [
        (position, record)
        for position, record in records
        if record.answer is not None and record.failure is None and pipeline.reread(record.answer) != record.answer
    ]
