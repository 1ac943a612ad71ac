"""One question, one answer."""

import numpy as np
import pytest

from llmopt_core.answering.answer import answer_question
from llmopt_core.answering.fact_check.check import REFUSAL, FactCheckSpec
from llmopt_core.errors import BadInput, EndpointError
from llmopt_core.models.base import Completion, ModelSpec
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import HashEmbedder, ScriptedChat
from llmopt_core.prompts.spec import FewShotSpec, PromptSpec, PromptStep
from llmopt_core.retrieval.result import Retrieval
from llmopt_core.settings import Settings
from llmopt_core.types import Chunk, Example, Hit, Message, Usage

from .grounded import grounded_prompt

CHAT = ModelSpec(endpoint="scripted", mode="chat")
COMPLETION = ModelSpec(endpoint="scripted", mode="completion")
CANAL = Example("1", "When did the canal open?")
TEXTS = ("The canal opened in 1914.", "It is in Panama.")
FOUND = Retrieval(tuple(Hit(Chunk(f"{i}.txt", 0, len(t), t), 1.0) for i, t in enumerate(TEXTS)), (), Usage())
NOTHING = Retrieval((), (), Usage())


@pytest.fixture
def models(tmp_path):
    return Models(Settings(home=tmp_path), endpoints={})


async def ask(models, replies, retrieval=FOUND, prompt=None, model=CHAT, checks=None, on_text=None, **more):
    chat = ScriptedChat(replies)
    models.register("scripted", chat)
    prompt = prompt or grounded_prompt(model.mode)
    return await answer_question(CANAL, retrieval, prompt, model, models, checks, on_text, **more), chat


async def test_a_chat_answer_cites_by_its_marks(models):
    answer, chat = await ask(models, ["In 1914 [1]."])
    assert answer.text == "In 1914 [1]."
    assert answer.citations == (0,)
    assert answer.hits == FOUND.hits
    assert answer.notes == ()
    assert answer.prompt == chat.requests[0].messages
    assert '[2] <passage source="1.txt">\nIt is in Panama.' in answer.prompt[-1].content
    assert answer.usage.calls == 1
    assert answer.finish_reason == "stop"


async def test_a_completion_is_one_text_and_is_cited_by_matching(models):
    answer, chat = await ask(models, [" 1914\n"], model=COMPLETION)
    (message,) = chat.requests[0].messages
    assert message.content.endswith(
        "Passage: The canal opened in 1914.\n\nIt is in Panama.\nQuestion: When did the canal open?\nAnswer:"
    )
    assert "Answer: 15 August 1914\n\nPassage:" in message.content
    assert (answer.text, answer.citations) == ("1914", (0,))
    assert "word for word" in answer.notes[0]


async def test_the_endpoints_mode_counts_where_the_spec_names_none(models):
    answer, _ = await ask(models, ["x"], prompt=PromptSpec(system="S"), model=ModelSpec(endpoint="scripted"))
    assert [m.role for m in answer.prompt] == ["system", "user"]


async def test_streaming_hands_over_pieces(models):
    pieces = []
    answer, _ = await ask(models, ["In 1914 [1]."], on_text=pieces.append)
    assert pieces == ["In ", "1914 ", "[1]."]
    assert "".join(pieces) == answer.text


async def test_a_chain_hands_outputs_on_and_streams_only_the_last(models):
    prompt = PromptSpec(
        template="Facts: {{ facts }}. Plan: {{ plan }}. {{ question }}",
        steps=(
            PromptStep(name="facts", template="List facts of {{ context }}"),
            PromptStep(name="plan", template="Plan with {{ facts }}", extract="PLAN: (?P<answer>.*)"),
        ),
    )
    pieces = []
    answer, chat = await ask(models, ["{{ one }}", "hm PLAN: two", "1914"], prompt=prompt, on_text=pieces.append)
    assert chat.requests[1].messages == (Message("user", "Plan with {{ one }}"),)
    assert answer.prompt[-1].content == "Facts: {{ one }}. Plan: two. When did the canal open?"
    assert answer.steps == (("facts", "{{ one }}"), ("plan", "hm PLAN: two"))
    assert answer.usage.calls == 3
    assert pieces == ["1914"]
    assert answer.hits == FOUND.hits


async def test_a_step_of_a_chain_that_was_cut_is_told(models):
    prompt = PromptSpec(template="{{ facts }} {{ question }}", steps=(PromptStep(name="facts", template="List facts"),))
    answer, _ = await ask(models, [Completion("", finish_reason="length", reasoning="hm"), "1914"], prompt=prompt)
    assert answer.notes[0] == "Step facts: No answer: the model spent its 256 tokens on reasoning; raise max_tokens."


