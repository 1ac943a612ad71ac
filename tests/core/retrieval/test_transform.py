import numpy as np
import pytest

from llmopt_core.errors import BadInput, EndpointError
from llmopt_core.index.exact import unit
from llmopt_core.models.base import Completion, ModelSpec
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.retrieval.spec import SearchSpec, TransformSpec
from llmopt_core.retrieval.transform import transform

from .conftest import EMBEDDING

QUESTION = "Who explained how hive insects talk?"
MODEL = ModelSpec(endpoint="fake", name="writer")


@pytest.fixture
def script(models):
    def register(*replies):
        chat = ScriptedChat(list(replies), cost_usd=0.01)
        models.register("fake", chat)
        return chat

    return register


def spec(method, **more):
    return TransformSpec(method=method, model=MODEL, **more)


async def test_hyde_searches_with_the_mean_of_question_and_passages(retriever, script, models):
    passages = ["Karl von Frisch explained the dance.", "The dance was explained by a scientist."]
    chat = script(*passages)
    retrieval = await retriever(transform=spec("hyde", n=2)).retrieve(QUESTION)
    vectors = models.embedder(EMBEDDING).encode([QUESTION, *passages])
    mean = unit(vectors.mean(axis=0)[None])[0]
    expected = models.embedder(EMBEDDING).encode([hit.chunk.text for hit in retrieval.hits]) @ mean
    assert [hit.score for hit in retrieval.hits] == pytest.approx(expected.tolist(), abs=1e-5)
    assert retrieval.hits[0].chunk.text.startswith("Karl von Frisch")
    transformed, embedded, dense = retrieval.trace[:3]
    assert transformed.queries == tuple(passages)
    assert embedded.queries == dense.queries == (QUESTION, *passages)
    assert transformed.usage.calls == 2
    assert retrieval.usage.cost_usd == pytest.approx(0.02)
    assert QUESTION in chat.requests[0].messages[0].content


async def test_hyde_passages_are_asked_for_apart_so_that_they_differ(retriever, script):
    chat = script("one", "two", "three")
    await retriever(transform=spec("hyde", n=3)).retrieve(QUESTION)
    assert {request.repeat for request in chat.requests} == {0, 1, 2}
    assert len({request.model.seed for request in chat.requests}) == 3
    assert all(request.model.temperature > 0 for request in chat.requests)


async def test_hyde_looks_words_up_for_the_question_alone(retriever, script):
    script("Rotterdam Rotterdam Rotterdam")
    retrieval = await retriever(transform=spec("hyde", n=1), search=SearchSpec(method="bm25")).retrieve("hive")
    assert all("hive" in hit.chunk.text for hit in retrieval.hits)


async def test_other_wordings_are_searched_beside_the_question_and_fused(retriever, script):
    script('1. Who described the dance of bees?\n2) "What did Karl von Frisch explain?"\n\n- Bees: dance?\n4. too many')
    retrieval = await retriever(transform=spec("multi-query", n=3), search=SearchSpec(method="hybrid")).retrieve(
        QUESTION
    )
    wordings = ("Who described the dance of bees?", "What did Karl von Frisch explain?", "Bees: dance?")
    assert retrieval.trace[0].queries == wordings
    searched = [stage.queries for stage in retrieval.trace if stage.stage == "search"]
    assert searched == [(text,) for text in (QUESTION, *wordings) for _ in range(2)]
    assert [stage.method for stage in retrieval.trace if stage.stage == "fusion"] == ["rrf"]
    assert retrieval.hits[0].chunk.text.startswith("Karl von Frisch")


async def test_parts_are_searched_apart_and_merged_by_turns(retriever, script):
    script("Where does the Rhine begin?\nBy whom is the hive led?")
    retrieval = await retriever(transform=spec("decompose"), top_k=2).retrieve(
        "Where does the Rhine begin and by whom is the hive led?"
    )
    assert [hit.chunk.text for hit in retrieval.hits] == [
        "The Rhine begins in the Swiss Alps.",
        "The hive is led by one queen.",
    ]
    assert [stage.method for stage in retrieval.trace if stage.stage == "fusion"] == ["turns"]


async def test_stepping_back_adds_one_broader_question(retriever, script):
    script("What is known about bees?\nWhat else?")
    retrieval = await retriever(transform=spec("step-back", n=5)).retrieve(QUESTION)
    assert retrieval.trace[0].queries == ("What is known about bees?",)
    assert [stage.queries for stage in retrieval.trace if stage.stage == "search"] == [
        (QUESTION,),
        ("What is known about bees?",),
    ]


