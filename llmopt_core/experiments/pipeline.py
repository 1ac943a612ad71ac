"""One configuration as a line of stages: example -> hits -> answer -> scores, each kept by what decides it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import cached_property
from typing import Any

from llmopt_core.answering.answer import answer_question
from llmopt_core.cache import Cache
from llmopt_core.chunking.chunk import chunk_documents
from llmopt_core.errors import BudgetReached, Cancelled, MissingDependency, StorageFailed, WorkspaceBusy
from llmopt_core.evaluation.judge import JudgeSpec
from llmopt_core.evaluation.metrics import Metric, Sample, build_metrics
from llmopt_core.execution.bounded import failure_of
from llmopt_core.experiments import keys
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.stages import StageCache, from_cache
from llmopt_core.index.build import build_index
from llmopt_core.index.embedding_cache import encode_cached
from llmopt_core.index.index import Index
from llmopt_core.models.base import Vectors
from llmopt_core.models.registry import Models
from llmopt_core.retrieval.result import Retrieval
from llmopt_core.retrieval.retrieve import Retriever
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.types import Answer, Chunk, Document, Example, Record, Score, Usage

OnProgress = Callable[[int, int], None]

# These end a run; anything else that goes wrong belongs to its record.
FATAL = (BudgetReached, Cancelled, StorageFailed, WorkspaceBusy, MissingDependency)


def chunk_for(retrieval: RetrievalSpec, documents: Sequence[Document], models: Models, cache: Cache) -> list[Chunk]:
    """All chunks, cut once per documents and settings."""
    stages = StageCache(cache)
    embedding = keys.embedding_identity(retrieval.embedding, models)
    key = keys.chunks_key(documents, retrieval.chunking, embedding)
    known = stages.chunks(key)
    if known is not None:
        return known

    def encode(texts: Sequence[str]) -> Vectors:
        return encode_cached(texts, models.embedder(retrieval.embedding), cache)

    chunks: list[Chunk] = chunk_documents(documents, retrieval.chunking, encode)
    stages.put_chunks(key, chunks)
    return chunks


def prepare_index(
    retrieval: RetrievalSpec,
    documents: Sequence[Document],
    models: Models,
    cache: Cache,
    on_progress: OnProgress | None = None,
) -> Index:
    """Chunk, embed and index the documents, or open what is there. Blocks; run it in a thread.

    Raises:
        BadInput: There are no documents or no text in them.
        StorageFailed: The workspace cannot be written.
    """
    chunks = chunk_for(retrieval, documents, models, cache)
    embedder = models.embedder(retrieval.embedding)
    return build_index(
        chunks, retrieval.embedding, embedder, models.settings, cache, documents=documents, on_progress=on_progress
    )


class Pipeline:
    """Runs one configuration on examples, one record at a time; many may run at once in one event loop.

    What is cached is not done again: with everything cached no model is loaded and no index opened.

    Args:
        configuration: What to run.
        documents: What it retrieves from.
        metrics: Names of the metrics.
        judge: Who grades.
        models: Of the current event loop.
        cache: Where stages are kept.
    """

    def __init__(  # noqa: PLR0917
        self,
        configuration: Configuration,
        documents: Sequence[Document],
        metrics: Sequence[str],
        judge: JudgeSpec,
        models: Models,
        cache: Cache,
    ) -> None:
        self.configuration = configuration
        self.documents = tuple(documents)
        self._judge = judge
        self._models = models
        self._cache = cache
        self._stages = StageCache(cache)
        self._metrics = build_metrics(metrics, judge, models, cache)
        self._by_name = {document.name: document for document in self.documents}
        self._opening = asyncio.Lock()
        self._opened: Retriever | None = None

    async def evaluate(self, example: Example) -> Record:
        """The record of one example. What fails becomes the record's failure.

        Raises:
            StorageFailed: The workspace cannot be written, so nothing could be kept.
            MissingDependency: A package or model file is absent, so no example can be answered.
        """
        started = time.perf_counter()
        usage = Usage()
        retrieval: Retrieval | None = None
        stage = "retrieve"
        try:
            if self.configuration.retrieval is not None:
                retrieval, used = await self._retrieve(example)
                usage += used
            stage = "answer"
            answer, used = await self._answer(example, retrieval)
            usage += used
            scores, used = await self._score(example, answer, retrieval)
        except FATAL:
            raise
        except Exception as error:
            trace = retrieval.trace if retrieval else ()
            seconds = time.perf_counter() - started
            return Record(example, trace=trace, failure=failure_of(error, stage), usage=usage, seconds=seconds)
        trace = retrieval.trace if retrieval else ()
        return Record(example, answer, trace, scores, None, usage + used, time.perf_counter() - started)

    async def retrieve(self, example: Example) -> Retrieval:
        """What one question finds."""
        return (await self._retrieve(example))[0]

    async def prepare(self, examples: Sequence[Example], on_progress: OnProgress | None = None) -> None:
        """Open the index and embed the questions of these examples at once; nothing where all their hits are kept."""
        spec = self.configuration.retrieval
        if spec is None:
            return
        new = [example.question for example in examples if self.cached_hits(example) is None]
        if not new:
            return
        await self._retriever(on_progress)
        if spec.search.method != "bm25" and spec.transform.method == "none":
            embedder = await asyncio.to_thread(self._models.embedder, spec.embedding)
            await asyncio.to_thread(encode_cached, new, embedder, self._cache)

    def cached_hits(self, example: Example) -> Retrieval | None:
        """What the question found earlier; None where it must be searched, or nothing is retrieved."""
        if self.configuration.retrieval is None:
            return None
        return self._stages.retrieval(keys.hits_key(self._retrieval_identity, example))

    def is_cached(self, example: Example) -> bool:
        """Whether the record costs nothing: every stage of it is kept."""
        retrieval = self.cached_hits(example)
        if retrieval is None and self.configuration.retrieval is not None:
            return False
        answer = self._stages.answer(self._answer_key(example, retrieval))
        if answer is None:
            return False
        wanted = self._score_keys(Sample(example, answer, retrieval.hits if retrieval else None))
        graded = {metric.name for metric in self._metrics if metric.judge}
        return graded <= self._stages.scores(wanted).keys()

    async def _retrieve(self, example: Example) -> tuple[Retrieval, Usage]:
        known = self.cached_hits(example)
        if known is not None:
            return known, from_cache(known.usage)
        retriever = await self._retriever()
        retrieval = await retriever.retrieve(example.question, example.category)
        # A stage that fell back to something simpler may do better the next time.
        if not retrieval.warnings:
            self._stages.put_retrieval(keys.hits_key(self._retrieval_identity, example), retrieval)
        return retrieval, retrieval.usage

    async def _answer(self, example: Example, retrieval: Retrieval | None) -> tuple[Answer, Usage]:
        key = self._answer_key(example, retrieval)
        known = self._stages.answer(key)
        if known is not None:
            return known, from_cache(known.usage)
        asked = self.configuration
        answer = await answer_question(example, retrieval, asked.prompt, asked.model, self._models, asked.checks)
        self._stages.put_answer(key, answer)
        return answer, answer.usage

    async def _score(
        self, example: Example, answer: Answer, retrieval: Retrieval | None
    ) -> tuple[dict[str, Score], Usage]:
        sample = Sample(example, answer, None if retrieval is None else retrieval.hits, self._by_name)
        wanted = self._score_keys(sample)
        known = self._stages.scores(wanted)
        missing = [metric for metric in self._metrics if metric.name not in known]
        made = dict(await _together([_named(metric, sample) for metric in missing]))
        # A score without value is tried again the next time: the judge may have been out of reach.
        keep = {wanted[name]: value for name, value in made.items() if value[0].value is not None}
        if keep:
            self._stages.put_scores(keep)
        usage = Usage()
        for _, used in made.values():
            usage += used
        for _, used in known.values():
            usage += from_cache(used)
        found = {**known, **made}
        return {metric.name: found[metric.name][0] for metric in self._metrics}, usage

    async def _retriever(self, on_progress: OnProgress | None = None) -> Retriever:
        spec = self.configuration.retrieval
        if spec is None:
            raise AssertionError("asked to retrieve by a configuration without retrieval")
        async with self._opening:
            if self._opened is None:
                index = await asyncio.to_thread(
                    prepare_index, spec, self.documents, self._models, self._cache, on_progress
                )
                self._opened = Retriever(spec, index, self._models, self._cache)
            return self._opened

    def _answer_key(self, example: Example, retrieval: Retrieval | None) -> str:
        hits = retrieval.hits if retrieval is not None else ()
        return keys.answer_key(self._answering_identity, self._prompt_variables, example, hits)

    def _score_keys(self, sample: Sample) -> dict[str, str]:
        if sample.answer is None:
            return {}
        identity = keys.sample_identity(sample.example, sample.answer, sample.hits)
        return {name: keys.score_key(scoring, identity) for name, scoring in self._scoring_identities.items()}

    @cached_property
    def _retrieval_identity(self) -> str:
        spec = self.configuration.retrieval
        return "" if spec is None else keys.retrieval_identity(spec, self.documents, self._models)

    @cached_property
    def _answering_identity(self) -> str:
        return keys.answering_identity(self.configuration, self._models)

    @cached_property
    def _prompt_variables(self) -> list[str]:
        return sorted(keys.prompt_variables(self.configuration.prompt))

    @cached_property
    def _scoring_identities(self) -> dict[str, str]:
        return {metric.name: keys.scoring_identity(metric, self._judge, self._models) for metric in self._metrics}


async def _named(metric: Metric, sample: Sample) -> tuple[str, tuple[Score, Usage]]:
    return metric.name, await metric.score(sample)


async def _together(work: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    """All at once; where one raises, the others are cancelled first."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(item) for item in work]
    except* Exception as errors:
        first: BaseException = errors
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None
    return [task.result() for task in tasks]
