"""What each component of a retrieval earns and costs: the same questions with one of them left out."""

from __future__ import annotations

from llmopt_core.retrieval.spec import RerankSpec, RetrievalSpec, SearchSpec, TransformSpec


def variants(spec: RetrievalSpec) -> dict[str, RetrievalSpec]:
    """The spec with each of its components left out, by a name such as `without rerank (late-interaction)`."""
    found: dict[str, RetrievalSpec] = {}
    if spec.transform.method != "none":
        found[f"without {spec.transform.method}"] = spec.model_copy(update={"transform": TransformSpec()})
    # Both halves of a hybrid search are parts that cost something, so each is left out in its turn.
    if spec.search.method == "hybrid":
        found["without bm25"] = _with_search(spec, method="dense")
        found["without dense"] = _with_search(spec, method="bm25")
    # The specs by default are those of doing nothing, so a fresh one takes the part away whatever its settings were.
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


def _with_search(spec: RetrievalSpec, **changes: object) -> RetrievalSpec:
    # `model_copy` checks nothing; read anew, a change that the search would refuse in a file is refused here as well.
    search = SearchSpec.model_validate({**spec.search.model_dump(), **changes})
    return spec.model_copy(update={"search": search})