async def test_the_answer_is_taken_out_of_the_reasoning(models):
    prompt = PromptSpec(extract=r"Answer: (?P<answer>.*)")
    answer, _ = await ask(models, ["Let me think. Answer: 1914"], None, prompt)
    assert (answer.text, answer.raw) == ("1914", "Let me think. Answer: 1914")
    answer, _ = await ask(models, ["No idea at all"], None, prompt)
    assert (answer.text, answer.raw) == ("No idea at all", "")
    assert "extraction pattern found no answer" in answer.notes[0]


async def test_a_cut_answer_says_so(models):
    answer, _ = await ask(models, [Completion("In nine", finish_reason="length")], None, PromptSpec())
    assert answer.notes == ("The answer was cut off at the limit of tokens.",)


async def test_passages_that_the_prompt_does_not_show_are_not_counted_as_shown(models):
    answer, _ = await ask(models, ["1914"], FOUND, PromptSpec())
    assert answer.hits == ()
    assert "saw no retrieved passage" in answer.notes[0]


async def test_a_prompt_that_needs_passages_fails_clearly_without_retrieval(models):
    with pytest.raises(BadInput, match="'context' is undefined"):
        await ask(models, ["x"], None)


async def test_a_failing_endpoint_is_not_hidden(models):
    with pytest.raises(EndpointError, match="down"):
        await ask(models, [EndpointError("down")])


async def test_repeats_are_apart(models):
    _, chat = await ask(models, ["x"], repeat=3)
    assert chat.requests[0].repeat == 3


async def test_few_shot_by_embedding_embeds_each_example_once(models):
    embedder = HashEmbedder()
    embedder.name = "hash-for-this-test"
    models.register_embedder("all-MiniLM-L6-v2", embedder)
    shots = FewShotSpec(
        examples=({"question": "bananas yellow", "answer": "b"}, {"question": "When did it open?", "answer": "a"}),
        select="nearest",
        k=1,
    )
    prompt = PromptSpec(few_shot=shots)
    answer, _ = await ask(models, ["x"], None, prompt)
    assert [m.content for m in answer.prompt] == ["When did it open?", "a", CANAL.question]
    await ask(models, ["x"], None, prompt)
    assert sorted(embedder.inputs) == sorted([CANAL.question, "bananas yellow", "When did it open?"])


async def test_few_shot_vectors_can_be_given(models):
    shots = FewShotSpec(examples=({"question": "a", "answer": "1"},), select="diverse", k=1)
    answer, _ = await ask(
        models, ["x"], None, PromptSpec(few_shot=shots), encode=lambda texts: np.ones((len(texts), 2), np.float32)
    )
    assert answer.prompt[0].content == "a"


async def test_the_fact_check_flags_what_no_passage_holds(models):
    answer, _ = await ask(
        models, ["It opened in 1914 [1]. Bananas cost seven dollars."], checks=FactCheckSpec(method="flag")
    )
    assert answer.text.endswith("seven dollars.")
    assert [(c.statement, c.verdict, c.source) for c in answer.claims] == [
        ("It opened in 1914 [1].", True, "[1]"),
        ("Bananas cost seven dollars.", False, "[1]"),
    ]
    assert answer.notes[0].startswith("Not supported by the passages: Bananas cost")
    assert "word comparison v1" in answer.claims[0].reason


async def test_an_llm_judge_revises_and_its_calls_are_counted(models):
    verdicts = '[{"claim": 1, "supported": true, "passage": 1}, {"claim": 2, "supported": false, "passage": null}]'
    checks = FactCheckSpec(method="revise", judge=ModelSpec(endpoint="scripted", name="big"))
    answer, chat = await ask(models, ["In 1914 [1]. By Bob.", f"Sure: {verdicts}", "In 1914 [1]."], checks=checks)
    assert answer.text == "In 1914 [1]."
    assert answer.raw == "In 1914 [1]. By Bob."
    assert answer.usage.calls == 3
    assert "By Bob." in chat.requests[2].messages[0].content
    assert "big on scripted" in answer.claims[0].reason


async def test_nothing_retrieved_is_refused(models):
    answer, _ = await ask(models, ["1914"], NOTHING, checks=FactCheckSpec(refuse_unsupported=True))
    assert answer.text == REFUSAL
    assert answer.raw == "1914"
    assert "nothing was retrieved" in answer.notes[0]


async def test_a_refusal_cites_nothing_and_needs_no_note(models):
    answer, _ = await ask(models, ["I don't know."])
    assert (answer.text, answer.citations, answer.notes) == ("I don't know.", (), ())


async def test_checks_without_retrieval_say_that_they_did_not_run(models):
    answer, _ = await ask(models, ["1914"], None, PromptSpec(), checks=FactCheckSpec(method="flag"))
    assert (answer.text, answer.claims) == ("1914", ())
    assert "needs retrieval" in answer.notes[0]
