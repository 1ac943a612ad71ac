import numpy as np
import pytest

from llmopt_core.models.base import ModelSpec
from llmopt_core.models.scripted import HashEmbedder, ScriptedChat
from llmopt_core.retrieval.analysis.gold_trace import trace_gold
from llmopt_core.retrieval.analysis.inspect import columns, differences, rank_flow, stage_measures
from llmopt_core.retrieval.analysis.projection import principal_plane, project
from llmopt_core.retrieval.spec import RerankSpec, SearchSpec, TransformSpec
from llmopt_core.types import Chunk, Example, Hit, Span, StageTrace

QUESTION = "Who explained the dance of honey bees?"
RERANK = RerankSpec(method="late-interaction", model="hash")


def gold(chunks, words):
    return next(chunk for chunk in chunks if words in chunk.text)


def stage(name, method, *chunks, **more):
    hits = tuple(Hit(chunk, 1.0 / rank) for rank, chunk in enumerate(chunks, start=1))
    return StageTrace(name, method, more.pop("queries", (QUESTION,)), hits, **more)


async def test_columns_are_the_ranking_stages_by_name(retriever):
    retrieval = await retriever(search=SearchSpec(method="hybrid", threshold=-1.0), rerank=RERANK).retrieve(QUESTION)
    names = [column.name for column in columns(retrieval.trace)]
    assert names == ["dense", "bm25", "fusion (rrf)", "filter (threshold)", "late-interaction", "select (top-k)"]


async def test_several_searches_of_one_kind_are_told_apart_by_their_texts(retriever, models):
    models.register("fake", ScriptedChat(["bee dances"]))
    transform = TransformSpec(method="multi-query", model=ModelSpec(endpoint="fake"))
    retrieval = await retriever(transform=transform).retrieve(QUESTION)
    names = [column.name for column in columns(retrieval.trace)]
    assert names == [f"dense: {QUESTION}", "dense: bee dances", "fusion (rrf)", "select (top-k)"]
    measured = stage_measures([(Example("1", QUESTION, references=(Span("bees.txt", 53, 60),)), retrieval.trace)], 3)
    assert list(measured) == ["dense", "fusion (rrf)", "select (top-k)"]


def test_the_flow_of_ranks_follows_every_chunk_and_marks_gold():
    a, b, c = (Chunk(name, 0, 10, name) for name in "abc")
    trace = [stage("search", "dense", a, b, c), stage("rerank", "x", b, a), stage("select", "top-k", b)]
    rows = rank_flow(trace, [Span("a", 5, 6)])
    assert [(row.chunk.document, row.gold) for row in rows] == [("b", False), ("a", True), ("c", False)]
    assert rows[0].ranks == {"dense": 2, "x": 1, "select (top-k)": 1}
    assert rows[2].ranks == {"dense": 3, "x": None, "select (top-k)": None}
    assert rows[1].scores == {"dense": 1.0, "x": 0.5, "select (top-k)": None}


def test_measures_per_stage_have_one_value_per_example():
    a, b = (Chunk(name, 0, 10, name) for name in "ab")
    trace = [stage("search", "dense", a, b), stage("select", "top-k", b)]
    with_gold = Example("1", "q", references=(Span("b", 0, 3),))
    table = stage_measures([(with_gold, trace), (Example("2", "q"), trace)], 2)
    assert table["dense"]["mrr"] == [0.5, None]
    assert table["select (top-k)"]["mrr"] == [1.0, None]
    assert table["dense"]["recall"] == [1.0, None]
    assert stage_measures([], 3) == {}


def test_differences_of_two_retrievals():
    a, b, c = (Hit(Chunk(name, 0, 1, name), 1.0) for name in "abc")
    result = differences([a, b], [c, a])
    assert [(d.chunk.document, d.left, d.right) for d in result] == [("a", 1, 2), ("b", 2, None), ("c", None, 1)]


async def lost(retriever, index, chunk, question=QUESTION, **parts):
    make = retriever(**parts)
    retrieval = await make.retrieve(question)
    where = trace_gold(retrieval.trace, [chunk.span], index, make.spec, HashEmbedder().encode)
    assert where.unindexed_references == ()
    return where.traces[0]


async def test_a_gold_chunk_that_arrives_is_not_lost(retriever, index, chunks):
    trace = await lost(retriever, index, gold(chunks, "Karl"), search=SearchSpec(method="hybrid"))
    assert (trace.loss_stage, trace.why) == ("", "")
    assert trace.ranks["select (top-k)"] == 1


async def test_lost_because_no_search_found_it_with_its_true_rank(retriever, index, chunks):
    search = SearchSpec(method="hybrid", candidates=2)
    trace = await lost(retriever, index, gold(chunks, "Rotterdam"), search=search, top_k=2)
    assert trace.loss_stage == "search"
    assert "among its 2 candidates" in trace.why
    assert "by dense" in trace.why
    assert "no word in common" in trace.why


