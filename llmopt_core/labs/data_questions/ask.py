"""One question to a database, whose attempts are given as they come."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from llmopt_core.answering.tools.sql.strategy import OnAttempt
from llmopt_core.errors import LlmOptError
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.execution.event_loop import run_in_loop
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.data_stage import DataStage
from llmopt_core.experiments.pipeline import Pipeline
from llmopt_core.types import Answer, Document, Example, QueryAttempt

if TYPE_CHECKING:
    from llmopt_core.models.registry import Models

_TICK = 0.2
"""Seconds after which a reader is told that nothing is new, and a question that nobody waits for is given up."""


@dataclass(frozen=True, slots=True)
class DataReply:
    """What became of a question.

    Attributes:
        category: What the router took the question for; empty without a router.
    """

    question: str
    configuration: Configuration
    answer: Answer
    category: str = ""


async def ask(
    configuration: Configuration,
    question: str,
    documents: Sequence[Document],
    models: Models,
    on_attempt: OnAttempt | None = None,
) -> DataReply:
    """Ask the database of a configuration, or its documents where its router sends the question there.

    Raises:
        BadInput: The source cannot be opened.
        LlmOptError: The model failed.
    """
    example, stage = Example("question", question), DataStage(configuration, models)
    route = await stage.route(example)
    category = (route.category or "") if route is not None else ""
    if stage.sends_to_database(route):
        answer = await stage.answer(example, on_attempt=on_attempt)
        return DataReply(question, configuration, answer, category)
    record = await Pipeline(configuration, documents, (), JudgeSpec(), models).evaluate(example)
    if record.answer is None:
        raise LlmOptError(record.failure.message if record.failure is not None else "The question was not answered.")
    return DataReply(question, configuration, record.answer, category)


def ask_live(
    configuration: Configuration, question: str, documents: Sequence[Document], make_models: Callable[[], Models]
) -> Generator[QueryAttempt | DataReply | None]:
    """The attempts of `ask` as they come, and the reply at last; None some times a second while nothing is new.

    The question is given up when the iterator is closed.
    """
    attempts: SimpleQueue[QueryAttempt] = SimpleQueue()
    given_up = threading.Event()

    async def work() -> DataReply:
        async with make_models() as models:
            task = asyncio.ensure_future(ask(configuration, question, documents, models, attempts.put))
            while not task.done():
                await asyncio.wait({task}, timeout=_TICK)
                if given_up.is_set():
                    task.cancel()
            return await task

    # In a thread of its own, since the reader may stop reading at any time.
    threads = ThreadPoolExecutor(1, thread_name_prefix="data-question")
    try:
        future = threads.submit(lambda: run_in_loop(work()))
        while not (future.done() and attempts.empty()):
            try:
                yield attempts.get(timeout=_TICK)
            except Empty:
                yield None
        yield future.result()
    finally:
        given_up.set()
        threads.shutdown(wait=False)
