import pytest

from llmopt_core.errors import BadInput, EndpointError
from llmopt_core.index.build import build_index
from llmopt_core.models.scripted import HashEmbedder
from llmopt_core.retrieval.retrieve import Retriever
from llmopt_core.retrieval.spec import RerankSpec, RetrievalSpec, SearchSpec
from llmopt_core.types import Chunk, Document, Span

from .conftest import EMBEDDING

QUESTION = "Who explained the dance of honey bees?"


def stages(retrieval):
    return [(stage.stage, stage.method) for stage in retrieval.trace]


def texts(hits):
    return [hit.chunk.text for hit in hits]


def trace(retrieval, stage, method=None):
    return next(one for one in retrieval.trace if one.stage == stage and method in (None, one.method))


@pytest.mark.parametrize("method", ["dense", "bm25", "hybrid"])
async def test_the_right_chunk_comes_first(retriever, method):
    retrieval = await retriever(search=SearchSpec(method=method)).retrieve(QUESTION)
    assert retrieval.hits[0].chunk.text.startswith("Karl von Frisch")
    assert 2 <= len(retrieval.hits) <= 3


async def test_the_trace_shows_every_stage_in_order(retriever):
    spec = SearchSpec(method="hybrid", candidates=4, threshold=0.0, mmr=0.7)
    rerank = RerankSpec(method="late-interaction", model="hash")
    retrieval = await retriever(search=spec, rerank=rerank, top_k=2).retrieve(QUESTION)
    assert stages(retrieval) == [
        ("transform", "none"),
        ("embed", "hash"),
        ("search", "dense"),
        ("search", "bm25"),
        ("fusion", "rrf"),
        ("filter", "threshold"),
        ("rerank", "late-interaction"),
        ("select", "mmr"),
    ]
    fusion, rerank = trace(retrieval, "fusion"), trace(retrieval, "rerank")
    assert len(trace(retrieval, "search", "dense").hits) == 4
    assert trace(retrieval, "search", "dense").received == 9
    assert fusion.received >= len(fusion.hits) == rerank.received == 4
    assert trace(retrieval, "select").hits == retrieval.hits
    assert all(stage.seconds >= 0 and not stage.warning for stage in retrieval.trace)
    assert retrieval.usage.calls == 0


async def test_many_questions_are_embedded_together_and_answered_alike(retriever, models):
    questions = [QUESTION, "Where does the Rhine begin?", "诺曼人的名字"]
    many = retriever(search=SearchSpec(method="hybrid"))
    calls = []
    embedder = models.embedder(EMBEDDING)
    encode = embedder.encode
    embedder.encode = lambda batch: calls.append(list(batch)) or encode(batch)
    together = await many.retrieve_many(questions)
    assert [sorted(batch) for batch in calls] == [sorted(questions)]
    assert [one.hits for one in together] == [(await many.retrieve(question)).hits for question in questions]


async def test_no_questions_give_no_results(retriever):
    assert await retriever().retrieve_many([]) == []


async def test_filters_hold_for_all_searches(retriever):
    spec = SearchSpec(method="hybrid", filters={"topic": {"$in": ["bees", "rhine"]}, "year": {"$lt": 2002}})
    retrieval = await retriever(search=spec, top_k=10).retrieve("the Normans in France")
    assert {hit.chunk.document for hit in retrieval.hits} == {"bees.txt"}
    with pytest.raises(BadInput, match="topic"):
        await retriever(search=SearchSpec(filters={"tpoic": "bees"})).retrieve(QUESTION)


async def test_a_threshold_may_leave_nothing(retriever):
    retrieval = await retriever(search=SearchSpec(threshold=0.99)).retrieve(QUESTION)
    assert retrieval.hits == ()
    assert trace(retrieval, "filter").received == 9


async def test_weighted_fusion_scores_every_candidate_in_both_ways(retriever):
    """A chunk that only one search has among its candidates still gets its score from the other."""
    one = SearchSpec(method="hybrid", fusion="weighted", candidates=1, weight=0.5)
    question = "dance dance dance Rhine"
    retrieval = await retriever(search=one).retrieve(question)
    wide = await retriever(search=one.model_copy(update={"candidates": 9})).retrieve(question)
    best = retrieval.hits[0]
    assert best.score == pytest.approx(next(hit.score for hit in wide.hits if hit.chunk == best.chunk), abs=1e-5)


