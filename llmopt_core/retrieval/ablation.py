"""What each component of a retrieval earns and costs: the same questions with one of them left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmopt_core.index.index import Index
from llmopt_core.models.registry import Models
from llmopt_core.retrieval.metrics import span_measures
from llmopt_core.retrieval.result import Retrieval
from llmopt_core.retrieval.retrieve import Retriever
from llmopt_core.retrieval.spec import RerankSpec, RetrievalSpec, SearchSpec, TransformSpec
from llmopt_core.types import Example


@dataclass(frozen=True, slots=True)
class RetrievalMeasures:
    """One retrieval over a set.

    Attributes:
        measures: By measure one value per example; None where it has no references.
        retrievals: Per example, with traces: seconds, tokens and cost stand there.
    """

    measures: dict[str, list[float | None]]
    retrievals: tuple[Retrieval, ...]


def variants(spec: RetrievalSpec) -> dict[str, RetrievalSpec]:
    """The spec with each of its components left out, by a name such as `without rerank (late-interaction)`."""
    found: dict[str, RetrievalSpec] = {}
    if spec.transform.method != "none":
        found[f"without {spec.transform.method}"] = spec.model_copy(update={"transform": TransformSpec()})
    if spec.search.method == "hybrid":
        found["without bm25"] = _with_search(spec, method="dense")
        found["without dense"] = _with_search(spec, method="bm25")
    if spec.rerank.method != "none":
        found[f"without rerank ({spec.rerank.method})"] = spec.model_copy(update={"rerank": RerankSpec()})
    if spec.search.mmr is not None:
        found["without mmr"] = _with_search(spec, mmr=None)
    if spec.search.threshold is not None:
        found["without threshold"] = _with_search(spec, threshold=None)
    if spec.search.filters:
        found["without filters"] = _with_search(spec, filters={})
    if spec.routing is not None:
        found["without routing"] = spec.model_copy(update={"routing": None})
    return found


async def measure(
    spec: RetrievalSpec,
    examples: Sequence[Example],
    index: Index,
    models: Models,
    *,
    k: int | None = None,
) -> RetrievalMeasures:
    """Retrieve for every example and measure against its references.

    Args:
        spec: The retrieval.
        examples: Questions, with references where they have some.
        index: Built with the spec's chunking and embedding.
        models: To reach models.
        k: How many chunks count; by default `spec.top_k`.
    """
    k = k or spec.top_k
    # Routes may hand over another number of chunks; all that count must be there.
    retriever = Retriever(spec.model_copy(update={"top_k": max(k, spec.top_k)}), index, models, models.cache)
    found = await retriever.retrieve_many(
        [example.question for example in examples], [example.category for example in examples]
    )
    rows = [_measures(example, retrieval, k) for example, retrieval in zip(examples, found, strict=True)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return RetrievalMeasures({name: [row.get(name) for row in rows] for name in names}, tuple(found))


def _measures(example: Example, retrieval: Retrieval, k: int) -> dict[str, float]:
    if not example.references:
        return {}
    return span_measures([hit.chunk.span for hit in retrieval.hits], example.references, k)


def _with_search(spec: RetrievalSpec, **changes: object) -> RetrievalSpec:
    search = SearchSpec.model_validate({**spec.search.model_dump(), **changes})
    return spec.model_copy(update={"search": search})
