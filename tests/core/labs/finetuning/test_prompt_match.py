"""Which configuration asks as the training examples did, and on which questions a tuned model is measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.finetuning.data.examples import TrainingExample, TrainingSet, chat_example
from llmopt_core.finetuning.jobs.job import JobRequest
from llmopt_core.finetuning.jobs.new_folder import new_folder
from llmopt_core.labs.finetuning.prompt_match import (
    examples_of_job,
    find_matching_configuration,
    has_instructions,
    questions_for,
)
from llmopt_core.models.base import ModelSpec
from llmopt_core.prompts.spec import FewShotSpec, PromptSpec
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import EvaluationSet, Example

SHOTS = FewShotSpec(examples=({"question": "q", "context": "c", "answer": "a"},))
COMPLETION = ModelSpec(mode="completion")


def configuration(name: str, system: str, template: str, *, rag: bool = False) -> Configuration:
    prompt = PromptSpec(system=system, template=template, few_shot=SHOTS)
    return Configuration(name=name, model=COMPLETION, prompt=prompt, retrieval=RetrievalSpec() if rag else None)


BARE = configuration("bare", "", "{{ question }}")
PLAIN = configuration("plain", "Be brief.", "Question: {{ question }}\nAnswer:")
RAG = configuration("rag", "Copy.", "Passage: {{ context }}\nQuestion: {{ question }}\nAnswer:", rag=True)
OTHER = configuration("other", "Copy.", "Passage: {{ context }}\nQ: {{ question }}\nAnswer:", rag=True)
READING = [chat_example(f"Copy.\n\nPassage: text {i}\nQuestion: what {i}?\nAnswer:", f"a{i}") for i in range(30)]
STRUCTURED = [chat_example(f"play song {i}", f'{{"intent": "Play", "slots": {{"n": "{i}"}}}}') for i in range(3)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(Settings(home=tmp_path))
    opened.ensure_project("p")
    yield opened
    opened.close()


def test_the_configuration_that_made_the_examples_is_found_again() -> None:
    assert find_matching_configuration([BARE, PLAIN, OTHER, RAG], READING) == "rag"
    assert find_matching_configuration([BARE, PLAIN, OTHER], READING) == ""
    assert (
        find_matching_configuration([BARE, PLAIN], [chat_example("Be brief.\n\nQuestion: why?\nAnswer:", "so")])
        == "plain"
    )
    assert find_matching_configuration([RAG], []) == ""


def test_conversations_are_compared_message_by_message() -> None:
    chat = RAG.model_copy(update={"name": "chat", "model": ModelSpec(mode="chat")})
    text = "Passage: text\nQuestion: why?\nAnswer:"
    assert find_matching_configuration([RAG, chat], [chat_example(text, "so", system="Copy.")]) == "chat"
    assert find_matching_configuration([RAG, chat], [chat_example(text, "so", system="Invent.")]) == ""


def test_a_prompt_that_needs_more_than_question_and_context_is_passed_over() -> None:
    assert (
        find_matching_configuration([configuration("dated", "", "{{ today }} {{ question }}"), RAG], READING) == "rag"
    )


def test_examples_that_hold_a_passage_are_more_than_questions() -> None:
    long = [chat_example(f"Passage: {'text ' * 50}\nQuestion: what {i}?", "a") for i in range(3)]
    assert has_instructions(long)
    assert not has_instructions(STRUCTURED)


def test_what_a_job_learned_from_is_read_from_its_folder(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    folder = new_folder(settings, JobRequest(name="mine"), "lora", TrainingSet("t", tuple(READING)), None)
    assert [e.question for e in examples_of_job(settings, folder.id, 2)] == [e.question for e in READING[:2]]
    assert len(examples_of_job(settings, folder.id)) == 30
    with pytest.raises(BadInput):
        examples_of_job(settings, "20200101-000000-1234567")


def test_questions_are_of_the_kind_that_was_learned(store: Store) -> None:
    def saved(name: str, reference: str) -> None:
        store.save_evaluation_set("p", EvaluationSet(name, (Example("q", f"{name}?", reference),)))

    saved("general-questions", "a")
    assert questions_for(store, "p", READING) == ""
    saved("harbour", "a")
    saved("intents", '{"intent": "Play", "slots": {}}')
    saved("tax", "a")
    kinds: list[tuple[list[TrainingExample], str]] = [(READING, "tax"), (STRUCTURED, "intents")]
    for examples, expected in kinds:
        assert questions_for(store, "p", examples, "general-questions") == expected
    assert questions_for(store, "p", READING, "harbour") == "harbour"
    assert questions_for(store, "p", STRUCTURED, "tax") == "intents"
    store.start_run("p", {}, "f", evaluation_set="harbour", set_version="1", judge="", metrics=(), total=1)
    assert questions_for(store, "p", READING) == "harbour"
