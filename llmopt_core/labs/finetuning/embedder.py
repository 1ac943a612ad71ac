"""An embedding model tuned on a project's own questions: parts by document, the training, what it brought."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError

from llmopt_core.chunking.chunk import chunk_documents
from llmopt_core.chunking.semantic import Encode
from llmopt_core.errors import BadInput
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.versions.training_sets import save_training_set
from llmopt_core.finetuning.data.examples import TrainingExample, TrainingSet, chat_example
from llmopt_core.finetuning.data.split import split_set
from llmopt_core.finetuning.finetuners import Access
from llmopt_core.finetuning.jobs.job import FineTunedModel, Job, JobRequest
from llmopt_core.labs.finetuning.jobs import start
from llmopt_core.models.base import EmbeddingSpec
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project
from llmopt_core.types import Chunk, Document, EvaluationSet, Example, Span, Spec
from llmopt_core.types.grouping import group_values

EMBEDDER = "embedder"
"""Kind of the versions in which the store keeps plans."""
Part = Literal["training", "watched", "held back"]
PARTS: tuple[Part, ...] = ("training", "watched", "held back")
Whole = Literal["documents", "passages"]
# Enough pairs to see overfitting on the way, without taking much from training.
_WATCHED_SHARE = 0.1


class EmbedderPlan(Spec):
    """What a tuned embedding model was made from, so that it can be measured when its training has ended.

    Attributes:
        name: Of the tuned model and of its job.
        evaluation_set: Whose questions were learned from or held back.
        held_back_set: The evaluation set with the questions that were held back; the only ones that tell the truth
            about this model.
        configuration: Whose chunks were learned, and whose embedding model is the one before; with its name.
        pairs: Number of question-passage pairs that were learned.
        whole: Whether the held-back questions are about documents that were never seen, or about passages.
    """

    name: str
    evaluation_set: str
    held_back_set: str
    configuration: Configuration
    pairs: int
    whole: Whole = "documents"


@dataclass(frozen=True)
class EmbedderParts:
    """The questions of a set in three parts that share no document, or no passage.

    Attributes:
        train: Question-passage pairs to learn.
        validation: Pairs for the loss that also chooses the best step; None where there are too few documents.
        held_back: Questions that training never sees, nor their documents (or passages).
        documents: Document -> part -> number of questions.
        omissions: Questions without a reference span in a chunk, or with spans on both sides.
        whole: What no two parts share.
    """

    train: tuple[TrainingExample, ...]
    validation: tuple[TrainingExample, ...]
    held_back: tuple[Example, ...]
    documents: dict[str, dict[Part, int]]
    omissions: int
    whole: Whole = "documents"


def retrieval_of(configuration: Configuration) -> RetrievalSpec:
    """Its retrieval.

    Raises:
        BadInput: It has none.
    """
    if configuration.retrieval is None:
        raise BadInput(f"{configuration.name} has no retrieval, so there are no chunks to learn; choose another one.")
    return configuration.retrieval


def parts_by_document(
    examples: Sequence[Example],
    documents: Sequence[Document],
    configuration: Configuration,
    *,
    # About a third: fewer questions give no usable interval, more leave too little to learn.
    held_back_share: float = 0.3,
    whole: Whole = "documents",
    seed: int = 0,
    encode: Encode | None = None,
) -> EmbedderParts:
    """Pair each question with the chunk that holds its reference span, and part them by document or by passage.

    Args:
        examples: Questions; those without a reference span are left out.
        documents: Where the spans are.
        configuration: Its chunking cuts the passages.
        held_back_share: About this share of the questions is held back.
        whole: Whole documents are held back, which tells what the model does with documents that it has never seen; or
            whole passages, which tells what it does with other questions about the documents that it knows.
        seed: Decides which.
        encode: For the semantic chunking alone.

    Raises:
        BadInput: No question has a reference span in these documents, all belong together, or the configuration does
            not retrieve.
    """
    all_chunks = chunk_documents(documents, retrieval_of(configuration).chunking, encode)
    chunks = group_values((chunk.document, chunk) for chunk in all_chunks)
    pairs = _pairs(examples, chunks, whole)
    if not pairs:
        raise BadInput("No question of this set has a source in the documents; mark where the answers stand first.")
    # By the source, which is unique; two questions may be the same text.
    examples_by_source = {pair.source: example for example, pair in pairs}
    everything = TrainingSet("questions", tuple(pair for _, pair in pairs))
    # Spread over groups: one large document could else be the whole held-back part.
    parts = split_set(everything, held_back_share, seed=seed, spread=True)
    held_back_groups = {pair.group for pair in parts.validation.examples}
    # A question may have spans in several places; one with spans on both sides is kept out of both.
    groups = {source: _groups(example, chunks, whole) for source, example in examples_by_source.items()}
    held_back_pairs = [pair for pair in parts.validation.examples if held_back_groups.issuperset(groups[pair.source])]
    held_back = tuple(examples_by_source[pair.source] for pair in held_back_pairs)
    if not held_back:
        raise BadInput(f"Each held-back question has spans in other {whole} too, so nothing can be held back cleanly.")
    # Not a word of what is held back may be seen.
    training_pairs = [pair for pair in parts.train.examples if held_back_groups.isdisjoint(groups[pair.source])]
    train, validation = _hold_out(training_pairs, seed)
    return EmbedderParts(
        train,
        validation,
        held_back,
        _count({"training": train, "watched": validation, "held back": held_back_pairs}, examples_by_source),
        # What went nowhere.
        len(examples) - len(train) - len(validation) - len(held_back),
        whole,
    )


def _pairs(
    examples: Sequence[Example], chunks: Mapping[str, Sequence[Chunk]], whole: Whole
) -> list[tuple[Example, TrainingExample]]:
    pairs = []
    for number, example in enumerate(examples):
        # The first reference is where the answer stands; further ones count when parts are made.
        span = example.references[0] if example.references else None
        passage = _chunk_of(span, chunks.get(span.document, ())) if span else None
        if span is not None and passage is not None:
            # The number makes the source unique where ids repeat.
            source = f"question {example.id} ({number + 1})"
            pairs.append(
                (example, chat_example(example.question, passage.text, group=_group(passage, whole), source=source))
            )
    return pairs


def _chunk_of(span: Span, chunks: Sequence[Chunk]) -> Chunk | None:
    """The chunk that holds most of a span, the first of several."""
    meeting = [chunk for chunk in chunks if _common_characters(span, chunk) > 0]
    return max(meeting, key=lambda chunk: _common_characters(span, chunk)) if meeting else None


def _common_characters(span: Span, chunk: Chunk) -> int:
    return min(span.end, chunk.end) - max(span.start, chunk.start)


def _group(chunk: Chunk, whole: Whole) -> str:
    """What a chunk belongs to. The same text at two places is one passage."""
    return chunk.document if whole == "documents" else chunk.text


def _groups(example: Example, chunks: Mapping[str, Sequence[Chunk]], whole: Whole) -> set[str]:
    """All that an example's spans stand in."""
    if whole == "documents":
        return {span.document for span in example.references}
    return {
        chunk.text
        for span in example.references
        for chunk in chunks.get(span.document, ())
        if _common_characters(span, chunk) > 0
    }


