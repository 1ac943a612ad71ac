import pytest

from llmopt_core.models.base import ModelSpec
from llmopt_core.retrieval.ablation import variants
from llmopt_core.retrieval.spec import RerankSpec, RetrievalSpec, RouteSpec, RoutingSpec, SearchSpec, TransformSpec

from .conftest import EMBEDDING

FULL = RetrievalSpec(
    embedding=EMBEDDING,
    transform=TransformSpec(method="hyde", n=1, model=ModelSpec(endpoint="fake")),
    search=SearchSpec(method="hybrid", threshold=0.0, mmr=0.5, filters={"year": {"$gt": 1990}}),
    rerank=RerankSpec(method="late-interaction", model="hash"),
    routing=RoutingSpec(),
)


def test_each_component_is_left_out_once_and_nothing_else_changes():
    found = variants(FULL)
    assert list(found) == [
        "without hyde",
        "without bm25",
        "without dense",
        "without rerank (late-interaction)",
        "without mmr",
        "without threshold",
        "without filters",
        "without routing",
    ]
    assert found["without hyde"].transform.method == "none"
    assert found["without hyde"].search == FULL.search
    assert found["without bm25"].search == FULL.search.model_copy(update={"method": "dense", "threshold": None})
    assert found["without threshold"].search.threshold is None
    assert found["without routing"].routing is None
    assert len({variant.fingerprint for variant in [FULL, *found.values()]}) == 9


PLAIN = TransformSpec()


def _thresholds(search: SearchSpec, transform: TransformSpec = PLAIN, **more) -> dict[str, float | None]:
    spec = RetrievalSpec(embedding=EMBEDDING, search=search, transform=transform, **more)
    return {name.removeprefix("without "): variant.search.threshold for name, variant in variants(spec).items()}


MULTI = TransformSpec(method="multi-query", model=ModelSpec(endpoint="fake"))


@pytest.mark.parametrize("fusion", ["rrf", "weighted"])
def test_a_threshold_for_merged_scores_is_not_applied_to_those_of_one_search(fusion):
    search = SearchSpec(method="hybrid", fusion=fusion, threshold=0.02, mmr=0.5)
    assert _thresholds(search) == {"bm25": None, "dense": None, "mmr": 0.02, "threshold": None}


@pytest.mark.parametrize("method", ["multi-query", "step-back"])
def test_a_threshold_goes_with_several_query_texts_where_their_scores_are_merged(method):
    several = MULTI.model_copy(update={"method": method})
    assert _thresholds(SearchSpec(threshold=0.02), several)[method] is None
    # Reciprocal ranks add up over fewer lists; shares of the best do not.
    assert _thresholds(SearchSpec(method="hybrid", threshold=0.02), several)[method] is None
    weighted = SearchSpec(method="hybrid", fusion="weighted", threshold=0.2)
    assert _thresholds(weighted, several) == {method: 0.2, "bm25": 0.2, "dense": 0.2, "threshold": None}


@pytest.mark.parametrize("method", ["hyde", "decompose"])
def test_a_threshold_on_the_same_scale_stays(method):
    one = MULTI.model_copy(update={"method": method})
    assert _thresholds(SearchSpec(threshold=0.3), one)[method] == 0.3
    rerank = RerankSpec(method="late-interaction", model="hash")
    assert _thresholds(SearchSpec(threshold=0.3), rerank=rerank)["rerank (late-interaction)"] == 0.3


def test_thresholds_of_categories_go_where_their_scores_change():
    routes = {"own": RouteSpec(search=SearchSpec(threshold=0.02)), "none": RouteSpec(top_k=2),
              "plain": RouteSpec(search=SearchSpec(threshold=0.4), transform=TransformSpec())}  # fmt: skip
    spec = RetrievalSpec(embedding=EMBEDDING, transform=MULTI, routing=RoutingSpec(routes=routes))
    found = variants(spec)["without multi-query"]
    assert found.for_category("own").search.threshold is None
    assert found.for_category("plain").search.threshold == 0.4
    assert found.routing.routes["none"] == routes["none"]


def test_a_plain_search_has_nothing_to_leave_out():
    assert variants(RetrievalSpec(embedding=EMBEDDING)) == {}
