"""A sweep as a job. Never calls Streamlit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from llmopt_core.experiments.jobs import JobContext
from llmopt_core.types import fingerprint

if TYPE_CHECKING:
    from llmopt_core.experiments.chunk_sweep.spec import SweepSpec
    from llmopt_core.models.registry import Models
    from llmopt_core.types import Document, EvaluationSet

KIND = "chunk-sweep"


def sweep_arguments(
    evaluation_set: EvaluationSet, spec: SweepSpec, settings: int, documents: Sequence[Document] = ()
) -> dict[str, Any]:
    """What is kept with the job: plain values, no keys."""
    return {
        "documents": texts_version((document.name, document.version) for document in documents),
        "evaluation_set": evaluation_set.name,
        "set_version": evaluation_set.version,
        "settings": settings,
        "search": spec.search,
        "spec": spec.model_dump(mode="json"),
    }


def texts_version(versions: Iterable[tuple[str, str]]) -> str:
    """Stands for names and texts of documents."""
    return fingerprint(sorted(versions))


def sweep_work(
    documents: Sequence[Document],
    evaluation_set: EvaluationSet,
    spec: SweepSpec,
    make_models: Callable[[], Models],
    budget_usd: float | None = None,
) -> Callable[[JobContext], dict[str, Any]]:
    """The work of a sweep. Its result holds the key under which the sweep is kept."""

    def work(context: JobContext) -> dict[str, Any]:
        from llmopt_core.experiments.chunk_sweep.keep import sweep
        from llmopt_core.experiments.chunk_sweep.progress import Reporter

        report = Reporter(context.report, context.should_cancel)
        models, cache = make_models(), context.store.cache
        key, _ = sweep(documents, evaluation_set, spec, models, cache, report, budget_usd=budget_usd)
        return {"key": key}

    return work
