"""A sweep as a job. Never calls Streamlit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from llmopt_core.errors import BadInput
from llmopt_core.experiments.keys import embedding_identity
from llmopt_core.jobs.context import JobContext
from llmopt_core.types import fingerprint

if TYPE_CHECKING:
    from llmopt_core.labs.chunking.spec import SweepSpec
    from llmopt_core.models.registry import Models
    from llmopt_core.types import Document, EvaluationSet

KIND = "chunk-sweep"


def sweep_arguments(evaluation_set: EvaluationSet, spec: SweepSpec, settings: int, models: Models) -> dict[str, Any]:
    """What is kept with the job: plain values, no keys."""
    return {
        "evaluation_set": evaluation_set.name,
        "set_version": evaluation_set.version,
        "embedding": embedding_version(spec, models),
        "settings": settings,
        "search": spec.search,
        "spec": spec.model_dump(mode="json"),
    }


def texts_version(versions: Iterable[tuple[str, str]]) -> str:
    """Stands for names and texts of documents."""
    return fingerprint(sorted(versions))


def embedding_version(spec: SweepSpec, models: Models) -> str:
    """Stands for the address and weights of the embedding model; empty where words are searched or it is gone."""
    try:
        return "" if spec.search == "bm25" else fingerprint(embedding_identity(spec.embedding, models))
    except BadInput:
        return ""


def sweep_work(
    documents: Sequence[Document],
    evaluation_set: EvaluationSet,
    spec: SweepSpec,
    make_models: Callable[[], Models],
    budget_usd: float | None = None,
) -> Callable[[JobContext], dict[str, Any]]:
    """The work of a sweep. Its result holds the key under which the sweep is kept."""

    def work(context: JobContext) -> dict[str, Any]:
        from llmopt_core.labs.chunking.cache import sweep
        from llmopt_core.labs.chunking.progress import Reporter

        report = Reporter(context.report, context.should_cancel)
        models, cache = make_models(), context.store.cache
        key, _ = sweep(documents, evaluation_set, spec, models, cache, report, budget_usd=budget_usd)
        return {"key": key}

    return work