@pytest.mark.parametrize("method", ["hyde", "multi-query", "decompose", "step-back"])
@pytest.mark.parametrize("reply", [EndpointError("fake is down", "unreachable"), " \n ", ""])
async def test_a_failing_model_leaves_the_question_itself_with_a_warning(retriever, script, method, reply):
    script(*[reply] * 3)
    plain = await retriever().retrieve(QUESTION)
    retrieval = await retriever(transform=spec(method)).retrieve(QUESTION)
    assert retrieval.hits == plain.hits
    assert "The question itself is searched." in retrieval.warnings[0]
    assert retrieval.trace[0].method == method
    if isinstance(reply, EndpointError):
        assert "fake is down" in retrieval.warnings[0]


async def test_a_model_that_spends_its_tokens_on_reasoning_is_told(retriever, script):
    script(Completion("", finish_reason="length", reasoning="hm"))
    retrieval = await retriever(transform=spec("multi-query")).retrieve(QUESTION)
    assert retrieval.warnings[0] == (
        "multi-query: No answer: the model spent its 256 tokens on reasoning; raise max_tokens. "
        "The question itself is searched."
    )


async def test_passages_that_fail_are_left_out_with_a_warning(retriever, script):
    script("Karl von Frisch", EndpointError("too many requests", "rate-limited"), "Karl von Frisch again")
    retrieval = await retriever(transform=spec("hyde", n=3)).retrieve(QUESTION)
    assert retrieval.trace[0].queries == ("Karl von Frisch", "Karl von Frisch again")
    assert retrieval.warnings == ("1 of 3 passages failed: too many requests",)


async def test_texts_by_hand_take_the_place_of_the_models(retriever, script):
    chat = script()
    retrieval = await retriever(transform=spec("hyde")).retrieve(QUESTION, texts=["Karl von Frisch", " "])
    assert chat.requests == []
    assert retrieval.trace[0].queries == ("Karl von Frisch",)
    assert retrieval.warnings == ()
    assert retrieval.hits[0].chunk.text.startswith("Karl von Frisch")


async def test_the_same_question_again_costs_nothing(retriever, script):
    script("a passage")
    make = retriever(transform=spec("hyde", n=1))
    first, second = await make.retrieve(QUESTION), await make.retrieve(QUESTION)
    assert first.hits == second.hits
    assert (first.usage.calls, second.usage.calls, second.usage.cached_calls) == (1, 0, 1)
    assert second.usage.original == first.usage


async def test_a_prompt_of_ones_own_is_used_and_a_wrong_one_named(models, script):
    chat = script("a")
    await transform(QUESTION, spec("hyde", n=1, prompt="Dear model: {{ question }} ({{ n }})"), models)
    assert chat.requests[0].messages[0].content == f"Dear model: {QUESTION} (1)"
    with pytest.raises(BadInput, match="nonsense"):
        await transform(QUESTION, spec("hyde", prompt="{{ nonsense }}"), models)


@pytest.mark.parametrize(("mode", "ends"), [("chat", ()), ("completion", ("\n",))])
async def test_models_that_complete_get_examples_and_an_end(models, script, mode, ends):
    chat = script("a")
    model = MODEL.model_copy(update={"mode": mode})
    await transform(QUESTION, TransformSpec(method="hyde", n=1, model=model), models)
    request = chat.requests[0]
    assert request.model.stop == ends
    assert ("Eiffel Tower" in request.messages[0].content) == (mode == "completion")


async def test_a_question_that_looks_like_a_template_stays_text(models, script):
    chat = script("a")
    await transform("{{ 7 * 7 }}", spec("hyde", n=1), models)
    assert "{{ 7 * 7 }}" in chat.requests[0].messages[0].content


async def test_an_unknown_endpoint_is_named(retriever):
    lost = TransformSpec(method="hyde", model=ModelSpec(endpoint="nowhere"))
    with pytest.raises(BadInput, match="nowhere"):
        await retriever(transform=lost).retrieve(QUESTION)


def test_mean_of_unit_vectors_is_a_unit_vector():
    vectors = unit(np.array([[3.0, 4.0], [0.0, 0.0]], dtype=np.float32))
    assert np.linalg.norm(vectors, axis=1).tolist() == [1.0, 0.0]
