from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from llmopt_core.answering.fact_check.check import CHECK_FAILURE
from llmopt_core.answering.finish_reason import describe_finish
from llmopt_core.errors import BadInput, EndpointError
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.grading import metrics_to_record
from llmopt_core.experiments.result import result_of
from llmopt_core.models.base import Completion
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.types import EvaluationSet, Example
from tests.engine_lab import EXAMPLES, Lab

from .test_pipeline import answered
from .test_runner import run


def checked(example: Example, *checks: dict[str, Any], **more: Any) -> Example:
    return dataclasses.replace(example, variables={"tone": "dry", "checks": list(checks), **more})


SHORT = {"type": "length", "value": {"max": 5, "unit": "characters"}}


async def test_an_example_is_graded_by_the_checks_it_brings(lab: Lab) -> None:
    river = checked(EXAMPLES[0], {"type": "contains", "value": "Rhine"}, {"type": "contains", "value": "Elbe"})
    gold = checked(EXAMPLES[1], {"type": "equals", "value": "{{ reference }}"}, SHORT)
    first, second, plain = await answered(lab, lab.configuration(), [river, gold, EXAMPLES[2]])
    assert [score.passed for score in first.scores.values()] == [None, None, True, False, False]
    assert first.scores["checks"].value == 0.0
    assert first.scores["checks"].explanation == "1 of 2 assertions passed."
    assert second.scores["checks"].passed is True
    assert "checks" not in plain.scores


async def test_a_share_may_be_enough(lab: Lab) -> None:
    half = checked(
        EXAMPLES[0],
        {"type": "contains", "value": "Rhine"},
        {"type": "contains", "value": "Elbe"},
        checks_threshold=0.5,
    )
    (record,) = await answered(lab, lab.configuration(), [half])
    assert record.scores["checks"].passed is True


async def test_a_check_that_cannot_run_leaves_it_undecided(lab: Lab) -> None:
    rubric = checked(EXAMPLES[0], {"type": "llm-rubric", "value": "It is polite."})
    (record,) = await answered(lab, lab.configuration(), [rubric])
    assert record.scores["checks"].value is None
    assert "Not decided" in record.scores["checks"].failure


@pytest.mark.parametrize(
    ("reply", "scored"),
    [
        (Completion("The Rhi", finish_reason="content_filter"), False),
        (Completion("", finish_reason="SAFETY"), False),
        (Completion("", finish_reason="tool_calls"), False),
        (Completion("The Rhine.", finish_reason="tool_calls"), True),
        (Completion("The Rhi", finish_reason="length"), True),
        (Completion("", finish_reason="length"), True),
        (Completion("", finish_reason="stop"), True),
    ],
)
async def test_what_a_content_filter_left_and_a_call_of_a_tool_are_no_answers_to_score(
    lab: Lab, reply: Completion, scored: bool
) -> None:
    lab.chat = ScriptedChat([reply])
    polite = checked(EXAMPLES[0], {"type": "contains", "value": "Elbe", "negate": True})

    (record,) = await answered(lab, lab.configuration(), [polite])

    assert record.failure is None
    assert (record.scores["answer_f1"].value is not None) is scored
    assert record.scores["checks"].passed is (True if scored else None)
    if not scored:
        assert record.scores["answer_f1"].failure == describe_finish(record.answer) != ""


async def test_a_check_by_an_llm_is_asked_once(lab: Lab) -> None:
    lab.judge = JudgeSpec(endpoint="grader", model="g")
    lab.judge_chat = ScriptedChat(lambda _: '{"reason": "fine", "pass": true, "score": 1.0}', cost_usd=0.1)
    rubric = checked(EXAMPLES[0], {"type": "llm-rubric", "value": "It is polite."})
    await answered(lab, lab.configuration(), [rubric])
    count = len(lab.judge_chat.requests)
    later = lab.restarted()
    (again,) = await answered(later, later.configuration(), [rubric])
    assert count >= 1
    assert later.judge_chat.requests == []
    assert again.usage.calls == 0


async def test_a_run_tells_how_many_passed(lab: Lab) -> None:
    wrong = checked(EXAMPLES[1], {"type": "contains", "value": "Ag"})
    right = checked(EXAMPLES[0], {"type": "contains", "value": "Rhine"})
    lab.evaluation_set = EvaluationSet("checked", (right, wrong, EXAMPLES[2]))
    (result,) = await run(lab, lab.plan(lab.configuration()))
    assert result.metrics == ("answer_f1", "hit_rate", "checks")
    metrics = result_of(lab.store, [result.id])["runs"][0]["metrics"]
    assert (metrics["checks"]["mean"], metrics["checks"]["scored"], metrics["checks"]["total"]) == (0.5, 2, 3)
    assert lab.store.scores([result.id])[result.id].verdicts["checks"] == [True, False, None]


async def test_a_stopped_run_with_checks_is_continued(lab: Lab) -> None:
    lab.evaluation_set = EvaluationSet("checked", (checked(EXAMPLES[0], SHORT), EXAMPLES[1]))
    (result,) = await run(lab, lab.plan(lab.configuration()))
    lab.store.finish_run(result.id, "interrupted")
    (again,) = await run(lab, lab.plan(lab.configuration()))
    assert again.id == result.id


async def test_a_wrong_check_is_told_before_anything_is_asked(lab: Lab) -> None:
    lab.evaluation_set = EvaluationSet("checked", (checked(EXAMPLES[0], {"type": "magic"}),))
    with pytest.raises(BadInput, match="Example 'q0': in its assertions"):
        await run(lab, lab.plan(lab.configuration()))
    assert lab.chat.requests == []


def test_what_a_run_is_scored_by() -> None:
    assert metrics_to_record(["answer_f1"], EXAMPLES) == ("answer_f1",)
    assert metrics_to_record(["answer_f1"], [checked(EXAMPLES[0], SHORT)]) == ("answer_f1", "checks")
    assert metrics_to_record(("answer_f1", "checks"), EXAMPLES) == ("answer_f1",)


async def test_an_answer_whose_fact_check_failed_is_not_kept(lab: Lab) -> None:
    lab.judge_chat = ScriptedChat([EndpointError("The judge is away.", "unreachable")])
    configuration = lab.configuration(
        fact_check={"method": "flag", "judge": {"endpoint": "grader", "name": "g"}},
    )
    (record,) = await answered(lab, configuration, EXAMPLES[:1])
    assert record.answer is not None
    assert record.answer.notes[0].startswith(CHECK_FAILURE)
    later = lab.restarted()
    later.judge_chat = ScriptedChat(lambda _: '{"verdicts": [{"claim": 1, "supported": true, "passage": 1}]}')
    await answered(later, configuration, EXAMPLES[:1])
    assert len(later.judge_chat.requests) == 1