async def test_lost_because_a_filter_leaves_it_out(retriever, index, chunks):
    search = SearchSpec(filters={"topic": "rhine"})
    trace = await lost(retriever, index, gold(chunks, "Karl"), search=search)
    assert trace.why == "The filter leaves out its document, bees.txt."


async def test_lost_below_the_threshold(retriever, index, chunks):
    chunk = gold(chunks, "hive is led")
    trace = await lost(retriever, index, chunk, search=SearchSpec(threshold=0.9, candidates=9))
    assert trace.loss_stage == "filter (threshold)"
    assert "below the threshold" in trace.why


async def test_lost_because_only_so_many_are_handed_over(retriever, index, chunks):
    trace = await lost(retriever, index, gold(chunks, "hive is led"), search=SearchSpec(candidates=9), top_k=1)
    assert trace.loss_stage == "select (top-k)"
    assert "only 1 chunk is handed over" in trace.why


def test_lost_in_fusion_rerank_and_diversity(index, chunks):
    chunk, other, spec = chunks[0], chunks[4], None
    reasons = {
        "fusion": [
            stage("search", "dense", other, chunk),
            stage("search", "bm25", other),
            stage("fusion", "rrf", other),
        ],
        "rerank": [stage("search", "dense", other, chunk), stage("rerank", "x", other)],
        "mmr": [stage("search", "dense", other, chunk), stage("select", "mmr", other)],
        "pushed": [
            stage("search", "dense", chunk, other),
            stage("rerank", "x", other, chunk),
            stage("select", "top-k", other),
        ],
    }
    why = {name: trace_gold(trace, [chunk.span], index, spec).traces[0].why for name, trace in reasons.items()}
    assert "after fusion not among the 1 candidates" in why["fusion"]
    assert "only the best 1 candidates were reranked" in why["rerank"]
    assert "too like chunks already chosen" in why["mmr"]
    assert why["pushed"].startswith("Rank 2 after x (it was 1 before it)")


def test_references_outside_every_chunk_are_named(index):
    where = trace_gold([], [Span("unknown.txt", 0, 5), Span("bees.txt", 9_000, 9_001)], index, None)
    assert where.traces == ()
    assert [span.document for span in where.unindexed_references] == ["unknown.txt", "bees.txt"]


def test_a_parent_handed_over_stands_for_its_chunk(index, chunks):
    parent = Chunk("bees.txt", 0, 140, "all")
    trace = [stage("search", "dense", chunks[4]), stage("select", "top-k", parent)]
    assert trace_gold(trace, [chunks[4].span], index, None).traces[0].why == ""


def test_the_plane_shows_the_two_widest_directions():
    rng = np.random.default_rng(0)
    spread = rng.normal(size=(200, 5)) * [0.1, 10.0, 0.1, 4.0, 0.1]
    places, shown = principal_plane(spread)
    centred = spread - spread.mean(axis=0)
    assert np.abs(np.corrcoef(places[:, 0], centred[:, 1])[0, 1]) > 0.99
    assert np.abs(np.corrcoef(places[:, 1], centred[:, 3])[0, 1]) > 0.99
    assert 0.99 < shown <= 1.0
    assert np.array_equal(places, principal_plane(spread.copy())[0])


def test_fewer_vectors_than_dimensions_lie_in_the_same_plane():
    few = np.random.default_rng(0).normal(size=(40, 5)) * [0.1, 10.0, 0.1, 4.0, 0.1]
    (places, rows), (wide, wide_shown) = (principal_plane(one) for one in (few, np.hstack([few, np.zeros((40, 60))])))
    assert np.allclose(wide, places)
    assert wide_shown == pytest.approx(rows)


def test_equal_vectors_lie_on_one_spot():
    places, shown = principal_plane(np.ones((3, 4)))
    assert np.allclose(places, 0)
    assert shown == 1.0


async def test_the_map_holds_question_passages_and_chunks(retriever, index, chunks):
    retrieval = await retriever(top_k=2).retrieve(QUESTION)
    encode = HashEmbedder().encode
    passage = "Karl von Frisch explained the dance."
    drawn = project(
        (QUESTION, encode([QUESTION])[0]), [(passage, encode([passage])[0])], retrieval.hits, index, [chunks[4].span]
    )
    assert [point.kind for point in drawn.points[:3]] == ["question", "passage", "chunk"]
    assert len(drawn.points) == 2 + len(chunks)
    assert sorted(point.rank for point in drawn.points if point.rank) == [1, 2]
    assert [point.text for point in drawn.points if point.gold] == [chunks[4].text]
    assert drawn.points[1].x == pytest.approx(
        project((passage, encode([passage])[0]), [(QUESTION, encode([QUESTION])[0])], [], index).points[0].x
    )
