"""What is embedded can be a summary or questions that a model writes, once per chunk ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from llmopt_core.errors import EndpointError
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.estimate import estimate
from llmopt_core.experiments.experiment import run_experiment
from llmopt_core.models.base import ChatRequest, Completion, EmbeddingSpec, ModelSpec
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.retrieval.embedded_texts import write_texts
from llmopt_core.types import Chunk

Write = Callable[..., Any]


def chunks(*texts: str) -> list[Chunk]:
    return [Chunk("d", i * 100, i * 100 + len(text), text, "Town > Harbour") for i, text in enumerate(texts)]


def summary(request: ChatRequest) -> str:
    return "About " + request.messages[-1].content.rsplit("Passage:\n", 1)[-1].split()[0] + ".\nMore."


@pytest.fixture
def write(lab: Any) -> Write:
    """Write for chunks by a script; gives the result."""

    def start(found: list[Chunk], chat: ScriptedChat, of: str = "summary", **options: Any) -> Any:
        async def work() -> Any:
            models = lab.models()
            models.register("writer", chat)
            spec = EmbeddingSpec(of=of, writer=ModelSpec(endpoint="writer"))
            return await write_texts(found, spec, models, **options)

        return asyncio.run(work())

    return start


def test_each_distinct_chunk_is_asked_for_once_ever(write: Write) -> None:
    chat = ScriptedChat(summary)
    found = chunks("harbour one", "snow two", "harbour one")
    first = write(found, chat)
    assert first.texts == ("About harbour. More.", "About snow. More.", "About harbour. More.")
    assert (first.fallen_back, first.warning, first.usage.calls) == (0, "", 2)
    assert "Town > Harbour" in chat.requests[0].messages[0].content
    again = write(found, chat)
    assert again.texts == first.texts
    assert len(chat.requests) == 2


def test_questions_are_bare_distinct_lines_and_rubbish_falls_back(write: Write) -> None:
    replies = ["1. When was it built?\n2. When was it built?\n- Where?\nI hope this helps!", "I cannot do that."]
    result = write(chunks("harbour", "snow"), ScriptedChat(list(replies)), of="questions")
    assert result.texts == ("When was it built?\nWhere?", "snow")
    assert result.fallen_back == 1
    assert "1 of 2 chunks: no questions written" in result.warning


def test_a_repeated_worked_example_is_no_question_about_the_chunk(lab: Any) -> None:
    copied = "When was the Eiffel Tower built?\nWhere is the harbour?\nWhere does the Eiffel Tower stand?"

    async def work() -> Any:
        models = lab.models()
        models.register("builtin", ScriptedChat([copied, "When was the Eiffel Tower built?"]))
        found = chunks("harbour", "snow")
        return await write_texts(found, EmbeddingSpec(of="questions"), models)

    result = asyncio.run(work())
    assert result.texts == ("Where is the harbour?", "snow")
    assert result.fallen_back == 1


def test_a_chunk_whose_call_fails_keeps_its_text_and_is_asked_again_later(write: Write) -> None:
    failing = ScriptedChat(["A summary.", EndpointError("The endpoint is busy.", kind="busy")])
    found = chunks("one", "two")
    result = write(found, failing)
    assert result.texts == ("A summary.", "two")
    assert "The endpoint is busy." in result.warning
    later = write(found, ScriptedChat(["Another summary."]))
    assert later.texts == ("A summary.", "Another summary.")


def test_reasoning_alone_is_told(write: Write) -> None:
    chat = ScriptedChat([Completion("", finish_reason="length", reasoning="hm"), "About snow.", "About harbour."])
    found = chunks("harbour one", "snow two")
    result = write(found, chat)
    assert result.fallen_back == 1
    assert "on reasoning; raise max_tokens" in result.warning


def test_a_model_that_never_answers_stops_the_work(write: Write) -> None:
    chat = ScriptedChat([EndpointError("No such model.", kind="not-found")] * 200)
    with pytest.raises(EndpointError, match="failed for every chunk: No such model"):
        write(chunks(*(f"text {n}" for n in range(200))), chat)
    assert len(chat.requests) < 40


def configuration(lab: Any, of: str = "summary") -> Configuration:
    retrieval = {
        "chunking": {"size": 20},
        "top_k": 1,
        "embedding": {"of": of, "writer": {"endpoint": "grader", "name": "w"}},
    }
    configuration: Configuration = lab.configuration(retrieval=retrieval)
    return configuration


def test_a_run_embeds_what_was_written_and_counts_its_calls(lab: Any) -> None:
    async def work() -> tuple[int, int]:
        lab.judge_chat = ScriptedChat(lambda _: "A summary of something.", cost_usd=0.1)
        first = (await run_experiment(lab.store, lab.plan(configuration(lab)), lab.models()))[0]
        count = len(lab.judge_chat.requests)
        second = (await run_experiment(lab.store, lab.plan(configuration(lab)), lab.models(), resume=False))[0]
        assert len(lab.judge_chat.requests) == count
        assert count > 0
        assert lab.store.run(second).usage.calls == 0
        return first, count

    run_id, asked = asyncio.run(work())
    run = lab.store.run(run_id)
    assert run.status == "finished"
    assert run.usage.cost_usd == pytest.approx(0.1 * asked + 0.01 * len(lab.evaluation_set.examples))
    assert "A summary of something." in lab.embedder.inputs


def test_chunks_without_a_summary_show_as_a_warning_in_every_record(lab: Any) -> None:
    async def work() -> int:
        replies = [EndpointError("busy", kind="busy"), *["A summary."] * 50]
        lab.judge_chat = ScriptedChat(replies)
        return (await run_experiment(lab.store, lab.plan(configuration(lab)), lab.models()))[0]

    records = lab.store.records(asyncio.run(work()), trace=True)
    assert records
    assert all("no summary written" in record.trace[0].warning for record in records)


def test_writing_stops_at_the_budget_and_goes_on_from_there(lab: Any) -> None:
    async def run(budget: float) -> int:
        plan = lab.plan(configuration(lab), budget_usd=budget)
        return (await run_experiment(lab.store, plan, lab.models()))[0]

    lab.judge_chat = ScriptedChat(lambda _: "A summary.", cost_usd=1.0)
    stopped = asyncio.run(run(1.5))
    assert lab.store.run(stopped).status == "budget-reached"
    count = len(lab.judge_chat.requests)
    assert asyncio.run(run(100.0)) == stopped
    assert lab.store.run(stopped).status == "finished"
    assert len(lab.judge_chat.requests) > count


def test_an_estimate_writes_for_a_few_chunks_only(lab: Any) -> None:
    async def work(models: Models) -> Any:
        return (await estimate(lab.store, lab.plan(configuration(lab)), models, pilot=1))[0]

    lab.judge_chat = ScriptedChat(lambda _: "A summary.", cost_usd=1.0)
    text = asyncio.run(work(lab.models()))
    assert len(lab.judge_chat.requests) == 1
    assert text.cost_usd > 1.0
    assert text.pilot_usage.cost_usd == pytest.approx(1.01)


def test_a_configuration_without_a_writer_keeps_its_fingerprint() -> None:
    assert EmbeddingSpec().model_dump(mode="json") == {"model": "all-MiniLM-L6-v2", "endpoint": "", "of": "text"}
    writer = ModelSpec(endpoint="writer")
    assert EmbeddingSpec(of="summary", writer=writer).fingerprint != EmbeddingSpec(of="summary").fingerprint
    copied = EmbeddingSpec.model_validate(EmbeddingSpec(of="summary", writer=writer).model_dump(mode="json"))
    assert copied.writer == writer


def test_the_writer_is_one_of_the_models_of_a_configuration(lab: Any) -> None:
    assert ModelSpec(endpoint="grader", name="w") in configuration(lab).models
    assert len(lab.configuration().models) == 1
