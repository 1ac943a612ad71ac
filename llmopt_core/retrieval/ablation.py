"""What each component of a retrieval earns and costs: the same questions with one of them left out."""

from __future__ import annotations

from llmopt_core.retrieval.spec import RerankSpec, RetrievalSpec, SearchSpec, TransformSpec


def variants(spec: RetrievalSpec) -> dict[str, RetrievalSpec]:
    """The spec with each of its components left out, by a name such as `without rerank (late-interaction)`."""
    specs: dict[str, RetrievalSpec] = {}
    if spec.transform.method != "none":
        specs[f"without {spec.transform.method}"] = spec.model_copy(update={"transform": TransformSpec()})
    # Both halves of a hybrid search are parts that cost something, so each is left out in its turn.
    if spec.search.method == "hybrid":
        specs["without bm25"] = _with_search(spec, method="dense")
        specs["without dense"] = _with_search(spec, method="bm25")
    # The specs by default are those of doing nothing, so a fresh one takes the part away whatever its settings were.
    if spec.rerank.method != "none":
        specs[f"without rerank ({spec.rerank.method})"] = spec.model_copy(update={"rerank": RerankSpec()})
    if spec.search.mmr is not None:
        specs["without mmr"] = _with_search(spec, mmr=None)
    if spec.search.threshold is not None:
        specs["without threshold"] = _with_search(spec, threshold=None)
    if spec.search.filters:
        specs["without filters"] = _with_search(spec, filters={})
    if spec.routing is not None:
        specs["without routing"] = spec.model_copy(update={"routing": None})
    return {name: _without_foreign_thresholds(spec, variant) for name, variant in specs.items()}


def _without_foreign_thresholds(spec: RetrievalSpec, variant: RetrievalSpec) -> RetrievalSpec:
    """The variant without each threshold that was set for scores of another scale than those it would meet."""
    routing = variant.routing
    new_routes = {
        category: route.model_copy(update={"search": _drop_threshold(variant.for_category(category).search)})
        for category, route in (routing.routes if routing else {}).items()
        if _meets_other_scores(spec.for_category(category), variant.for_category(category))
    }
    if routing and new_routes:
        routes = {**routing.routes, **new_routes}
        variant = variant.model_copy(update={"routing": routing.model_copy(update={"routes": routes})})
    # Without routing, the general settings held before as well for what had no category.
    if _meets_other_scores(spec, variant):
        variant = variant.model_copy(update={"search": _drop_threshold(variant.search)})
    return variant


def _meets_other_scores(spec: RetrievalSpec, variant: RetrievalSpec) -> bool:
    return variant.search.threshold is not None and score_scale(spec) != score_scale(variant)


def _drop_threshold(search: SearchSpec) -> SearchSpec:
    return search.model_copy(update={"threshold": None})


def score_scale(spec: RetrievalSpec) -> tuple[str, int]:
    """What a candidate's score means when the threshold is applied, and how many lists add up to it.

    A cosine, a score of BM25, a sum of reciprocal ranks, which grows with the lists, or a share of the best.
    """
    # The other transforms search with one text, or have each part searched by itself.
    texts = {"multi-query": spec.transform.n + 1, "step-back": 2}.get(spec.transform.method, 1)
    lists = texts * (2 if spec.search.method == "hybrid" else 1)
    # One list is not merged, and keeps the scores of its search.
    if lists == 1:
        return spec.search.method, 1
    return ("rrf", lists) if spec.search.fusion == "rrf" else ("weighted", 1)


def _with_search(spec: RetrievalSpec, **changes: object) -> RetrievalSpec:
    # `model_copy` checks nothing; read anew, a change that the search would refuse in a file is refused here as well.
    search = SearchSpec.model_validate({**spec.search.model_dump(), **changes})
    return spec.model_copy(update={"search": search})
