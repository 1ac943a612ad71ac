import pytest

from llmopt_core.models.base import ModelSpec
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.retrieval.ablation import measure, variants
from llmopt_core.retrieval.spec import RerankSpec, RetrievalSpec, RoutingSpec, SearchSpec, TransformSpec
from llmopt_core.types import Example, Span

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


async def test_measures_stand_beside_what_they_cost(index, models, cache):
    models.register("fake", ScriptedChat(lambda request: "Karl von Frisch", cost_usd=0.5))
    examples = [
        Example("1", "Who explained the dance of the bees?", references=(Span("bees.txt", 53, 60),)),
        Example("2", "Where does the Rhine begin?"),
    ]
    full = await measure(FULL, examples, index, models)
    assert full.measures["mrr"] == [pytest.approx(1.0), None]
    assert [retrieval.usage.cost_usd for retrieval in full.retrievals] == [0.5, 0.5]
    without = await measure(variants(FULL)["without hyde"], examples, index, models)
    assert [retrieval.usage.calls for retrieval in without.retrievals] == [0, 0]


async def test_more_chunks_than_are_handed_over_may_count(index, models, cache):
    spec = RetrievalSpec(embedding=EMBEDDING, top_k=1)
    example = Example("1", "Who leads the hive?", references=(Span("bees.txt", 0, 140),))
    found = await measure(spec, [example], index, models, k=3)
    assert len(found.retrievals[0].hits) == 3
