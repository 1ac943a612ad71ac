from llmopt_core.models.base import ModelSpec
from llmopt_core.retrieval.ablation import variants
from llmopt_core.retrieval.spec import RerankSpec, RetrievalSpec, RoutingSpec, SearchSpec, TransformSpec

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
    assert found["without bm25"].search == FULL.search.model_copy(update={"method": "dense"})
    assert found["without threshold"].search.threshold is None
    assert found["without routing"].routing is None
    assert len({variant.fingerprint for variant in [FULL, *found.values()]}) == 9


def test_a_plain_search_has_nothing_to_leave_out():
    assert variants(RetrievalSpec(embedding=EMBEDDING)) == {}
