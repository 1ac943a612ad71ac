"""Retrieval for every question of a set, several at once, from the cache where it is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from llmopt_core.errors import BadInput
from llmopt_core.execution.concurrency import map_concurrently
from llmopt_core.experiments.pipeline import FATAL, Pipeline
from llmopt_core.labs.retrieval.components import retrieval_of
from llmopt_core.retrieval.result import Retrieval
from llmopt_core.retrieval.retrieve import Retriever
from llmopt_core.types import Example, Failure

# Searches wait for the processor, not for a service: eight keep a few cores busy.
CONCURRENCY = 8


async def retrieve_all(
    pipeline: Pipeline,
    examples: Sequence[Example],
    on_each: Callable[[bool], None],
    should_stop: Callable[[], bool] | None,
) -> tuple[list[tuple[Example, Retrieval]], dict[str, int], Retriever]:
    """What every example finds; what fails is counted by its message.

    `on_each` is told after each example whether it was kept from before.

    Raises:
        BadInput: The configuration retrieves nothing.
    """
    # Only to refuse what retrieves nothing.
    retrieval_of(pipeline.configuration)
    # Index and models once, not by the first eight at the same time.
    await pipeline.prepare(examples)
    retriever = await pipeline.retriever()
    results = await map_concurrently(
        examples, _retrieving(pipeline, on_each), concurrency=CONCURRENCY, should_stop=should_stop
    )
    pairs = list(zip(examples, results, strict=True))
    for _, result in pairs:
        # What ends everything (a full disk, a spent budget) was handed back as a value, so that others could finish.
        if isinstance(result, Exception):
            raise result
    retrievals = [(example, result) for example, result in pairs if isinstance(result, Retrieval)]
    failures = Counter(result.message for _, result in pairs if isinstance(result, Failure))
    # Some failures are told beside the result; nothing but failures is an error.
    if failures and not retrievals:
        raise BadInput(f"No question could be searched: {failures.most_common(1)[0][0]}")
    return retrievals, dict(failures), retriever


def _retrieving(
    pipeline: Pipeline, on_each: Callable[[bool], None]
) -> Callable[[Example], Awaitable[Retrieval | Exception]]:
    """Retrieves one example; gives back what must end the whole work, which a plain failure does not."""

    async def one(example: Example) -> Retrieval | Exception:
        cached_retrieval = pipeline.read_hits(example)
        try:
            retrieval = cached_retrieval or await pipeline.retrieve(example)
        except FATAL as error:
            # Handed back, since `map_concurrently` would turn it into a failure of this question.
            return error
        except Exception:
            # Counted before it goes on to become a failure.
            on_each(False)
            raise
        on_each(cached_retrieval is not None)
        return retrieval

    return one
