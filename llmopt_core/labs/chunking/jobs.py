"""A sweep over chunkings as a kind of job."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.experiments.keys import documents_version, embedding_identity
from llmopt_core.jobs.context import JobContext
from llmopt_core.jobs.kind import JobKind
from llmopt_core.labs.chunking.spec import SweepSpec
from llmopt_core.models.registry import Models
from llmopt_core.types import Document, EvaluationSet, Spec, fingerprint

_DOCUMENTS = "documents"


class SweepArguments(Spec):
    """What is swept, over which state of which questions.

    Attributes:
        embedding: Stands for the address and weights of the embedding model; see `embedding_version`.
        settings: How many there are.
        search: As in the spec, for whoever reads the list of jobs.
    """

    evaluation_set: str
    set_version: str
    embedding: str
    settings: int
    search: str
    spec: SweepSpec
    budget_usd: float | None = None


def sweep_arguments(
    evaluation_set: EvaluationSet, spec: SweepSpec, settings: int, models: Models, budget_usd: float | None = None
) -> SweepArguments:
    """A sweep as arguments."""
    return SweepArguments(
        evaluation_set=evaluation_set.name,
        set_version=evaluation_set.version,
        embedding=embedding_version(spec, models),
        settings=settings,
        search=spec.search,
        spec=spec,
        budget_usd=budget_usd,
    )


def sweep_versions(documents: Sequence[Document], evaluation_set: EvaluationSet) -> dict[str, str]:
    """The versions of what a sweep works on."""
    return {_DOCUMENTS: documents_version(documents), "evaluation set": evaluation_set.version}


def texts_version(versions: Iterable[tuple[str, str]]) -> str:
    """Stands for names and texts of documents."""
    # Sorted: the order in which documents were read does not make another state.
    return fingerprint(sorted(versions))


def embedding_version(spec: SweepSpec, models: Models) -> str:
    """Stands for the address and weights of the embedding model; empty where words are searched or it is gone."""
    try:
        return "" if spec.search == "bm25" else fingerprint(embedding_identity(spec.embedding, models))
    except BadInput:
        # An endpoint that was removed: the list of jobs is still to be shown.
        return ""


def sweep_chunkings(context: JobContext, arguments: SweepArguments) -> dict[str, Any]:
    """Measure every setting. The result holds the key under which the sweep is kept."""
    from llmopt_core.labs.chunking.cache import sweep
    from llmopt_core.labs.chunking.progress import Reporter

    store, spec = context.store, arguments.spec
    documents = store.documents(context.project)
    # A sweep over other texts than those that were asked for would be kept under their name.
    context.check_version(_DOCUMENTS, documents_version(documents))
    questions = store.evaluation_set(context.project, arguments.evaluation_set, arguments.set_version)
    report = Reporter(context.report, context.should_cancel)
    key, _ = sweep(documents, questions, spec, context.models(), report, budget_usd=arguments.budget_usd)
    return {"key": key}


SWEEP = JobKind("chunk-sweep", SweepArguments, sweep_chunkings, "Sweep of")
