"""One question through a configuration, as the retrieval lab sees it."""

from __future__ import annotations

import dataclasses

import pytest

from llmopt_core.errors import BadInput, EndpointError
from llmopt_core.index import open_indexes
from llmopt_core.labs.retrieval.changes import apply_changes, as_text, changes_between, from_text
from llmopt_core.labs.retrieval.inspection_cache import (
    LOOK,
    LookSide,
    index_key,
    inspections_of,
    is_quick,
    load_ahead,
    look_arguments,
    look_key,
)
from llmopt_core.labs.retrieval.question_inspection import Inspection, QuestionLab
from llmopt_core.labs.retrieval.setting_words import setting_title, setting_value
from llmopt_core.models.base import BUILTIN_EMBEDDING
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import HashEmbedder, ScriptedChat
from llmopt_core.types import Example
from tests.engine_lab import EXAMPLES, Lab

HYBRID = {"chunking": {"size": 20}, "search": {"method": "hybrid"}, "top_k": 1}
HYDE = {**HYBRID, "transform": {"method": "hyde", "n": 2, "model": {"endpoint": "scripted"}}}


async def seen(lab: Lab, retrieval: dict, example: Example = EXAMPLES[0], **more) -> Inspection:
    async with lab.models() as models:
        configuration = lab.configuration(retrieval=retrieval)
        return await QuestionLab(configuration, lab.documents, models).look(example, **more)


async def test_a_question_is_followed_through_every_stage(lab: Lab) -> None:
    result = await seen(lab, HYBRID)
    assert [stage.stage for stage in result.retrieval.trace] == [
        "transform", "embed", "search", "search", "fusion", "select",
    ]  # fmt: skip
    assert [row.chunk.document for row in result.flow if row.gold] == ["rivers.txt"]
    (trace,) = result.gold.traces
    assert trace.loss_stage == ""
    assert trace.ranks["select (top-k)"] == 1
    assert result.map is not None
    assert {point.kind for point in result.map.points} == {"question", "chunk"}
    assert result.chunks == 3


async def test_invented_passages_are_on_the_map_and_can_be_written_by_hand(lab: Lab) -> None:
    lab.chat = ScriptedChat(["Cologne lies on the Rhine.", "A passage on rivers."], cost_usd=0.01)
    first = await seen(lab, HYDE)
    assert first.map is not None
    assert [p.text for p in first.map.points if p.kind == "passage"] == [
        "Cologne lies on the Rhine.",
        "A passage on rivers.",
    ]
    assert first.retrieval.usage.calls == 2
    again = await seen(lab, HYDE, texts=["Mars and its moons."])
    assert again.texts == ("Mars and its moons.",)
    assert again.retrieval.trace[0].queries == ("Mars and its moons.",)
    assert again.retrieval.usage.calls == 0
    assert len(lab.chat.requests) == 2


async def test_an_endpoint_that_fails_leaves_a_warning_and_the_question_itself(lab: Lab) -> None:
    def down(request):
        raise EndpointError("The endpoint scripted is down.", "server-error")

    lab.chat = ScriptedChat(down)
    result = await seen(lab, HYDE)
    assert "The question itself is searched." in result.retrieval.warnings[0]
    assert result.retrieval.hits[0].chunk.document == "rivers.txt"


async def test_an_answer_is_known_once_it_was_given(lab: Lab) -> None:
    async with lab.models() as models:
        one = QuestionLab(lab.configuration(retrieval=HYBRID), lab.documents, models)
        assert not one.is_cached(EXAMPLES[0])
        result = await one.look(EXAMPLES[0])
        assert one.is_cached(EXAMPLES[0])
        assert one.read_answer(result) is None
        assert (await one.answer(result)).text == "Rhine"
        answer = one.read_answer(result)
        assert answer is not None
        assert "The Rhine flows through Cologne." in answer.prompt[-1].content
    assert len(lab.chat.requests) == 1


async def test_a_question_without_references_has_no_gold(lab: Lab) -> None:
    result = await seen(lab, HYBRID, Example("own", "What rusts?"))
    assert not any(row.gold for row in result.flow)
    assert result.gold.traces == ()


async def test_a_configuration_without_retrieval_is_refused(lab: Lab) -> None:
    async with lab.models() as models:
        with pytest.raises(BadInput, match="has no retrieval"):
            QuestionLab(lab.configuration(retrieval=None), lab.documents, models)