async def test_only_reranked_candidates_go_on(retriever):
    rerank = RerankSpec(method="late-interaction", model="hash", candidates=2)
    retrieval = await retriever(search=SearchSpec(candidates=9), rerank=rerank, top_k=5).retrieve(QUESTION)
    assert len(retrieval.hits) == 2
    assert trace(retrieval, "rerank").received == 9


async def test_chunks_are_replaced_by_their_parents_once(documents, models, cache):
    document = documents[1]
    whole = Span(document.name, 0, len(document.text))
    first, second = (document.text.index(word) for word in ("Honey", "Karl"))
    children = [
        Chunk(document.name, first, second - 1, document.text[first : second - 1], parent=whole),
        Chunk(document.name, second, whole.end, document.text[second : whole.end], parent=whole),
    ]
    embedder = models.embedder(EMBEDDING)
    index = build_index(children, EMBEDDING, embedder, models.settings, cache, documents=documents)
    retrieval = await Retriever(RetrievalSpec(embedding=EMBEDDING), index, models, cache).retrieve(QUESTION)
    assert texts(retrieval.hits) == [document.text]
    assert len(trace(retrieval, "search").hits) == 2
    unknown = build_index(children, EMBEDDING, embedder, models.settings, cache, documents=[Document("other", "")])
    retrieval = await Retriever(RetrievalSpec(embedding=EMBEDDING), unknown, models, cache).retrieve(QUESTION)
    assert len(retrieval.hits) == 2
    assert "text around them" in retrieval.warnings[0]


@pytest.mark.parametrize("method", ["dense", "hybrid"])
async def test_a_question_that_cannot_be_embedded_is_searched_by_its_words_with_a_warning(retriever, models, method):
    class Down(HashEmbedder):
        def encode(self, texts):
            raise EndpointError("no answer from x", "unreachable")

    make = retriever(search=SearchSpec(method=method))
    models.register_embedder("hash", Down())
    retrieval = await make.retrieve(QUESTION)
    assert retrieval.hits[0].chunk.text.startswith("Karl von Frisch")
    assert "no answer from x" in retrieval.warnings[0]
    assert "words are searched instead" in retrieval.warnings[0]
    assert ("search", "bm25") in stages(retrieval)
    assert ("search", "dense") not in stages(retrieval)


@pytest.mark.parametrize(
    "search", [{"method": "dense", "threshold": 99.0}, {"method": "hybrid", "threshold": 99.0}], ids=["dense", "hybrid"]
)
async def test_a_threshold_is_not_applied_to_scores_of_words_that_take_the_place_of_others(retriever, models, search):
    class Down(HashEmbedder):
        def encode(self, texts):
            raise EndpointError("no answer from x", "unreachable")

    make = retriever(search=SearchSpec(**search))
    assert (await make.retrieve(QUESTION)).hits == ()
    models.register_embedder("hash", Down())
    retrieval = await make.retrieve(QUESTION + "?")
    assert retrieval.hits[0].chunk.text.startswith("Karl von Frisch")
    assert any("threshold was not applied" in warning for warning in retrieval.warnings)


async def test_words_need_no_embedding(retriever, models):
    make = retriever(search=SearchSpec(method="bm25"))
    models.register_embedder("hash", None)
    assert (await make.retrieve(QUESTION)).warnings == ()


async def test_a_question_without_any_known_word_finds_nothing_by_words(retriever):
    spec = {"search": SearchSpec(method="bm25"), "rerank": RerankSpec(method="late-interaction", model="hash")}
    retrieval = await retriever(**spec).retrieve("xyzzy")
    assert retrieval.hits == ()
    assert retrieval.trace[-1].stage == "select"


async def test_more_may_be_handed_over_than_candidates_were_asked_for(retriever):
    retrieval = await retriever(search=SearchSpec(candidates=2), top_k=5).retrieve(QUESTION)
    assert len(retrieval.hits) == 5


async def test_an_index_of_another_model_is_refused(retriever, models):
    make = retriever()
    models.register_embedder("hash", HashEmbedder(32))
    with pytest.raises(BadInput, match="built with the embedding model hash-64"):
        await make.retrieve(QUESTION)


def test_wrong_settings_are_refused():
    for wrong in (
        lambda: SearchSpec(method="sparse"),
        lambda: SearchSpec(candidates=0),
        lambda: SearchSpec(mmr=1.5),
        lambda: RerankSpec(method="cross-encoder"),
        lambda: RetrievalSpec(top_k=0),
        lambda: RetrievalSpec.model_validate({"serach": {}}),
    ):
        with pytest.raises(ValueError):
            wrong()
