"""Training examples from runs, votes, corrections, few-shot sets and a larger model; and what to label next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from llmopt_core.errors import EndpointError
from llmopt_core.execution.budget import Budget
from llmopt_core.finetuning.data.active_learning import next_to_label
from llmopt_core.finetuning.data.distillation import distill
from llmopt_core.finetuning.data.record_examples import (
    examples_from_corrections,
    examples_from_few_shot,
    examples_from_records,
    preferences_from_corrections,
)
from llmopt_core.models.base import Completion, ModelSpec
from llmopt_core.models.calls.meter import MeteredChat
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.types import Answer, Example, Failure, Message, Record, Score, Span, ToolCall, Usage

PROMPT = (Message("system", "Be brief."), Message("user", "Context: c\n\nQ: q"))


def record(
    name: str, value: float | None = 1.0, text: str = "an answer", failure: bool = False, **example: Any
) -> Record:
    return Record(
        Example(name, example.pop("question", f"question {name}?"), **example),
        None if failure else Answer(text, prompt=PROMPT),
        scores={} if failure else {"answer_f1": Score("answer_f1", value, failure="" if value is not None else "none")},
        failure=Failure("answer", "timeout", "it took too long") if failure else None,
    )


def test_records_with_good_scores_become_conversations_with_the_prompt_as_sent() -> None:
    records = [
        record("good", 0.9, category="x", references=(Span("doc.txt", 0, 1),)),
        record("bad", 0.2), record("unscored", None), record("empty", 1.0, text=" "), record("broken", failure=True),
    ]  # fmt: skip
    (example,) = examples_from_records(records, min_scores={"answer_f1": 0.8})
    assert [m["content"] for m in example.messages] == ["Be brief.", "Context: c\n\nQ: q", "an answer"]
    assert (example.label, example.group, example.score) == ("x", "doc.txt", 0.9)
    assert "good" in example.source


def test_a_conversation_with_tools_keeps_calls_and_results() -> None:
    call, made = ToolCall("a", "weather", '{"town": "Oslo"}'), record("good", text="It rains.")
    prompt = (
        Message("user", "?"), Message("assistant", "", (call,)),
        Message("tool", "Rain.", tool_call_id="a", name="weather"),
    )  # fmt: skip
    assert made.answer is not None
    (example,) = examples_from_records(
        [replace(made, answer=replace(made.answer, prompt=prompt))], votes={"good": True}
    )
    called = {"id": "a", "type": "function", "function": {"name": "weather", "arguments": '{"town": "Oslo"}'}}
    assert example.messages == (
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": None, "tool_calls": [called]},
        {"role": "tool", "content": "Rain.", "tool_call_id": "a", "name": "weather"},
        {"role": "assistant", "content": "It rains."},
    )


def test_without_any_bar_only_votes_count() -> None:
    records = [record("up", 0.0), record("down", 1.0), record("silent", 1.0)]
    assert [e.source for e in examples_from_records(records, votes={"up": True, "down": False})] == ["run, example up"]


def test_a_missing_metric_is_not_good_enough() -> None:
    assert examples_from_records([record("a")], min_scores={"faithfulness": 0.5}) == []


def test_corrections_become_examples_and_preference_pairs() -> None:
    records = [record("a", text="wrong"), record("b", text="right"), record("c", failure=True)]
    corrections = {"a": "better", "b": "right", "c": "from a person", "d": "of no record"}
    examples = examples_from_corrections(records, corrections)
    assert [e.answer for e in examples] == ["better", "right", "from a person"]
    assert examples[0].messages[0]["role"] == "system"
    assert examples[2].question == "question c?"
    pairs = preferences_from_corrections(records, corrections)
    assert [(p.preferred[0]["content"], p.rejected[0]["content"]) for p in pairs] == [("better", "wrong")]


def test_few_shot_examples_become_conversations() -> None:
    shots = [
        {"question": "q", "answer": "a"},
        {"question": "q2", "answer": "a2", "context": "c2"},
        {"question": "no answer"},
    ]
    examples = examples_from_few_shot(shots, system="s")
    assert [e.question for e in examples] == ["q", "c2\n\nq2"]
    assert examples[0].messages[0] == {"role": "system", "content": "s"}


def test_failures_come_first_then_low_then_uncertain() -> None:
    mixed = Record(
        Example("split", "agreed?"), Answer("x"),
        scores={"a": Score("a", 1.0), "b": Score("b", 0.2), "c": Score("c", 1.0)},
    )  # fmt: skip
    records = [
        record("fine", 0.95), record("middling", 0.5), record("low", 0.1), record("unscored", None), mixed,
        record("broken", failure=True), record("again", 0.1, question="Question LOW?"), record("done", 0.0),
    ]  # fmt: skip
    result = next_to_label(records, already=["done"])
    assert [c.record.example.id for c in result] == ["broken", "unscored", "low", "middling", "split"]
    assert [c.reason for c in result] == ["failed", "not scored", "low score", "uncertain", "uncertain"]
    assert "it took too long" in result[0].explanation
    assert "answer_f1 0.10" in result[2].explanation
    assert len(next_to_label(records, 2)) == 2


def test_editing_starts_from_the_reference_where_there_is_one() -> None:
    (with_reference,) = next_to_label([record("a", 0.1, reference="gold")])
    (without,) = next_to_label([record("a", 0.1, text="said")])
    assert (with_reference.suggestion, without.suggestion) == ("gold", "said")


QUESTIONS = [Example(f"q{i}", f"question {i}", category="c", references=(Span("d", 0, 1),)) for i in range(6)]


def teach(example: Example) -> list[Message]:
    return [Message("system", "A long instruction."), Message("user", example.question)]


def learn(example: Example) -> list[Message]:
    return [Message("user", example.question)]


async def no_threes(example: Example, text: str) -> str:
    if example.id == "q5":
        raise RuntimeError("the check broke")
    return "it says three" if "3" in text else ""


def metered(teacher: ScriptedChat, budget: Budget | None = None) -> MeteredChat:
    counted = budget or Budget()
    return MeteredChat(teacher, Endpoint(name="teacher"), lambda: counted)


async def test_distillation_keeps_what_passes_and_says_why_not() -> None:
    def answer(request: Any) -> str:
        number = request.messages[-1].content[-1]
        return "" if number == "1" else f"answer {number}"

    teacher = ScriptedChat(answer, cost_usd=0.01)
    progress: list[tuple[int, int]] = []
    result = await distill(
        QUESTIONS, metered(teacher), ModelSpec(endpoint="big", name="teacher"), teacher_prompt=teach,
        student_prompt=learn,
        checks=[no_threes], concurrency=2, on_done=lambda done, total: progress.append((done, total)),
    )  # fmt: skip
    assert [e.answer for e in result.examples] == ["answer 0", "answer 2", "answer 4"]
    assert [m["role"] for m in result.examples[0].messages] == ["user", "assistant"]
    assert (result.examples[0].group, result.examples[0].label) == ("d", "c")
    assert "teacher" in result.examples[0].source
    assert result.rejections == {
        "q1": "the answer is empty",
        "q3": "it says three",
        "q5": "RuntimeError: the check broke",
    }
    assert result.usage.calls == 6
    assert result.usage.cost_usd == pytest.approx(0.06)
    assert progress[-1] == (6, 6)
    assert teacher.peak <= 2


async def test_distillation_goes_on_when_the_teacher_fails_and_drops_cut_answers() -> None:
    teacher = ScriptedChat([EndpointError("down", "timeout"), Completion("cut off", Usage(), "length"), "good"])
    result = await distill(QUESTIONS[:3], teacher, ModelSpec(), teacher_prompt=teach, concurrency=1)
    assert [e.answer for e in result.examples] == ["good"]
    assert result.rejections["q0"] == "down"
    assert "token limit" in result.rejections["q1"]


async def test_half_an_answer_or_reasoning_alone_is_no_training_example() -> None:
    held = Completion("The bomb is", Usage(), "content_filter")
    teacher = ScriptedChat([held, Completion("", Usage(), "length", reasoning="hm"), "good"])
    result = await distill(QUESTIONS[:3], teacher, ModelSpec(max_tokens=9), teacher_prompt=teach, concurrency=1)
    assert [e.answer for e in result.examples] == ["good"]
    assert "content filter" in result.rejections["q0"]
    assert "spent its 9 tokens on reasoning" in result.rejections["q1"]


async def test_distillation_stops_at_its_budget_or_when_told() -> None:
    teacher = ScriptedChat(lambda _request: "fine", cost_usd=1.0)
    budget = Budget(2.0)
    result = await distill(QUESTIONS, metered(teacher, budget), ModelSpec(), teacher_prompt=teach, concurrency=4)
    assert (len(result.examples), len(result.rejections), len(teacher.requests)) == (2, 4, 2)
    assert result.usage.cost_usd == budget.usage.cost_usd == 2.0
    assert "The budget of $2.00" in result.stop_reason
    none = await distill(QUESTIONS, ScriptedChat([]), ModelSpec(), teacher_prompt=teach, should_stop=lambda: True)
    assert none.examples == ()


def test_of_a_metric_whose_smaller_values_are_better_the_limit_is_the_highest() -> None:
    records = [
        replace(record(name, 0.5), scores={"answer_f1": Score("answer_f1", 0.5), "loss": Score("loss", value)})
        for name, value in (("a", 0.1), ("b", 0.9))
    ]
    examples = examples_from_records(records, min_scores={"loss": 0.3}, lower_is_better={"loss"})
    assert [example.source for example in examples] == ["run, example a"]
    assert examples[0].score == 0.5
