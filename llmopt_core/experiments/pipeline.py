"""One configuration as a line of stages: example -> hits -> answer -> scores, each kept by what decides it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from llmopt_core.answering.answer import answer_question
from llmopt_core.answering.fact_check.check import CHECK_FAILURE, REWRITE_FAILURE
from llmopt_core.answering.reread import is_doubtful, reread_answer
from llmopt_core.errors import (
    BadInput,
    Cancellation,
    MissingDependency,
    OutOfBudget,
    RunOwnershipError,
    StorageError,
    WorkspaceBusy,
)
from llmopt_core.evaluation.assertions.columns import why_not_run
from llmopt_core.evaluation.judges.builtin.support import GroundingSupport
from llmopt_core.evaluation.judges.builtin.token_vectors import TokenReader
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.evaluation.metrics.registry import Sample
from llmopt_core.execution.accounts import Account, account_for, enter
from llmopt_core.execution.concurrency import failure_of
from llmopt_core.experiments import keys
from llmopt_core.experiments.cached_support import CachedSupport
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.data_stage import DataStage
from llmopt_core.experiments.grading import Grader
from llmopt_core.experiments.indexing import OnProgress, prepare_index, write_chunk_texts
from llmopt_core.experiments.stages import StageCache
from llmopt_core.index.embedding_cache import encode_queries
from llmopt_core.models.base import EmbeddingSpec
from llmopt_core.models.registry import Models
from llmopt_core.retrieval.embedded_texts import EmbeddedTexts
from llmopt_core.retrieval.result import Retrieval
from llmopt_core.retrieval.retrieve import Retriever
from llmopt_core.types import Answer, Document, Example, Record, StageTrace, Usage, fingerprint

# For the name in a signature alone; the module of endpoints is not loaded where none is asked.
if TYPE_CHECKING:
    from llmopt_core.models.openai.thinking_memory import ThinkingForm

OnText = Callable[[str], None]

# These end a run; anything else that goes wrong belongs to its record.
FATAL = (OutOfBudget, Cancellation, RunOwnershipError, StorageError, WorkspaceBusy, MissingDependency)


class Pipeline:
    """Runs one configuration on examples, one record at a time; many may run at once in one event loop.

    What is cached is not done again: with everything cached no model is loaded and no index opened.

    Args:
        configuration: What to run.
        documents: What it retrieves from.
        metrics: Names of the metrics.
        judge: Who grades.
        models: Of the current event loop.
    """

    def __init__(
        self,
        configuration: Configuration,
        documents: Sequence[Document],
        metrics: Sequence[str],
        judge: JudgeSpec,
        models: Models,
    ) -> None:
        self.configuration = configuration
        self.documents = tuple(documents)
        self.models = models
        self._stages = StageCache(models.cache)
        self._metrics, self._judge = tuple(metrics), judge
        self._grader = Grader(metrics, judge, models)
        self.data = DataStage(configuration, models)
        self._by_name = {document.name: document for document in self.documents}
        # Of all questions that come at once, one opens the index and the others wait for it.
        self._opening = asyncio.Lock()
        self._open_retriever: Retriever | None = None
        self._embedded_texts: EmbeddedTexts | None = None
        self._written_usage = Usage()

    def embedding_here(self) -> Pipeline:
        """The same but for what is embedded: the chunks' own texts, on this machine, for which nothing is paid."""
        retrieval = self.configuration.retrieval
        if retrieval is None:
            return self
        embedding = retrieval.embedding.model_copy(update={"of": "text", "writer": None})
        if embedding.endpoint:
            embedding = EmbeddingSpec()
        local_retrieval = retrieval.model_copy(update={"embedding": embedding})
        configuration = self.configuration.model_copy(update={"retrieval": local_retrieval})
        return Pipeline(configuration, self.documents, self._metrics, self._judge, self.models)

    async def evaluate(
        self, example: Example, *, repeat: int = 0, on_text: OnText | None = None, partial: bool = False
    ) -> Record:
        """The record of one example. What fails becomes the record's failure.

        An example with a check that is not supported could never pass, so it is not asked: its record has neither
        answer nor failure, and its scores say why.

        Args:
            example: What to ask.
            repeat: Numbers repeated answers to the same question, so that each is asked for and kept apart.
            on_text: Receives the answer's text as it arrives; one that is kept comes in one piece.
            partial: Whether an answer is given without the scores that the budget has no room for.

        Raises:
            OutOfBudget: There was no room for the answer, or for its scores where no part of them is wanted.
            StorageError: The workspace cannot be written, so nothing could be kept.
            MissingDependency: A package or model file is absent, so no example can be answered.
        """
        reason = why_not_run(example)
        if reason:
            return Record(example, scores=self._grader.scores_without_value(example, reason))
        # An account for this record alone, though others are made at the same time.
        with account_for(Account()) as account:
            record = await self._evaluate(example, repeat, on_text, partial)
        # Also of a record that failed: its calls were paid.
        return replace(record, usage=account.usage)

    async def _evaluate(self, example: Example, repeat: int, on_text: OnText | None, partial: bool) -> Record:
        start = time.perf_counter()
        retrieval: Retrieval | None = None
        routing: tuple[StageTrace, ...] = ()
        stage = "route"
        try:
            route = await self.data.route(example)
            routing = route.traces if route else ()
            asks_database = self.data.sends_to_database(route)
            stage = "retrieve"
            if self.configuration.retrieval is not None and not asks_database:
                retrieval = await self.retrieve(example)
            stage = "answer"
            answer = await self._answer(example, retrieval, repeat, on_text, asks_database=asks_database)
            stage = "score"
            scores, _ = await self._grader.score(self._sample(example, answer, retrieval), partial=partial)
        except FATAL:
            raise
        # Libraries raise anything; whatever it is, one example must not end the run.
        except Exception as error:
            trace = (*routing, *(retrieval.trace if retrieval else ()))
            seconds = time.perf_counter() - start
            return Record(example, trace=trace, failure=failure_of(error, stage), seconds=seconds)
        trace = (*routing, *(retrieval.trace if retrieval else ()))
        return Record(example, answer, trace, scores, seconds=time.perf_counter() - start)

    async def answer(self, example: Example, retrieval: Retrieval, on_text: OnText | None = None) -> Answer:
        """The answer from these chunks, unscored; kept like any other."""
        return await self._answer(example, retrieval, on_text=on_text)

    def read_answer(self, example: Example, retrieval: Retrieval) -> Answer | None:
        """The answer that was given to these chunks earlier; None where it must be asked for."""
        return self._read_stored_answer(self._answer_key(example, retrieval))

    def reread(self, answer: Answer) -> Answer:
        """The answer as it is to be read now that more may have been seen of its model."""
        model = self.configuration.model
        return reread_answer(answer, model, self.thinking_memory) if is_doubtful(answer, model) else answer

    @property
    def thinking_memory(self) -> ThinkingForm:
        """What was seen of the model's thinking, up to now."""
        return self.models.recall_thinking(self.configuration.model)

    async def retriever(self, on_progress: OnProgress | None = None) -> Retriever:
        """The open retriever; builds the index where there is none.

        Raises:
            BadInput: There are no documents or no text in them.
        """
        return await self._retriever(on_progress)

    async def prepare(self, examples: Sequence[Example], on_progress: OnProgress | None = None) -> None:
        """Open the index and embed the questions of these examples at once; nothing where all their hits are kept."""
        spec = self.configuration.retrieval
        if spec is None:
            return
        runnable_examples = [example for example in examples if not why_not_run(example)]
        new = [example.question for example in runnable_examples if self.read_hits(example) is None]
        if not new:
            return
        await self._retriever(on_progress)
        # Words need no vectors, and what a transform makes of a question is not known yet.
        if spec.search.method != "bm25" and spec.transform.method == "none":
            embedder = await asyncio.to_thread(self.models.embedder, spec.embedding)
            await asyncio.to_thread(encode_queries, new, embedder, self.models.cache)

    def read_hits(self, example: Example) -> Retrieval | None:
        """What the question found earlier; None where it must be searched, or nothing is retrieved."""
        if self.configuration.retrieval is None:
            return None
        return self._stages.retrieval(keys.hits_key(self._retrieval_identity, example))

    def is_answered(self, example: Example) -> bool:
        """Whether hits and answer are kept, so that only scores may be missing."""
        return self._read_kept(example)[1] is not None

    def is_cached(self, example: Example) -> bool:
        """Whether the record costs nothing: every stage of it is kept, or it is not asked."""
        if why_not_run(example):
            return True
        retrieval, answer = self._read_kept(example)
        if answer is None:
            return False
        return self._grader.is_cached(example, answer, self._sample(example, answer, retrieval))

    def _read_kept(self, example: Example) -> tuple[Retrieval | None, Answer | None]:
        """Hits and answer that are kept, whichever way the question went: to route it could ask a model."""
        try:
            if self.data.may_ask_database(example):
                answer = self._read_stored_answer(self._answer_key(example, None))
                if answer is not None:
                    return None, answer
            retrieval = self.read_hits(example)
            if retrieval is None and self.configuration.retrieval is not None:
                return None, None
            return retrieval, self._read_stored_answer(self._answer_key(example, retrieval))
        except BadInput:
            # Its database is not there: the record will say so.
            return None, None

    async def retrieve(self, example: Example) -> Retrieval:
        """What one question finds."""
        cached_retrieval = self.read_hits(example)
        if cached_retrieval is not None:
            enter(cached_retrieval.usage.from_cache)
            return cached_retrieval
        retriever = await self._retriever()
        retrieval = self._with_writing(await retriever.retrieve(example.question, example.category))
        # A stage that fell back to something simpler may do better the next time.
        if not retrieval.warnings:
            self._stages.put_retrieval(keys.hits_key(self._retrieval_identity, example), retrieval)
        return retrieval

    async def _answer(
        self,
        example: Example,
        retrieval: Retrieval | None,
        repeat: int = 0,
        on_text: OnText | None = None,
        *,
        asks_database: bool = False,
    ) -> Answer:
        key = self._answer_key(example, retrieval)
        # The first answer keeps the key that it has without repeats, and is not asked for again.
        key = fingerprint(key, repeat) if repeat else key
        cached_answer = self._read_stored_answer(key)
        if cached_answer is not None:
            if on_text is not None:
                on_text(cached_answer.raw or cached_answer.text)
            enter(cached_answer.usage.from_cache)
            return cached_answer
        answer = await self._ask(example, retrieval, repeat, on_text, asks_database)
        # A check or a rewrite that could not be made may come off the next time.
        if not any(note.startswith((CHECK_FAILURE, REWRITE_FAILURE)) for note in answer.notes):
            await self._stages.put_answer(key, answer)
        return self.reread(answer)

    async def _ask(
        self, example: Example, retrieval: Retrieval | None, repeat: int, on_text: OnText | None, asks_database: bool
    ) -> Answer:
        if asks_database:
            return await self.data.answer(example, repeat, on_text)
        tools, sql = await self.data.tools(example)
        question, configuration = self.data.without_gold(example), self.configuration
        answer = await answer_question(
            question, retrieval, configuration.prompt, configuration.model, self.models, configuration.fact_check,
            on_text, repeat=repeat, support=self._support, tools=tools,
        )  # fmt: skip
        return answer if sql is None else replace(answer, data=sql.answer())

    def _read_stored_answer(self, key: str) -> Answer | None:
        answer = self._stages.answer(key)
        return None if answer is None else self.reread(answer)

    def _sample(self, example: Example, answer: Answer, retrieval: Retrieval | None) -> Sample:
        hits = None if retrieval is None else retrieval.hits
        database = None if answer.data is None or self.data.spec is None else self.data.database(example)
        return Sample(example, answer, hits, self._by_name, database)

    def _with_writing(self, retrieval: Retrieval) -> Retrieval:
        """The retrieval with what was written for the index: its warning each time, its calls once."""
        if self._embedded_texts is None:
            return retrieval
        usage, self._written_usage = self._written_usage, Usage()
        stage = StageTrace("embed", self._embedded_texts.of, usage=usage, warning=self._embedded_texts.warning)
        return replace(retrieval, trace=(stage, *retrieval.trace))

    async def _retriever(self, on_progress: OnProgress | None = None) -> Retriever:
        spec = self.configuration.retrieval
        if spec is None:
            raise AssertionError("asked to retrieve by a configuration without retrieval")
        async with self._opening:
            if self._open_retriever is None:
                place = (spec, self.documents, self.models)
                self._embedded_texts = await write_chunk_texts(*place, on_progress=on_progress)
                texts = None if self._embedded_texts is None else self._embedded_texts.texts
                self._written_usage = Usage() if self._embedded_texts is None else self._embedded_texts.usage
                index = await asyncio.to_thread(prepare_index, *place, on_progress, texts)
                self._open_retriever = Retriever(spec, index, self.models, self.models.cache)
            return self._open_retriever

    def _answer_key(self, example: Example, retrieval: Retrieval | None) -> str:
        hits = retrieval.hits if retrieval is not None else ()
        key = keys.answer_key(self._answering_identity, self._prompt_variables, example, hits)
        data = self.data.identity(example)
        return fingerprint(key, data) if data else key

    @cached_property
    def _support(self) -> CachedSupport:
        """The built-in judge of claims; loads its model at the first claim."""
        return CachedSupport(GroundingSupport(TokenReader(self.models.token_embedder)), self.models.cache)

    @cached_property
    def _retrieval_identity(self) -> str:
        spec = self.configuration.retrieval
        return "" if spec is None else keys.hits_identity_of(spec, self.documents, self.models)

    @cached_property
    def _answering_identity(self) -> str:
        return keys.answering_identity(self.configuration, self.models)

    @cached_property
    def _prompt_variables(self) -> list[str]:
        # A set comes in another order in each process, and the key must be the same in all.
        return sorted(keys.prompt_variables(self.configuration.prompt))
