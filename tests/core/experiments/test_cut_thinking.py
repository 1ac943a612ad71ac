"""Thinking that no mark opened and a limit cut is never scored as an answer, whenever its model becomes known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from llmopt_core.experiments.experiment import resume_run, run_experiment
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.finish import CUT, MAY_BE_THINKING
from llmopt_core.models.openai import refusals
from llmopt_core.models.registry import Models
from llmopt_core.runs.values import Run
from llmopt_core.types import EvaluationSet, Example, Record
from tests.engine_lab import Lab
from tests.stub_endpoint import StubEndpoint

LONG = {"a": "Cologne lies on the Rhine, and the", "b": "Okay, the user asks for gold. Au or", "c": "Nine"}
SPENT = "No answer: the model spent its 8 tokens on reasoning; raise max_tokens."


@pytest.fixture
def stub() -> Iterator[StubEndpoint]:
    refusals._refusals.clear()
    with StubEndpoint(lambda body: LONG[body["messages"][-1]["content"][0]]) as one:
        yield one


def cutting(closing: str, ends: str = "length"):
    """Answers are cut, but for the one with nine: that has a closing mark before it, or none."""

    def mangle(said: dict[str, Any]) -> dict[str, Any]:
        for choice in said["choices"]:
            part = choice.get("message") or choice.get("delta") or {}
            whole = part.get("content") == "Nine"
            if whole:
                part["content"] = f"{closing}Nine"
            choice["finish_reason"] = choice["finish_reason"] and ("stop" if whole else ends)
        return said

    return mangle


async def run(lab: Lab, stub: StubEndpoint, questions: str, resume: int | None = None, **model: Any) -> Run:
    lab.evaluation_set = EvaluationSet("cut", tuple(Example(name, name, "Nine") for name in questions))
    lab.metrics = ("answer_f1",)
    values = {"endpoint": "stub", "name": "r1", "max_tokens": 8, **model}
    configuration = lab.configuration(retrieval=None, prompt={"template": "{{ question }}"}, model=values)
    plan = lab.plan(configuration, concurrency=1)
    async with Models(lab.settings, lab.store.cache, {"stub": Endpoint(name="stub", base_url=stub.url)}) as models:
        if resume is None:
            (resume,) = await run_experiment(lab.store, plan, models)
        else:
            await resume_run(lab.store, resume, models)
    return lab.store.run(resume)


def records(lab: Lab, done: Run) -> dict[str, Record]:
    return {record.example.id: record for record in lab.store.records(done.id)}


async def test_a_cut_thinking_is_read_as_such_once_a_later_answer_shows_how_the_model_thinks(
    lab: Lab, stub: StubEndpoint
) -> None:
    stub.mangle = cutting("Three times three.\n</think>\n")
    result = await run(lab, stub, "abc")

    found = records(lab, result)
    for name in "ab":
        answer = found[name].answer
        assert answer is not None
        assert (answer.text, answer.reasoning) == ("", LONG[name])
        assert answer.notes == (SPENT,)
        assert found[name].scores["answer_f1"].value == 0
        assert found[name].usage.calls == 1
    assert found["c"].scores["answer_f1"].value == 1
    assert (stub.calls, result.status, result.done, result.usage.calls) == (3, "finished", 3, 3)


async def test_a_cut_text_like_thoughts_of_an_unknown_model_has_no_score(lab: Lab, stub: StubEndpoint) -> None:
    stub.mangle = cutting("")
    found = records(lab, await run(lab, stub, "ab"))
    assert [found["b"].scores["answer_f1"].value, found["b"].scores["answer_f1"].failure] == [None, MAY_BE_THINKING]
    assert found["a"].scores["answer_f1"].value is not None


async def test_a_model_that_ends_an_answer_without_thinking_has_its_cut_texts_scored(
    lab: Lab, stub: StubEndpoint
) -> None:
    stub.mangle = cutting("")
    found = records(lab, await run(lab, stub, "abc"))
    assert found["b"].answer is not None
    assert (found["b"].answer.text, found["b"].answer.notes) == (LONG["b"], (CUT,))
    assert found["b"].scores["answer_f1"].value is not None


async def test_what_an_earlier_session_kept_is_read_again(lab: Lab, stub: StubEndpoint) -> None:
    stub.mangle = cutting("Three times three.\n</think>\n")
    stub.faults = [None, None, "401"]
    first = await run(lab, stub, "abc")
    assert records(lab, first)["a"].scores["answer_f1"].value is not None
    again = await run(lab, stub, "abc", first.id)

    assert records(lab, again)["a"].scores["answer_f1"].value == 0
    assert records(lab, again)["a"].usage.calls == 1


async def test_a_stop_text_in_mid_thinking_leaves_no_answer(lab: Lab, stub: StubEndpoint) -> None:
    stub.mangle = cutting("Three times three.\n</think>\n", ends="stop")
    await run(lab, stub, "c")
    found = records(lab, await run(lab, stub, "a", stop=("the",)))
    assert found["a"].answer is not None
    assert (found["a"].answer.text, found["a"].answer.reasoning) == ("", LONG["a"])


async def test_thinking_that_a_field_of_the_request_turns_on_is_another_matter(lab: Lab, stub: StubEndpoint) -> None:
    stub.mangle = cutting("Three times three.\n</think>\n")
    await run(lab, stub, "c")
    found = records(lab, await run(lab, stub, "a", extra_body={"chat_template_kwargs": {"enable_thinking": False}}))
    assert found["a"].answer is not None
    assert found["a"].answer.text == LONG["a"]