def test_changed_settings_go_into_one_line_and_back(lab: Lab) -> None:
    before, after = lab.configuration(retrieval=HYBRID), lab.configuration(retrieval={**HYDE, "top_k": 4})
    assert before.retrieval is not None
    assert after.retrieval is not None
    changes = changes_between(before.retrieval, after.retrieval)
    assert set(changes) == {"transform.method", "transform.n", "transform.model.endpoint", "top_k"}
    assert [setting_title(name) for name in changes].count("Chunks handed over") == 1
    assert setting_value("top_k", changes["top_k"]) == "4"
    again = apply_changes(before, from_text(as_text(changes)))
    assert again.retrieval == after.retrieval
    assert again.name == "rag*"
    assert apply_changes(before, {}) is before
    assert as_text({}) == ""
    assert from_text("") == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1]", "cannot be read"),
        ("{", "cannot be read"),
        ('{"search.magic": 1}', "search.magic"),
        ('{"top_k": 0}', "top_k"),
        ('{"chunking.overlap": 500}', "overlap"),
        ('{"top_k.deep": 1}', "top_k"),
    ],
)
def test_changes_that_cannot_be_are_refused_in_words(lab: Lab, text: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        apply_changes(lab.configuration(retrieval=HYBRID), from_text(text))


def test_filters_and_routes_are_changed_as_a_whole(lab: Lab) -> None:
    before, after = lab.configuration(), lab.configuration(
        retrieval={
            "chunking": {"size": 20},
            "top_k": 1,
            "search": {"filters": {"language": "en"}},
            "routing": {"routes": {"fact": {"top_k": 2}}},
        }
    )  # fmt: skip
    assert before.retrieval is not None
    assert after.retrieval is not None
    changes = changes_between(before.retrieval, after.retrieval)
    assert set(changes) == {"search.filters", "routing"}
    assert apply_changes(before, from_text(as_text(changes))).retrieval == after.retrieval
    back = changes_between(after.retrieval, before.retrieval)
    assert apply_changes(after, back).retrieval == before.retrieval


def test_looking_is_a_job_whose_findings_stay_in_memory(lab: Lab) -> None:
    runner, looked = lab.runner(), inspections_of(lab.settings)
    configuration = lab.configuration(retrieval=HYBRID)
    key, index = look_key("d", configuration, EXAMPLES[0], None), index_key("d", configuration)
    assert looked.get(key) is None
    assert not looked.is_open(index)
    side = LookSide(configuration=configuration, texts=None, key=key, index=index)
    job = runner.wait(runner.submit("retrieval-look", "p", look_arguments([side], EXAMPLES[0])), 60)
    assert job.status == "finished", job.error
    result = looked.get(key)
    assert result is not None
    assert result.retrieval.hits[0].chunk.document == "rivers.txt"
    assert looked.is_open(index)


def test_a_side_that_cannot_be_looked_at_stops_no_other(lab: Lab) -> None:
    runner, looked = lab.runner(), inspections_of(lab.settings)
    wrong = {"chunking": {"size": 20}, "search": {"filters": {"author": "Ann"}}}
    sides = [
        LookSide(configuration=lab.configuration(retrieval=wrong), texts=None, key="wrong", index="i"),
        LookSide(configuration=lab.configuration(), texts=None, key="right", index="j"),
    ]
    assert runner.wait(runner.submit(LOOK, "p", look_arguments(sides, EXAMPLES[0])), 60).status == "finished"
    assert looked.get("wrong") is None
    assert "there is: document" in looked.problem("wrong")
    assert looked.get("right") is not None
    looked.forgive("wrong")
    assert looked.problem("wrong") == ""
    alone = runner.wait(runner.submit(LOOK, "p", look_arguments(sides[:1], EXAMPLES[0])), 60)
    assert alone.status == "failed"
    assert "'author'" in alone.error


async def test_a_known_question_is_looked_at_without_model_and_database(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = HashEmbedder()
    own.name = BUILTIN_EMBEDDING
    monkeypatch.setattr("llmopt_core.models.local.embedding.local_embedder", lambda *_: own)
    configuration = lab.configuration(retrieval=HYBRID)

    async def look(example: Example = EXAMPLES[0]) -> tuple[Inspection, bool]:
        async with Models(lab.settings, lab.store.cache, endpoints={}) as models:
            one = QuestionLab(configuration, lab.documents, models)
            return await one.look(example), one.has_searched

    first, searched = await look()
    assert searched
    open_indexes.close_all()

    def refuse(*_: object) -> object:
        raise AssertionError("loaded")

    monkeypatch.setattr("llmopt_core.models.local.embedding.local_embedder", refuse)
    monkeypatch.setattr("llmopt_core.index.build.local_client", refuse)
    again, searched = await look()
    assert not searched
    assert again == first
    with pytest.raises(AssertionError, match="loaded"):
        await look(EXAMPLES[1])


def test_what_decides_an_inspection_is_in_its_key(lab: Lab) -> None:
    one = lab.configuration(retrieval=HYBRID)
    other = dataclasses.replace(EXAMPLES[0], references=())
    keys = {
        look_key("d", one, EXAMPLES[0], None),
        look_key("e", one, EXAMPLES[0], None),
        look_key("d", lab.configuration(retrieval=HYDE), EXAMPLES[0], None),
        look_key("d", one, EXAMPLES[1], None),
        look_key("d", one, EXAMPLES[0], []),
        look_key("d", one, other, None),
    }
    assert len(keys) == 6


def test_models_are_loaded_ahead_of_the_first_look(lab: Lab) -> None:
    questions: list[str] = []

    def recording() -> Models:
        models = lab.models()
        models.embedder = lambda spec: questions.append(spec.model)  # type: ignore[method-assign]
        return models

    load_ahead(lab.configuration(retrieval=HYBRID), recording).join(60)
    load_ahead(lab.configuration(retrieval=None), recording).join(60)
    assert questions == [BUILTIN_EMBEDDING]


def test_only_what_asks_no_model_is_quick(lab: Lab) -> None:
    assert is_quick(lab.configuration(retrieval=HYBRID))
    assert not is_quick(lab.configuration(retrieval=HYDE))
    assert not is_quick(lab.configuration(retrieval=None))
    assert not is_quick(lab.configuration(retrieval={**HYBRID, "rerank": {"method": "llm-yes-no"}}))
    routed = {"method": "given", "routes": {"fact": {"transform": {"method": "step-back"}}}}
    assert not is_quick(lab.configuration(retrieval={**HYBRID, "routing": routed}))