def _hold_out(
    pairs: Sequence[TrainingExample], seed: int
) -> tuple[tuple[TrainingExample, ...], tuple[TrainingExample, ...]]:
    # Two groups cannot be watched without losing half of what is learned.
    if len({pair.group for pair in pairs}) < 3:
        return tuple(pairs), ()
    try:
        parts = split_set(TrainingSet("pairs", tuple(pairs)), _WATCHED_SHARE, seed=seed)
    except BadInput:
        # All in one group: training goes on without a validation loss.
        return tuple(pairs), ()
    return parts.train.examples, parts.validation.examples


def _count(parts: dict[Part, Sequence[TrainingExample]], examples: Mapping[str, Example]) -> dict[str, dict[Part, int]]:
    counts: dict[str, dict[Part, int]] = {}
    for part, pairs in parts.items():
        # Counted by document also where passages are held back: that is how people know their questions.
        for document, count in Counter(examples[pair.source].references[0].document for pair in pairs).items():
            counts.setdefault(document, {})[part] = count
    return counts


def start_embedder(
    access: Access,
    store: Store,
    project: Project,
    request: JobRequest,
    *,
    parts: EmbedderParts,
    configuration: Configuration,
    set_name: str,
) -> Job:
    """Start the training, and keep the held-back questions as an evaluation set and the plan beside it.

    Raises:
        BadInput: The name is taken, or something about the data or the hyperparameters is wrong; nothing was started.
    """
    held_back = EvaluationSet(f"{request.name}-held-back", parts.held_back)
    # Kept before the start: a job that was begun has its data, whatever happens next.
    training_set = save_training_set(store, project, f"{request.name}-pairs", parts.train, parts.validation,
                                     note=f"Questions of {set_name} with their chunks")  # fmt: skip
    job = start(access, request, training_set, project=project, kind="embedding")
    # After the start: where it is refused, no set of it is left behind.
    store.save_evaluation_set(project, held_back)
    plan = EmbedderPlan(name=request.name, evaluation_set=set_name, held_back_set=held_back.name,
                        configuration=configuration, pairs=len(parts.train), whole=parts.whole)  # fmt: skip
    # The job's id stands with the plan, because names can be used again after a model is deleted.
    store.save_version(project, EMBEDDER, request.name, {"job": job.id, "plan": plan.model_dump(mode="json")})
    return job


def plan_of(store: Store, project: Project, job: Job) -> EmbedderPlan | None:
    """The plan a job was started with; None where it was started in another way."""
    for version in store.versions(project, EMBEDDER, job.name):
        if version.body.get("job") == job.id:
            try:
                return EmbedderPlan.model_validate(version.body["plan"])
            except (KeyError, ValidationError):
                # A plan of another version: the job is shown without a measurement.
                return None
    return None


def with_embedder(configuration: Configuration, embedder: FineTunedModel) -> Configuration:
    """The configuration with the tuned embedding model, all else equal, named after both.

    Raises:
        BadInput: It does not retrieve, or the tuned model is a chat model.
    """
    retrieval = retrieval_of(configuration)
    if not isinstance(embedder.spec, EmbeddingSpec):
        raise BadInput(f"{embedder.name} is a chat model and embeds nothing; choose a fine-tuned embedding model.")
    # A local model has no endpoint, whatever the one before had.
    embedding = retrieval.embedding.model_copy(update={"model": embedder.spec.model, "endpoint": ""})
    new_retrieval = retrieval.model_copy(update={"embedding": embedding})
    return configuration.model_copy(
        update={"name": f"{configuration.name}-{embedder.name}", "retrieval": new_retrieval}
    )
