import pytest

from llmopt_core.errors import EndpointError
from llmopt_core.models.base import ModelSpec
from llmopt_core.models.scripted import HashEmbedder, ScriptedChat
from llmopt_core.retrieval.routing import NONE, Router, confusion, find_category
from llmopt_core.retrieval.spec import LabelledQuestion, RouteSpec, RoutingSpec, SearchSpec

MODEL = ModelSpec(endpoint="fake")
ROUTES = {"words": RouteSpec(search=SearchSpec(method="bm25"), top_k=1), "meaning": RouteSpec(top_k=2)}
EXAMPLES = (
    LabelledQuestion(question="Which code has part 17?", category="words"),
    LabelledQuestion(question="Why do bees dance?", category="meaning"),
)


def methods(found):
    return [stage.method for stage in found.trace if stage.stage == "search"]


async def test_a_given_category_takes_its_settings(retriever):
    make = retriever(routing=RoutingSpec(routes=ROUTES), top_k=3)
    words = await make.retrieve("Where do bees dance?", "words")
    meaning = await make.retrieve("Where do bees dance?", "meaning")
    other = await make.retrieve("Where do bees dance?", "other")
    without = await make.retrieve("Where do bees dance?")
    assert (methods(words), len(words.hits), words.category) == (["bm25"], 1, "words")
    assert (methods(meaning), len(meaning.hits), meaning.category) == (["dense"], 2, "meaning")
    assert (methods(other), len(other.hits), other.category) == (["dense"], 3, "other")
    assert (methods(without), len(without.hits), without.category) == (["dense"], 3, None)
    assert words.trace[0].stage == "route"
    assert words.trace[0].queries == ("words",)


async def test_many_questions_take_different_ways_at_once(retriever):
    make = retriever(routing=RoutingSpec(routes=ROUTES))
    result = await make.retrieve_many(["bees", "bees"], ["words", "meaning"])
    assert [methods(one) for one in result] == [["bm25"], ["dense"]]


async def test_the_nearest_example_names_the_category(retriever):
    make = retriever(routing=RoutingSpec(method="nearest", routes=ROUTES, examples=EXAMPLES))
    assert (await make.retrieve("Why do honey bees dance?")).category == "meaning"
    assert (await make.retrieve("Which code has part 99?")).category == "words"


async def test_measured_on_its_own_examples_a_question_is_not_its_own_neighbour(models):
    router = Router(RoutingSpec(method="nearest", routes=ROUTES, examples=EXAMPLES), models, HashEmbedder().encode)
    questions = [example.question for example in EXAMPLES]
    assert [r.category for r in await router.route(questions, [None, None])] == ["words", "meaning"]
    assert [r.category for r in await router.route(questions, [None, None], leave_out=True)] == ["meaning", "words"]


async def test_a_model_names_the_category(retriever, models):
    chat = ScriptedChat(["Category: Words."])
    models.register("fake", chat)
    routing = RoutingSpec(method="llm", routes=ROUTES, examples=EXAMPLES, model=MODEL)
    retrieval = await retriever(routing=routing).retrieve("Where is part 17?")
    assert retrieval.category == "words"
    assert retrieval.usage.calls == 1
    prompt = chat.requests[0].messages[0].content
    assert "meaning, words" in prompt
    assert "Why do bees dance?" in prompt


@pytest.mark.parametrize("reply", [EndpointError("fake is down", "unreachable"), "No idea."])
async def test_a_model_that_fails_leaves_the_general_settings_with_a_warning(retriever, models, reply):
    models.register("fake", ScriptedChat([reply]))
    retrieval = await retriever(routing=RoutingSpec(method="llm", routes=ROUTES, model=MODEL)).retrieve(
        "Where do bees dance?"
    )
    assert (retrieval.category, len(retrieval.hits), methods(retrieval)) == (None, 3, ["dense"])
    assert "general settings are used" in retrieval.warnings[0]


async def test_an_embedder_that_fails_leaves_the_general_settings_with_a_warning(retriever, models):
    class Down(HashEmbedder):
        def encode(self, texts):
            raise EndpointError("down", "unreachable")

    routing = RoutingSpec(method="nearest", routes=ROUTES, examples=EXAMPLES)
    make = retriever(routing=routing, search=SearchSpec(method="bm25"))
    models.register_embedder("hash", Down())
    retrieval = await make.retrieve("Where do bees dance?")
    assert retrieval.category is None
    assert "general settings are used" in retrieval.warnings[0]


@pytest.mark.parametrize(
    ("said", "category"),
    [
        ("legal", "legal"),
        (" Legal.\n", "legal"),
        ("It is about legal, not health", "legal"),
        ("health insurance", "health insurance"),
        ("nothing", None),
        ("", None),
    ],
)
def test_a_category_is_read_from_what_the_model_wrote(said, category):
    assert find_category(said, ["health", "health insurance", "legal"]) == category


@pytest.mark.parametrize(
    ("said", "category"),
    [
        ("It has flaws", None),
        ("Flaws of the law", "law"),
        ("a party with art", "art"),
        ("the C++ standard", "C++"),
        ("lawsuit", None),
        ("类别是法律问题", "法律"),
        ("category:law\n\nQuestion", "law"),
    ],
)
def test_a_category_is_not_read_inside_of_words(said, category):
    assert find_category(said, ["law", "art", "C++", "法律"]) == category


def test_confusion_counts_every_pair():
    table = confusion(["a", "a", "b", "b", None], ["a", "b", "b", None, None])
    assert table.labels == ("a", "b", NONE)
    assert table.counts == ((1, 1, 0), (0, 1, 1), (0, 0, 1))
    assert table.accuracy == pytest.approx(3 / 5)
    assert confusion([], []).accuracy == 0.0


def test_routing_by_example_needs_examples():
    with pytest.raises(ValueError, match="labelled examples"):
        RoutingSpec(method="nearest", routes=ROUTES)
