"""Training pairs from a configuration, and the four arms base/tuned x plain/RAG."""

from __future__ import annotations

import pytest

from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.errors import BadInput
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.labs.finetuning.training_pairs import ARMS, training_pairs, two_by_two, with_tuned_model
from llmopt_core.models.base import ModelSpec
from llmopt_core.models.registry import Models
from llmopt_core.prompts.spec import FewShotSpec, PromptSpec
from llmopt_core.retrieval.spec import RetrievalSpec, SearchSpec
from llmopt_core.settings import Settings
from llmopt_core.types import Document, Example, Span

SHOTS = FewShotSpec(examples=({"question": "shown", "answer": "before", "context": "c"},), select="all")
PLAIN = Configuration(name="plain", prompt=PromptSpec(template="Q: {{ question }}\nA:", few_shot=SHOTS))
RAG = Configuration(
    name="rag",
    prompt=PromptSpec(template="{{ context }}\nQ: {{ question }}\nA:", few_shot=SHOTS),
    retrieval=RetrievalSpec(
        chunking=ChunkingSpec(method="fixed", size=60, unit="characters"), search=SearchSpec(method="bm25"), top_k=1
    ),
)
DOCUMENTS = [
    Document("birds.txt", "The heron waits in the reeds at dawn for a fish to pass."),
    Document("boats.txt", "The ferry leaves the harbour every hour until ten at night."),
]
EXAMPLES = [
    Example("1", "Where does the heron wait?", "in the reeds", (Span("birds.txt", 16, 28),), category="where"),
    Example("2", "When does the last ferry leave?", "ten at night", (Span("boats.txt", 46, 58),)),
    Example("3", "No answer known?"),
]


async def test_pairs_hold_the_prompt_as_it_will_be_asked_without_few_shot(settings: Settings) -> None:
    async with Models(settings) as models:
        pairs = await training_pairs(RAG, DOCUMENTS, EXAMPLES, models)
    assert [e.question for e in pairs.examples] == [
        f"{DOCUMENTS[0].text}\nQ: Where does the heron wait?\nA:",
        f"{DOCUMENTS[1].text}\nQ: When does the last ferry leave?\nA:",
    ]
    assert [e.answer for e in pairs.examples] == ["in the reeds", "ten at night"]
    assert [(e.group, e.label) for e in pairs.examples] == [("birds.txt", "where"), ("boats.txt", "")]


async def test_pairs_without_retrieval_and_without_references(settings: Settings) -> None:
    async with Models(settings) as models:
        pairs = await training_pairs(PLAIN, [], EXAMPLES[:1], models)
        assert pairs.examples[0].question == "Q: Where does the heron wait?\nA:"
        with pytest.raises(BadInput, match="reference"):
            await training_pairs(PLAIN, [], EXAMPLES[2:], models)


def test_a_check_of_forgetting_changes_the_model_alone() -> None:
    variant = with_tuned_model(RAG, ModelSpec(adapter="mine", mode="chat", max_tokens=7))
    assert (variant.model.adapter, variant.model.mode, variant.model.max_tokens) == ("mine", "chat", 256)
    assert variant.model_copy(update={"model": RAG.model}) == RAG


def test_four_corners() -> None:
    tuned = ModelSpec(adapter="mine", mode="completion")
    arms = two_by_two(PLAIN, RAG, tuned)
    assert tuple(c.name for c in arms) == ARMS
    assert [c.model.adapter for c in arms] == ["", "", "mine", "mine"]
    assert [c.retrieval is not None for c in arms] == [False, True, False, True]
    assert [c.prompt.few_shot is not None for c in arms] == [True, True, False, False]
    with pytest.raises(BadInput, match="without retrieval"):
        two_by_two(RAG, PLAIN, tuned)
