from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from llmopt_core.errors import EndpointError, MissingDependency, StorageError
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.pipeline import Pipeline
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.types import Document, Example, Record
from tests.engine_lab import EXAMPLES, Lab

Calls = Callable[[Lab], Sequence[int]]
GRADER = JudgeSpec(endpoint="grader", model="g", questions=1)


async def answered(lab: Lab, configuration: Configuration, examples: Sequence[Example] = EXAMPLES) -> list[Record]:
    async with lab.models() as models:
        pipeline = lab.pipeline(configuration, models)
        await pipeline.prepare(examples)
        return [await pipeline.evaluate(item) for item in examples]


async def test_one_example_goes_the_whole_line(lab: Lab) -> None:
    record = (await answered(lab, lab.configuration()))[0]
    assert record.failure is None
    assert record.answer is not None
    assert record.answer.text == "Rhine"
    assert record.answer.hits[0].chunk.document == "rivers.txt"
    assert {name: score.value for name, score in record.scores.items()} == {"answer_f1": 1.0, "hit_rate": 1.0}
    assert record.trace[-1].stage == "select"
    assert record.usage.calls == 1
    assert record.usage.cost_usd == pytest.approx(0.01)


async def test_an_unchanged_second_run_makes_no_call_and_embeds_nothing(lab: Lab, calls: Calls) -> None:
    first = await answered(lab, lab.configuration())
    later = lab.restarted()
    again = await answered(later, later.configuration())
    assert calls(later) == (0, 0, 0)
    assert [(r.answer, r.scores, r.trace) for r in again] == [(r.answer, r.scores, r.trace) for r in first]
    assert all(r.usage.calls == 0 and r.usage.cached_calls == 1 and r.usage.cost_usd == 0.0 for r in again)


async def test_with_everything_cached_no_index_is_opened_and_no_model_loaded(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    await answered(lab, lab.configuration())

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("asked for")

    monkeypatch.setattr("llmopt_core.experiments.indexing.build_index", never)
    monkeypatch.setattr("llmopt_core.experiments.indexing.chunk_documents", never)
    monkeypatch.setattr("llmopt_core.models.registry.Models.embedder", never)
    again = await answered(lab.restarted(), lab.configuration())
    assert all(record.failure is None for record in again)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"retrieval": {"chunking": {"size": 20}, "top_k": 1, "rerank": {"method": "late-interaction"}}}, (0, 0, 0)),
        ({"retrieval": {"chunking": {"size": 20}, "top_k": 1, "search": {"method": "bm25"}}}, (0, 0, 0)),
        ({"model": {"endpoint": "scripted", "name": "m", "max_tokens": 9}}, (4, 0, 0)),
        ({"prompt": {"template": "Answer. {{ context }} {{ question }}"}}, (4, 0, 0)),
        ({"retrieval": {"chunking": {"size": 12}, "top_k": 1}}, (4, 0, 6)),
        ({"retrieval": None, "prompt": {"template": "Question: {{ question }}"}}, (4, 0, 0)),
    ],
    ids=["reranker", "search", "model", "prompt", "chunk size", "no retrieval"],
)
async def test_only_what_a_change_decides_is_done_again(
    lab: Lab, calls: Calls, change: dict[str, Any], expected: tuple[int, int, int]
) -> None:
    await answered(lab, lab.configuration())
    later = lab.restarted()
    await answered(later, later.configuration("other", **change))
    assert calls(later) == expected


async def test_changing_the_judge_answers_nothing_again(lab: Lab, calls: Calls) -> None:
    lab.metrics = ("faithfulness", "answer_f1")
    await answered(lab, lab.configuration())
    later = lab.restarted()
    later.judge = GRADER
    records = await answered(later, later.configuration())
    assert later.chat.requests == []
    assert len(later.judge_chat.requests) == 8
    assert all(record.scores["faithfulness"].value == 1.0 for record in records)
    assert records[0].usage.calls == 2
    assert records[0].usage.cost_usd == pytest.approx(0.2)
    third = later.restarted()
    await answered(third, third.configuration())
    assert calls(third) == (0, 0, 0)


async def test_one_changed_document_embeds_its_own_text_alone(lab: Lab) -> None:
    await answered(lab, lab.configuration())
    later = lab.restarted()
    later.documents = (*lab.documents[:2], Document("planets.txt", "Mars has two moons. Jupiter is huge."))
    await answered(later, later.configuration())
    assert later.embedder.inputs == ["Mars has two moons. Jupiter is huge."]


