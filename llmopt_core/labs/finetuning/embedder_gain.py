"""What a tuned embedding model brought: dense search before and after on questions it has never seen, and its cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from llmopt_core.cache import Cache
from llmopt_core.chunking.chunk import chunk_documents
from llmopt_core.errors import BadInput
from llmopt_core.experiments.document_clusters import cluster_labels
from llmopt_core.finetuning.jobs.job import FineTunedModel
from llmopt_core.index.embedding_cache import count_new, encode_queries, encode_with_cache
from llmopt_core.jobs.context import JobContext
from llmopt_core.jobs.kind import JobKind
from llmopt_core.labs.finetuning.catalogue import list_embedding_models
from llmopt_core.labs.finetuning.embedder import EmbedderPlan, retrieval_of
from llmopt_core.models.base import Embedder, EmbeddingSpec
from llmopt_core.models.registry import Models
from llmopt_core.retrieval.metrics import Ranks, overlaps, recall, reciprocal_rank
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Job, Project
from llmopt_core.statistics.clusters import summarize_clusters
from llmopt_core.statistics.intervals import Summary
from llmopt_core.statistics.paired_comparison import compare_family
from llmopt_core.statistics.tables import Gain
from llmopt_core.types import Chunk, Document, Example, Spec

MEASURING = "embedder-before-after"
"""Kind of the jobs that measure."""
MEASURES: Mapping[str, Callable[[Ranks], float]] = {
    "recall@1": lambda ranks: recall(ranks, 1),
    "recall@5": lambda ranks: recall(ranks, 5),
    "MRR": reciprocal_rank,  # The first that was found decides, however many others stand in the passage too.
}
"""Of the exact ranking of all chunks by cosine similarity; the first one leads."""


class EmbedderGain(Spec):
    """Both embedding models on the held-back questions.

    Attributes:
        before, after: Measure -> mean with interval.
        gains: Measure -> paired difference, p-values by Holm over the measures.
        questions, chunks: How many were asked, among how many chunks.
        documents: How many documents the questions are about.
        distinct: Chunks that an index built with the tuned model embeds; 0 in results from before this was kept.
        embedded: Those of them that were embedded and timed here; what was known before, as by a process that began
            this measurement and is gone, was not.
        embed_seconds: How long `embedded` took.
        train_seconds: How long the training took; None where the card does not say.
        megabytes: Size of the tuned model on disk.
    """

    before: dict[str, Summary]
    after: dict[str, Summary]
    gains: dict[str, Gain]
    questions: int
    chunks: int
    documents: int = 0
    distinct: int = 0
    embedded: int = 0
    embed_seconds: float = 0.0
    train_seconds: float | None = None
    megabytes: float = 0.0

    @property
    def index_chunks(self) -> int:
        """How many chunks an index built with the tuned model embeds."""
        return self.distinct or self.embedded

    @property
    def index_seconds(self) -> float | None:
        """How long that takes, reckoned from those that were timed; None where none was."""
        return self.embed_seconds * self.index_chunks / self.embedded if self.embedded else None


def measure_gain(
    examples: Sequence[Example], chunks: Sequence[Chunk], before: Embedder, after: Embedder, cache: Cache
) -> EmbedderGain:
    """Recall at 1 and 5 and MRR of both models among all chunks, paired by question.

    Tested by whole documents where questions share them.

    Args:
        examples: Held-back questions with reference spans.
        chunks: All that compete, whichever part their document belongs to.
        before: The embedding model to beat.
        after: The tuned one.
        cache: Where vectors are kept.

    Raises:
        BadInput: There is no question with a reference span, or no chunk.
        EndpointError: An embedder failed.
    """
    questions = [example for example in examples if example.references]
    if not questions or not chunks:
        raise BadInput("There is nothing to measure: no held-back question has a source, or no chunk is there.")
    # Counted before they are embedded: afterwards none is new.
    texts = list(dict.fromkeys(chunk.text for chunk in chunks))
    new_count, start = count_new(texts, after, cache), time.monotonic()
    # On its own, so that the time is that of the tuned model and of its chunks alone.
    encode_with_cache(texts, after, cache)
    seconds = time.monotonic() - start
    old, new = (gold_ranks(questions, chunks, embedder, cache) for embedder in (before, after))
    names = {span.document for example in questions for span in example.references}
    facts = {"chunks": len(chunks), "documents": len(names), "distinct": len(texts), "embedded": new_count}
    return _compare(old, new, cluster_labels(questions)).model_copy(
        update={**facts, "embed_seconds": round(seconds, 2)}
    )


def gold_ranks(
    examples: Sequence[Example], chunks: Sequence[Chunk], embedder: Embedder, cache: Cache
) -> list[list[int | None]]:
    """Per question and reference span the rank of the first chunk that overlaps it; None where no chunk does."""
    chunk_vectors = encode_with_cache([chunk.text for chunk in chunks], embedder, cache)
    vectors = encode_queries([example.question for example in examples], embedder, cache)
    # Exact, without an index: approximate neighbours would mix the index's losses into the gain.
    # Stable: chunks of equal similarity rank alike before and after.
    order = np.argsort(-(vectors @ chunk_vectors.T), axis=1, kind="stable")
    # From the order of chunks to the rank of each chunk.
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.arange(1, len(chunks) + 1)[None, :], axis=1)
    return [_ranks(example, chunks, row.tolist()) for example, row in zip(examples, places, strict=True)]


def _ranks(example: Example, chunks: Sequence[Chunk], places: Sequence[int]) -> list[int | None]:
    return [
        # Chunks overlap where the chunking says so: the best of those that hold the span counts.
        min((place for chunk, place in zip(chunks, places, strict=True) if overlaps(chunk.span, span)), default=None)
        for span in example.references
    ]


def _compare(old: Sequence[Ranks], new: Sequence[Ranks], clusters: Sequence[str] | None) -> EmbedderGain:
    before, after = ({name: [of(ranks) for ranks in side] for name, of in MEASURES.items()} for side in (old, new))
    # Together: three measures of one training are three chances to be lucky.
    comparisons = compare_family([(before[name], after[name]) for name in MEASURES], clusters=clusters)
    return EmbedderGain(
        before={name: summarize_clusters(values, clusters) for name, values in before.items()},
        after={name: summarize_clusters(values, clusters) for name, values in after.items()},
        gains={name: Gain.of(one) for name, one in zip(MEASURES, comparisons, strict=True)},
        questions=len(old),
        chunks=0,  # Set by the caller, who knows it.
    )  # fmt: skip


def gain_of_plan(
    plan: EmbedderPlan,
    embedder: FineTunedModel,
    models: Models,
    *,
    examples: Sequence[Example],
    documents: Sequence[Document],
) -> EmbedderGain:
    """`measure_gain` for a plan and the model that came of it, with what the training cost.

    Raises:
        BadInput: The fine-tuned model is a chat model, or there is nothing to measure.
        EndpointError: An embedder failed.
    """
    if not isinstance(embedder.spec, EmbeddingSpec):
        raise BadInput(f"{embedder.name} is a chat model and embeds nothing.")
    retrieval = retrieval_of(plan.configuration)
    before, after = models.embedder(retrieval.embedding), models.embedder(embedder.spec)
    # Cut by the model before: the same chunks for both, or ranks could not be compared.
    chunks = chunk_documents(documents, retrieval.chunking, before.encode)
    gain = measure_gain(examples, chunks, before, after, models.cache)
    seconds = embedder.facts.get("seconds")
    return gain.model_copy(update={"train_seconds": seconds, "megabytes": _megabytes(Path(embedder.spec.model))})


def _megabytes(folder: Path) -> float:
    # All files of the folder, tokenizer and all: what has to be carried to another machine. Megabytes of a million.
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


class GainArguments(Spec):
    """What is measured.

    Attributes:
        job: The training job that made the model, whose name is `name`.
        set: The evaluation set that was held back.
        basis: What the result rests on.
        plan: What the model was made from.
    """

    job: str
    name: str
    set: str
    basis: dict[str, str]
    plan: EmbedderPlan


def measure_plan(context: JobContext, arguments: GainArguments) -> dict[str, Any]:
    """Measure the tuned model against the one that it was made from."""
    store, plan = context.store, arguments.plan
    # Deleted between the order and the work.
    tuned_model = next((one for one in list_embedding_models(context.settings) if one.name == arguments.name), None)
    if tuned_model is None:
        raise BadInput(f"The fine-tuned model {arguments.name} is gone.")
    examples = store.evaluation_set(context.project, plan.held_back_set).examples
    documents = store.documents(context.project)
    gain = gain_of_plan(plan, tuned_model, context.models(), examples=examples, documents=documents)
    return {"gain": gain.model_dump(mode="json")}


def gain_job(store: Store, project: Project, training_job: str) -> Job | None:
    """The newest measuring of what a training job made; None where there was none."""
    jobs = [job for job in store.jobs(project) if job.kind == MEASURING and job.arguments.get("job") == training_job]
    return max(jobs, key=lambda job: job.id, default=None)


def gain_from(job: Job) -> EmbedderGain | None:
    """What a measuring found; None where it has not finished, or another version of the program wrote it."""
    try:
        return EmbedderGain.model_validate((job.result or {})["gain"])
    except (KeyError, ValidationError):
        # Not finished, or written before a field was there.
        return None


GAIN = JobKind(MEASURING, GainArguments, measure_plan, "Measuring")
