"""Answers to a set by one configuration, and what their scores are, for labs that answer the same set many times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from llmopt_core.execution.concurrency import map_concurrently
from llmopt_core.experiments.pipeline import Pipeline
from llmopt_core.labs.retrieval.progress import Tally
from llmopt_core.types import Example, Failure, Record


async def answer_all(
    pipeline: Pipeline,
    examples: Sequence[Example],
    tally: Tally,
    concurrency: int,
    should_stop: Callable[[], bool] | None,
) -> list[Record]:
    """A record per example, in their order; what failed is a record with the failure. Each counts in `tally`."""

    def count(_: int, __: Example, result: Record | Failure) -> None:
        # No call of its own: the answer came from the cache, and says nothing about the pace.
        tally.step(from_cache=isinstance(result, Record) and not result.usage.calls)

    # The index is built before the first question, not by four at once.
    await pipeline.prepare(examples)
    results = await map_concurrently(
        examples, pipeline.evaluate, concurrency=concurrency, on_result=count, should_stop=should_stop
    )
    return [
        # Failures become records, so that every question keeps its row in all columns.
        result if isinstance(result, Record) else Record(example, failure=result)
        for example, result in zip(examples, results, strict=True)
    ]


def metric_values(records: Sequence[Record], metric: str) -> list[float | None]:
    """What each record scored; None where it has no such score."""
    return [record.scores[metric].value if metric in record.scores else None for record in records]


def count_failures(records: Sequence[Record]) -> Counter[str]:
    """How often answering failed, by message."""
    return Counter(record.failure.message for record in records if record.failure is not None)


def has_value(values: Sequence[float | None]) -> bool:
    """Whether anything was scored."""
    return any(value is not None for value in values)
