"""The sweep itself: cut, embed every distinct text once, search exactly, measure."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from llmopt_core.cache import Cache
from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.chunking.window import Window, window_of
from llmopt_core.errors import BadInput
from llmopt_core.experiments.document_clusters import cluster_labels
from llmopt_core.index.embedding_cache import encode_queries, encode_with_cache
from llmopt_core.index.plan import text_to_embed
from llmopt_core.labs.chunking.chunk_tables import ChunkTable, SearchUnits, chunk_all
from llmopt_core.labs.chunking.embedding import DistinctTexts, embed_all
from llmopt_core.labs.chunking.measurement import References, measures, omega_of
from llmopt_core.labs.chunking.progress import Reporter
from llmopt_core.labs.chunking.ranking import DenseSearcher, Searcher, WordSearcher, rankings
from llmopt_core.labs.chunking.result import METRICS, TOKENS, Cutting, Miss, SettingResult, SweepResult
from llmopt_core.labs.chunking.spec import SweepSpec, chunkings_of
from llmopt_core.models.base import BUILTIN_EMBEDDING, Embedder, Vectors
from llmopt_core.models.prefixes import query_side
from llmopt_core.models.tokenizers import tokenizer
from llmopt_core.statistics.clusters import summarize_clusters
from llmopt_core.types import Chunk, Document, EvaluationSet

MakeEmbedder = Callable[[], Embedder]


def run_sweep(  # noqa: PLR0917
    documents: Sequence[Document],
    evaluation_set: EvaluationSet,
    spec: SweepSpec,
    make_embedder: MakeEmbedder,
    cache: Cache,
    report: Reporter | None = None,
) -> SweepResult:
    """Measure every setting of a sweep by what it retrieves for the questions.

    All documents are searched together. Each distinct chunk text and each question is embedded once over all
    settings, and not at all where the cache has its vector.

    Args:
        documents: What is cut.
        evaluation_set: Questions without references are counted as not scored.
        spec: The settings.
        make_embedder: Gives the model of `spec.embedding`; called only where vectors are needed.
        cache: Keeps vectors.
        report: Follows the work and may stop it.

    Raises:
        BadInput: There is no text, no question with a reference, or no possible setting.
        Cancellation: `report` was asked to stop.
        EndpointError: The embedding model failed.
    """
    start_time = time.perf_counter()
    report = report or Reporter()
    chunkings, skipped_settings = chunkings_of(spec)
    _check(documents, evaluation_set, spec)
    sweep = _Sweep(documents, evaluation_set, spec, make_embedder, cache, report)
    # The encoder is only called by methods that cut by meaning.
    cuts = chunk_all(documents, chunkings, sweep.encode, report.cutting)
    # Words need no vectors, and no model is loaded.
    text_count = sweep.embed(cuts) if spec.search == "dense" else 0
    cuttings, settings = sweep.measure(chunkings, cuts)
    return SweepResult(
        spec=spec,
        documents=tuple((document.name, document.version) for document in documents),
        set_name=evaluation_set.name,
        set_version=evaluation_set.version,
        example_ids=tuple(example.id for example in evaluation_set.examples),
        embedder=sweep.embedder.name if spec.search == "dense" else "",
        window=sweep.window.tokens if sweep.window else None,
        embedded=text_count,
        seconds=time.perf_counter() - start_time,
        skipped=tuple(skipped_settings),
        cuttings=tuple(cuttings),
        settings=tuple(settings),
        unknown=unknown_token_share(sweep.embedder, evaluation_set) if spec.search == "dense" else None,
        clusters=sweep.clusters,
    )


def unknown_token_share(embedder: Embedder, evaluation_set: EvaluationSet) -> float | None:
    """Share of the questions' tokens that the built-in model's vocabulary lacks; None for other models."""
    # Endpoints do not say which tokens they know.
    token_ids = getattr(embedder, "token_ids", None)
    if embedder.name != BUILTIN_EMBEDDING or token_ids is None:
        return None
    questions = [example.question for example in evaluation_set.examples]
    # Unknown ones stand as a special token, and special tokens are left out of the ids.
    known_count = sum(map(len, token_ids(questions)))
    count = tokenizer(BUILTIN_EMBEDDING).count
    # The model reads no more than its window, so no more can be unknown.
    total = sum(min(count(question), embedder.max_tokens) for question in questions)
    # Rounding, and special tokens in a text, may give a little less than zero.
    return max(0.0, 1 - known_count / total) if total else None


@dataclass
class _Sweep:
    documents: Sequence[Document]
    evaluation_set: EvaluationSet
    spec: SweepSpec
    make_embedder: MakeEmbedder
    cache: Cache
    report: Reporter
    # A list, so that the property can fill it: loaded at the first use, or never.
    _embedder: list[Embedder] = field(default_factory=list)

    @property
    def embedder(self) -> Embedder:
        if not self._embedder:
            self.report.say("loading the embedding model")
            self._embedder.append(self.make_embedder())
        return self._embedder[0]

    @property
    def window(self) -> Window | None:
        if self.spec.search != "dense":
            return None
        return window_of(self.spec.embedding, self.embedder.max_tokens)

    @cached_property
    def clusters(self) -> tuple[str, ...] | None:
        return cluster_labels(self.evaluation_set.examples)

    @cached_property
    def questions(self) -> list[str]:
        return [example.question for example in self.evaluation_set.examples]

    def encode(self, texts: Sequence[str]) -> Vectors:
        # Asked at every batch: cutting by meaning embeds a whole corpus before the first count.
        return encode_with_cache(texts, self.embedder, self.cache, lambda _done, _total: self.report.check())

    def embed(self, cuts: Sequence[ChunkTable]) -> int:
        """Embed all distinct texts and questions, so that every search finds its vectors in the cache; how many."""
        # A model may embed questions otherwise (with an instruction, or another tower): then they do not share vectors.
        together = query_side(self.embedder) is self.embedder
        texts = DistinctTexts(cuts, self._text_of, self.questions if together else ())
        embed_all(texts, self.embedder, self.cache, self.report)
        if together:
            return len(texts)
        encode_queries(self.questions, self.embedder, self.cache)
        # Distinct questions, as the texts are.
        return len(texts) + len(set(self.questions))

    def _text_of(self, chunk: Chunk) -> str:
        """What is searched of a chunk."""
        return text_to_embed(chunk, self.spec.embedding.of)

    def measure(
        self, chunkings: Sequence[ChunkingSpec], cuts: Sequence[ChunkTable]
    ) -> tuple[list[Cutting], list[SettingResult]]:
        """One chunking after the other: only one has its texts and vectors in memory."""
        cuttings: list[Cutting] = []
        settings: list[SettingResult] = []
        self.report.measuring(0, len(chunkings))
        for position, (chunking, table) in enumerate(zip(chunkings, cuts, strict=True)):
            cutting, results = self._measure_one(position, chunking, list(table))
            self.report.measuring(position + 1, len(chunkings))
            cuttings.append(cutting)
            settings += results
        return cuttings, settings

    def _searcher(self, chunks: Sequence[Chunk]) -> Searcher:
        texts = [self._text_of(chunk) for chunk in chunks]
        if self.spec.search == "bm25":
            return WordSearcher(texts, self.questions)
        return DenseSearcher(self.encode(texts), encode_queries(self.questions, self.embedder, self.cache))

    def _measure_one(
        self, position: int, chunking: ChunkingSpec, chunks: Sequence[Chunk]
    ) -> tuple[Cutting, list[SettingResult]]:
        by_name = {document.name: document.text for document in self.documents}
        # Whether headings are embedded decides how much of the window is left for the text.
        pieces = SearchUnits(chunks, by_name, self.window, self.spec.embedding.of == "heading")
        searcher = self._searcher(chunks)
        examples = self.evaluation_set.examples
        # Ascending, so that the last one is the longest ranking that is needed.
        tops = sorted(set(self.spec.top_k))
        tables = {k: _Table(k, self.clusters) for k in tops}
        places = {document.name: number for number, document in enumerate(self.documents)}
        # Places in the documents instead of texts: a sweep is kept as a whole.
        retrieved_spans = []
        for example, ranking in zip(examples, rankings(searcher, pieces, len(examples)), strict=True):
            positions = ranking.first(tops[-1])
            retrieved_spans.append(
                tuple((places[(s := pieces.context_spans[p]).document], s.start, s.end) for p in positions)
            )
            if not example.references:
                for table in tables.values():
                    table.skip()
                continue
            # Once per question: it depends on the chunks alone.
            best = omega_of(pieces, example.references)
            references = References(pieces, ranking, example.references)
            for k, table in tables.items():
                values = measures(pieces, positions, example.references, k)
                table.add({**values, "omega": best}, references.misses(positions[:k]))
        beyond, share = pieces.beyond_window
        cutting = Cutting(chunking, len(pieces.chunks), beyond, share, tuple(retrieved_spans))
        return cutting, [tables[k].result(position) for k in tops]


class _Table:
    """Collects one setting, question by question."""

    def __init__(self, top_k: int, clusters: tuple[str, ...] | None) -> None:
        self._top_k, self._clusters = top_k, clusters
        self._rows: list[dict[str, float] | None] = []
        self._misses: list[tuple[Miss, ...]] = []

    # A row of None keeps all columns as long as the questions are many.
    def skip(self) -> None:
        self._rows.append(None)
        self._misses.append(())

    def add(self, values: dict[str, float], misses: tuple[Miss, ...]) -> None:
        self._rows.append(values)
        self._misses.append(misses)

    def result(self, cutting: int) -> SettingResult:
        names = (*METRICS, TOKENS)
        values = {name: tuple(row[name] if row is not None else None for row in self._rows) for name in names}
        # Means leave out what could not be scored, and say how many that were.
        summaries = {name: summarize_clusters(column, self._clusters) for name, column in values.items()}
        return SettingResult(cutting, self._top_k, values, summaries, tuple(self._misses))


def _check(documents: Sequence[Document], evaluation_set: EvaluationSet, spec: SweepSpec) -> None:
    if not documents:
        raise BadInput("There are no documents to cut; add some first.")
    # Scans without a text layer and empty files.
    if not any(document.text.strip() for document in documents):
        raise BadInput("There is no text to cut; add a document that has some.")
    if not any(example.references for example in evaluation_set.examples):
        raise BadInput(
            f"None of the {len(evaluation_set.examples)} questions of {evaluation_set.name} says where its answer "
            f"stands; add `references` with document, start and end, or with document and quote."
        )
    # Other forms of a chunk are written by a model, for money and time that a sweep of many settings would multiply.
    if spec.embedding.of not in ("text", "heading"):
        raise BadInput(f"A sweep embeds the text or heading of chunks, not their {spec.embedding.of}.")
