"""Question -> chunks for the model, stage by stage."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace

from llmopt_core.cache import Cache
from llmopt_core.errors import BadInput, EndpointError
from llmopt_core.execution.concurrency import run_together
from llmopt_core.execution.timing import exclusive, self_time
from llmopt_core.index.embedding_cache import encode_both
from llmopt_core.index.index import Index
from llmopt_core.models.base import Reranker, Vectors
from llmopt_core.models.registry import Models
from llmopt_core.retrieval.rerank import make_reranker, rerank
from llmopt_core.retrieval.result import Retrieval
from llmopt_core.retrieval.routing import Route, Router
from llmopt_core.retrieval.search import search, turns
from llmopt_core.retrieval.select import diverse, parents
from llmopt_core.retrieval.spec import RerankSpec, RetrievalSpec
from llmopt_core.retrieval.transform import Part, TransformResult, transform
from llmopt_core.types import Hit, StageTrace

# Questions at once in the ranking stages: fewer leave slow endpoints idle, more only wait for the machine's lanes.
CONCURRENCY = 8


class Retriever:
    """Finds chunks as a spec says. Use it in one event loop; what is expensive is made at first use and kept.

    Args:
        spec: The stages. Its chunking and embedding must be those of the index.
        index: Where to search.
        models: To reach models of the stages that need one.
        cache: Keeps vectors and scores.
    """

    def __init__(self, spec: RetrievalSpec, index: Index, models: Models, cache: Cache) -> None:
        self.spec = spec
        self.index = index
        self._models = models
        self._cache = cache
        self._rerankers: dict[RerankSpec, Reranker | None] = {}

    async def retrieve(
        self, question: str, category: str | None = None, *, texts: Sequence[str] | None = None
    ) -> Retrieval:
        """The chunks for one question.

        Args:
            question: As asked.
            category: For routing by given category.
            texts: Takes the place of what the transform's model would write, for another try by hand.

        Raises:
            BadInput: A filter or prompt of the spec is wrong, or the index has vectors of another model.
        """
        return (await self._retrieve_all([question], [category], [texts]))[0]

    async def retrieve_many(
        self, questions: Sequence[str], categories: Sequence[str | None] | None = None
    ) -> list[Retrieval]:
        """The chunks for each question; all questions are embedded together."""
        return await self._retrieve_all(questions, categories or [None] * len(questions), [None] * len(questions))

    async def _retrieve_all(
        self,
        questions: Sequence[str],
        categories: Sequence[str | None],
        texts: Sequence[Sequence[str] | None],
    ) -> list[Retrieval]:
        # Routing first, because a category may take another transform, another search or another reranker.
        routes = await self._route(questions, categories)
        specs = [self.spec.for_category(route.category) for route in routes]
        transform_results = await run_together(
            transform(question, spec.transform, self._models, question_texts)
            for question, spec, question_texts in zip(questions, specs, texts, strict=True)
        )
        vectors, embed_stages = await self._embed(specs, transform_results)
        start = time.perf_counter()
        # In a thread: weights load for seconds, and the event loop has the calls of other questions to serve.
        await asyncio.to_thread(self._make_rerankers, specs)
        loading = time.perf_counter() - start
        slots = asyncio.Semaphore(CONCURRENCY)

        async def one(position: int) -> Retrieval:
            async with slots:
                stages = await self._find(specs[position], transform_results[position].parts, vectors)
            # Loading is told once, with the first question, as later questions find it done.
            if position == 0:
                stages = _add_load_time(stages, loading)
            before = [*routes[position].traces, transform_results[position].trace, *embed_stages[position]]
            return Retrieval(stages[-1].hits, (*before, *stages), routes[position].category)

        return await run_together(map(one, range(len(questions))))

    async def _route(self, questions: Sequence[str], categories: Sequence[str | None]) -> list[Route]:
        if self.spec.routing is None:
            return [Route(None) for _ in questions]
        return await Router(self.spec.routing, self._models, self._vectors_of).route(questions, categories)

    async def _embed(
        self, specs: Sequence[RetrievalSpec], transforms: Sequence[TransformResult]
    ) -> tuple[Mapping[str, Vectors] | None, list[list[StageTrace]]]:
        """Vectors of all texts that are searched by meaning, embedded together; None where the endpoint failed."""
        text_lists = [
            # BM25 reads words: its questions cost no call of the embedder.
            [] if spec.search.method == "bm25" else one.texts
            for spec, one in zip(specs, transforms, strict=True)
        ]
        distinct = list(dict.fromkeys(text for texts in text_lists for text in texts))
        # Invented passages are embedded as passages are, with another prefix for models that have any.
        passages = frozenset[str]().union(*(one.passages for one in transforms))
        if not distinct:
            return {}, [[] for _ in specs]
        vectors: dict[str, Vectors] | None = None
        warning, load_seconds, start = "", 0.0, time.perf_counter()
        try:
            # Loading the model apart from encoding: it is done once, and would make the first question look slow.
            await asyncio.to_thread(self._models.embedder, self.spec.embedding)
            load_seconds, start = time.perf_counter() - start, time.perf_counter()
            with self_time() as encoding:
                rows = await asyncio.to_thread(self._encode, distinct, passages)
            vectors, seconds = dict(zip(distinct, rows, strict=True)), encoding.seconds or 0.0
        except EndpointError as error:
            # Words can still be searched. `BadInput` is not caught: vectors of another model are to be told, not passed
            # over.
            warning = f"The question could not be embedded: {error} Its words are searched instead."
            seconds = time.perf_counter() - start
        # All were embedded in one go, so each has an equal share.
        seconds /= sum(map(bool, text_lists))
        name = self.spec.embedding.model
        traces = [
            [StageTrace("embed", name, tuple(texts), seconds=seconds, warning=warning)] if texts else []
            for texts in text_lists
        ]
        first = next(number for number, texts in enumerate(text_lists) if texts)
        traces[first] = [replace(traces[first][0], once_seconds=load_seconds)]
        return vectors, traces

    def _encode(self, texts: Sequence[str], passages: Collection[str]) -> Vectors:
        with exclusive(nullcontext()):
            return self._vectors_of(texts, passages)

    def _vectors_of(self, texts: Sequence[str], passages: Collection[str] = ()) -> Vectors:
        """Vectors of questions, and of invented passages as passages are embedded."""
        embedder = self._models.embedder(self.spec.embedding)
        # Vectors of two models can have the same length and still mean nothing to each other.
        if embedder.name != self.index.embedder_name:
            raise BadInput(
                f"The index was built with the embedding model {self.index.embedder_name}, but the question would be "
                f"embedded with {embedder.name}; build the index again."
            )
        return encode_both(texts, [text in passages for text in texts], embedder, self._cache)

    def _make_rerankers(self, specs: Sequence[RetrievalSpec]) -> None:
        for spec in specs:
            # By spec and not by category: categories with equal settings share one set of weights.
            if spec.rerank not in self._rerankers:
                self._rerankers[spec.rerank] = make_reranker(spec.rerank, self.index, self._models, self._cache)

    async def _find(
        self, spec: RetrievalSpec, parts: Sequence[Part], vectors: Mapping[str, Vectors] | None
    ) -> list[StageTrace]:
        """The ranking stages of one question; what the last returns is handed on."""
        stage_lists = await run_together(self._rank(spec, part, vectors) for part in parts)
        # In the order of the parts, whichever was done first.
        traces = [trace for one in stage_lists for trace in one]
        if len(parts) > 1:
            traces.append(turns([part.text for part in parts], [one[-1].hits for one in stage_lists]))
        return [*traces, self._select(traces[-1].hits, spec)]

    async def _rank(self, spec: RetrievalSpec, part: Part, vectors: Mapping[str, Vectors] | None) -> list[StageTrace]:
        vector_of = vectors.__getitem__ if vectors is not None else None
        # At least as many candidates as are to be handed over.
        wide = spec.search.model_copy(update={"candidates": max(spec.search.candidates, spec.top_k)})
        traces = await asyncio.to_thread(search, part, self.index, wide, vector_of)
        reranker = self._rerankers[spec.rerank]
        # An empty list is not worth a call.
        if reranker is not None and traces[-1].hits:
            traces.append(await rerank(part.text, traces[-1].hits, spec.rerank, reranker))
        return traces

    def _select(self, hits: Sequence[Hit], spec: RetrievalSpec) -> StageTrace:
        start = time.perf_counter()
        ranking, method = list(hits), "top-k"
        # After reranking, by its scores: what differs enough is chosen among what is best.
        if spec.search.mmr is not None:
            vectors = self.index.vectors(hit.chunk.id for hit in hits)
            ranking, method = diverse(hits, vectors, spec.search.mmr), "mmr"
        # Small pieces are replaced before the cut to `top_k`: several can stand for one larger piece.
        whole, warning = parents(ranking, self.index)
        seconds = time.perf_counter() - start
        return StageTrace("select", method, (), tuple(whole[: spec.top_k]), len(hits), seconds, warning=warning)


def _add_load_time(stages: Sequence[StageTrace], seconds: float) -> list[StageTrace]:
    """The stages with the time that loading the reranker took told beside its first one."""
    place = next((number for number, stage in enumerate(stages) if stage.stage == "rerank"), None)
    if place is None:
        return list(stages)
    timed_stage = replace(stages[place], once_seconds=stages[place].once_seconds + seconds)
    return [*stages[:place], timed_stage, *stages[place + 1 :]]
