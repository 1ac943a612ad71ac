"""Sweeps kept in the stage cache under everything that decides them: the same sweep again costs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llmopt_core.cache import Cache
from llmopt_core.experiments import keys
from llmopt_core.experiments.document_clusters import cluster_labels
from llmopt_core.experiments.preflight import check_budget
from llmopt_core.experiments.stages import read_value
from llmopt_core.index import analysis
from llmopt_core.labs.chunking.progress import Reporter
from llmopt_core.labs.chunking.result import SweepResult
from llmopt_core.labs.chunking.spec import SweepSpec
from llmopt_core.labs.chunking.sweep import run_sweep
from llmopt_core.models.registry import Models
from llmopt_core.runs.codec import pack
from llmopt_core.statistics.clusters import summarize_clusters
from llmopt_core.types import Document, EvaluationSet, fingerprint

STAGE = "chunk-sweep"
# Raised where the stored form changes: older sweeps are then measured anew instead of read wrongly.
VERSION = 1
_FIRST_TERMS = 2


def sweep_key(documents: Sequence[Document], evaluation_set: EvaluationSet, spec: SweepSpec, models: Models) -> str:
    """Hash of everything that decides a sweep's result. Loads no model."""
    return fingerprint(
        STAGE,
        VERSION,
        # A sweep by meaning counts no terms; it stays under the version that was named when all sweeps named one.
        analysis.VERSION if spec.search == "bm25" else _FIRST_TERMS,
        # By the hash of the text, not by the time of the file: the same text saved again is the same sweep.
        [[document.name, document.version] for document in documents],
        [evaluation_set.name, evaluation_set.version],
        spec.model_dump(mode="json"),
        # Only the identity: loading the model, to find the sweep already there, would take seconds.
        keys.embedding_identity(spec.embedding, models),
    )


def read_sweep(cache: Cache, key: str) -> SweepResult | None:
    """A finished sweep; None where there is none, or one of another version of the program."""
    result: SweepResult | None = read_value(cache.get_many(STAGE, [key]).get(key), SweepResult)
    return result


def with_clusters(result: SweepResult, evaluation_set: EvaluationSet) -> SweepResult:
    """The sweep with intervals by document also where it was kept before they were.

    Args:
        result: As it was kept.
        evaluation_set: Its questions, which say which of them share documents.
    """
    if result.clusters is not None:
        return result
    labels = cluster_labels(evaluation_set.examples)
    if labels is None or tuple(example.id for example in evaluation_set.examples) != result.example_ids:
        return result
    settings = tuple(
        replace(one, summaries={name: summarize_clusters(values, labels) for name, values in one.values.items()})
        for one in result.settings
    )
    return replace(result, clusters=labels, settings=settings)


def sweep(
    documents: Sequence[Document],
    evaluation_set: EvaluationSet,
    spec: SweepSpec,
    models: Models,
    report: Reporter | None = None,
    *,
    budget_usd: float | None = None,
) -> tuple[str, SweepResult]:
    """A sweep's key and result, measured where it is not kept. Errors as in `run_sweep`.

    Raises:
        BadInput: A budget is set and the embedding model has no price.
        OutOfBudget: The budget, of which what the same sweep has cost before is a part, has no room for the next
            call. Vectors that were paid are kept.
    """
    if budget_usd is not None:
        check_budget(budget_usd, (), models, (spec.embedding,))
    key = sweep_key(documents, evaluation_set, spec, models)
    result = read_sweep(models.cache, key)
    if result is None:
        report = report or Reporter()
        with models.spending(key, budget_usd) as budget:
            # A model on this machine costs nothing, so there is no budget to show.
            report.budget = budget if spec.embedding.endpoint else None
            result = run_sweep(
                documents, evaluation_set, spec, lambda: models.embedder(spec.embedding), models.cache, report
            )
        # Only a finished sweep; vectors of one that was stopped are in the cache of their own.
        models.cache.put_many(STAGE, {key: pack(result, SweepResult)})
    return key, with_clusters(result, evaluation_set)