async def test_a_column_that_the_prompt_does_not_use_decides_nothing(lab: Lab, calls: Calls) -> None:
    uses_tone = lab.configuration(prompt={"template": "Be {{ tone }}. {{ context }} {{ question }}"})
    for configuration in (lab.configuration(), uses_tone):
        await answered(lab, configuration)
    variants = [dataclasses.replace(item, variables={"tone": "warm"}) for item in EXAMPLES]
    later = lab.restarted()
    await answered(later, later.configuration(), variants)
    assert calls(later)[0] == 0
    await answered(later, uses_tone, variants)
    assert calls(later)[0] == 4


async def test_a_changed_reference_scores_again_and_asks_nothing(lab: Lab) -> None:
    await answered(lab, lab.configuration())
    variants = [dataclasses.replace(EXAMPLES[0], reference="Elbe")]
    later = lab.restarted()
    record = (await answered(later, later.configuration(), variants))[0]
    assert record.scores["answer_f1"].value == 0.0
    assert later.chat.requests == []


async def test_the_same_endpoint_name_at_another_address_is_another_model(lab: Lab) -> None:
    from llmopt_core.experiments import keys
    from llmopt_core.models.base import ModelSpec
    from llmopt_core.models.endpoints import Endpoint
    from llmopt_core.models.registry import Models

    spec = ModelSpec(endpoint="e")
    here = Models(lab.settings, None, {"e": Endpoint(name="e", base_url="http://a/v1", default_model="m")})
    there = Models(lab.settings, None, {"e": Endpoint(name="e", base_url="http://b/v1", default_model="m")})
    named = ModelSpec(endpoint="e", name="m")
    assert keys.model_identity(spec, here) != keys.model_identity(spec, there)
    assert keys.model_identity(spec, here) == keys.model_identity(named, here)


async def test_what_fails_becomes_the_record_and_is_tried_again(lab: Lab) -> None:
    lab.chat = ScriptedChat([EndpointError("The endpoint took too long.", "timeout"), "Au"])
    first, second = await answered(lab, lab.configuration(), EXAMPLES[:2])
    assert first.failure is not None
    assert (first.failure.stage, first.failure.kind) == ("answer", "timeout")
    assert first.failure.message == "The endpoint took too long."
    assert first.answer is None
    assert first.trace
    assert second.answer is not None
    later = lab.restarted()
    again = (await answered(later, later.configuration(), EXAMPLES[:1]))[0]
    assert again.failure is None
    assert len(later.chat.requests) == 1


async def test_a_score_that_could_not_be_made_is_tried_again(lab: Lab) -> None:
    lab.metrics, lab.judge = ("faithfulness",), GRADER
    lab.judge_chat = ScriptedChat([EndpointError("The judge is away.", "unreachable")] * 4)
    record = (await answered(lab, lab.configuration(), EXAMPLES[:1]))[0]
    assert record.failure is None
    assert record.scores["faithfulness"].value is None
    assert "The judge is away." in record.scores["faithfulness"].failure
    later = lab.restarted()
    again = (await answered(later, later.configuration(), EXAMPLES[:1]))[0]
    assert again.scores["faithfulness"].value == 1.0
    assert later.chat.requests == []


@pytest.mark.parametrize("error", [StorageError("full"), MissingDependency("pip install x")])
async def test_what_would_fail_every_record_ends_the_run(lab: Lab, error: Exception) -> None:
    lab.chat = ScriptedChat([error])
    with pytest.raises(type(error)):
        await answered(lab, lab.configuration(), EXAMPLES[:1])


async def test_it_knows_what_is_cached(lab: Lab) -> None:
    lab.metrics, lab.judge = ("faithfulness", "answer_f1"), GRADER
    await answered(lab, lab.configuration(), EXAMPLES[:2])
    async with lab.models() as models:
        pipeline: Pipeline = lab.pipeline(lab.configuration(), models)
        assert [pipeline.is_cached(item) for item in EXAMPLES] == [True, True, False, False]
        other = lab.pipeline(lab.configuration(prompt={"template": "{{ question }}!"}), models)
        assert not other.is_cached(EXAMPLES[0])


async def test_chunks_and_text_with_unusual_characters_go_the_whole_line(lab: Lab) -> None:
    lab.documents = (Document("odd.txt", "Emoji \U0001f469\u200d\U0001f680 and nul \0 and \u6c49\u5b57 stand here."),)
    example = Example("odd", "What \ud83d stands \0 here?", "nul")
    record = (await answered(lab, lab.configuration(), [example]))[0]
    assert record.failure is None
    assert record.answer is not None
    assert record.answer.hits[0].chunk.text == lab.documents[0].text
    again = (await answered(lab, lab.configuration(), [example]))[0]
    assert again.usage.calls == 0
