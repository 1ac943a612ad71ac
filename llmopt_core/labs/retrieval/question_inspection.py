"""One question through one configuration: every stage, where gold chunks were lost, a map, the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llmopt_core.errors import EndpointError
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.indexing import OnProgress, read_index
from llmopt_core.experiments.pipeline import OnText, Pipeline
from llmopt_core.experiments.truncation_warnings import question_note, window_note
from llmopt_core.index.embedding_cache import encode_both
from llmopt_core.index.index import Index
from llmopt_core.labs.retrieval.components import retrieval_of
from llmopt_core.models.base import Vectors
from llmopt_core.models.registry import Models
from llmopt_core.retrieval.analysis.gold_trace import GoldTraces, trace_gold
from llmopt_core.retrieval.analysis.inspect import FlowRow, rank_flow
from llmopt_core.retrieval.analysis.projection import Map, project
from llmopt_core.retrieval.result import Retrieval
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.types import Answer, Document, Example

Encode = Callable[[Sequence[str]], Vectors]


@dataclass(frozen=True)
class Inspection:
    """What one configuration did with one question.

    Attributes:
        spec: The retrieval settings in force, after routing.
        flow: Every chunk that any stage returned, with its ranks and scores.
        gold: What became of the chunks that hold the reference.
        map: None where the question could not be embedded.
        texts: What was searched with in place of the model's own texts; None where nothing was edited.
        window_note: What of the chunks the embedding model does not read, in words.
        question_note: What of the question it does not read.
    """

    configuration: Configuration
    example: Example
    spec: RetrievalSpec
    retrieval: Retrieval
    flow: tuple[FlowRow, ...]
    gold: GoldTraces
    map: Map | None
    chunks: int
    texts: tuple[str, ...] | None = None
    window_note: str = ""
    question_note: str = ""


class QuestionLab:
    """Looks at single questions through one configuration. Use it in one event loop.

    Args:
        configuration: Must retrieve.
        documents: What it retrieves from.
        models: Of the current event loop.

    Attributes:
        has_searched: Whether models and index are loaded, so that the next question is fast.

    Raises:
        BadInput: The configuration has no retrieval.
    """

    def __init__(self, configuration: Configuration, documents: Sequence[Document], models: Models) -> None:
        self.configuration = configuration
        self._spec = retrieval_of(configuration)
        self.has_searched = False
        self._models = models
        # No metrics and no examples: nothing is graded here.
        self._pipeline = Pipeline(configuration, documents, (), JudgeSpec(), models)

    def is_cached(self, example: Example) -> bool:
        """Whether what the question finds is kept, so that looking at it asks no model."""
        return self._pipeline.read_hits(example) is not None

    async def look(
        self, example: Example, *, texts: Sequence[str] | None = None, on_progress: OnProgress | None = None
    ) -> Inspection:
        """Send a question through every stage.

        Args:
            example: The question; with references gold chunks are followed.
            texts: Takes the place of what the transform's model would write.
            on_progress: Told how many texts are embedded where the index must be built.
        """
        # Texts written by hand are never in the cache. In a thread, as reading disks would hold up the loop.
        cache_entry = await asyncio.to_thread(self._read_cache, example) if texts is None else None
        retrieval, index = cache_entry or await self._retrieve(example, texts, on_progress)
        # After routing, which may have changed them.
        spec = self._spec.for_category(retrieval.category)
        gold, projection = await asyncio.to_thread(self._follow, example, retrieval, spec, index)
        flow = tuple(rank_flow(retrieval.trace, example.references))
        manual_texts = None if texts is None else tuple(texts)
        note = await asyncio.to_thread(window_note, self._spec, index.chunks, self._pipeline.documents, self._models)
        question_warning = await asyncio.to_thread(question_note, spec, [example.question], self._models)
        return Inspection(
            self.configuration,
            example,
            spec,
            retrieval,
            flow,
            gold,
            projection,
            len(index.chunks),
            manual_texts,
            note,
            question_warning,
        )

    def _read_cache(self, example: Example) -> tuple[Retrieval, Index] | None:
        """What the question found before, with the index to look at: then nothing is loaded."""
        retrieval = self._pipeline.read_hits(example)
        if retrieval is None:
            return None
        index = read_index(self._spec, self._pipeline.documents, self._models)
        # The index is gone: what was found cannot be followed without it.
        return None if index is None else (retrieval, index)

    async def _retrieve(
        self, example: Example, texts: Sequence[str] | None, on_progress: OnProgress | None
    ) -> tuple[Retrieval, Index]:
        retriever = await self._pipeline.retriever(on_progress)
        self.has_searched = True
        if texts is None:
            return await self._pipeline.retrieve(example), retriever.index
        # Past the cache: what was typed by hand is seen once.
        return await retriever.retrieve(example.question, example.category, texts=texts), retriever.index

    async def answer(self, inspection: Inspection, on_text: OnText | None = None) -> Answer:
        """Answer from the chunks that were handed over.

        Raises:
            EndpointError: The model failed.
        """
        return await self._pipeline.answer(inspection.example, inspection.retrieval, on_text)

    def read_answer(self, inspection: Inspection) -> Answer | None:
        """The answer where it was given before; asks no model."""
        return self._pipeline.read_answer(inspection.example, inspection.retrieval)

    def _follow(
        self, example: Example, retrieval: Retrieval, spec: RetrievalSpec, index: Index
    ) -> tuple[GoldTraces, Map | None]:
        embed = self._encoder(retrieval)
        encode: Encode | None = embed
        projection: Map | None = None
        try:
            projection = _map(example, retrieval, index, embed)
        except EndpointError:
            # A map is a picture beside the result: without vectors the rest is still shown.
            encode = None
        return trace_gold(retrieval.trace, example.references, index, spec, encode), projection

    def _encoder(self, retrieval: Retrieval) -> Encode:
        """Embeds what was searched with: questions as questions, invented passages as passages."""
        # Only HyDE invents passages; other transforms write questions.
        stages = [stage for stage in retrieval.trace if (stage.stage, stage.method) == ("transform", "hyde")]
        passages = {text for stage in stages for text in stage.queries}

        def encode(texts: Sequence[str]) -> Vectors:
            # At use: where all vectors are in the cache, no model is loaded.
            embedder = self._models.embedder_at_use(self._spec.embedding)
            return encode_both(texts, [text in passages for text in texts], embedder, self._models.cache)

        return encode


def _map(example: Example, retrieval: Retrieval, index: Index, encode: Encode) -> Map:
    queries = [
        text
        for stage in retrieval.trace
        if stage.stage == "transform" and stage.method != "none"
        for text in stage.queries
    ]
    vectors = encode([example.question, *queries])
    passages = list(zip(queries, vectors[1:], strict=True))
    return project((example.question, vectors[0]), passages, retrieval.hits, index, example.references)
