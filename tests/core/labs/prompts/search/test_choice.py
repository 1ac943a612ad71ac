"""Automatic few-shot choice."""

from __future__ import annotations

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.experiments.search.results import ChoiceResult
from llmopt_core.experiments.search.task import split
from llmopt_core.labs.prompts.few_shot_search import choice_answers, choose_few_shot

from .conftest import SHOTS, Lab, examples


@pytest.mark.parametrize("method", ["greedy", "random"])
async def test_the_helping_example_is_found_and_verified_on_unseen_questions(lab: Lab, method: str) -> None:
    result: ChoiceResult = await lab.run(choose_few_shot, lab.task(30), method=method)
    assert result.chosen is not None
    assert 2 in result.chosen
    assert 1 not in result.chosen
    assert result.few_shot is not None
    assert result.few_shot.select == "all"
    assert SHOTS[2] in result.few_shot.examples
    assert result.verification is not None
    assert result.verification.is_better
    assert result.verification.questions == result.held_back == 15
    assert (result.verification.before.mean, result.verification.after.mean) == (0.0, 1.0)
    assert result.trials[0].places is None
    assert result.trials[1].places == ()
    assert ChoiceResult.model_validate(result.model_dump(mode="json")) == result


async def test_the_search_never_sees_the_held_back_part(lab: Lab) -> None:
    task = lab.task(30)
    training, held = split(task.evaluation_set.examples, 0.5, 0)
    assert not {e.id for e in training} & {e.id for e in held}
    await lab.run(choose_few_shot, task)
    requests = [request.messages[-1].content for request in lab.chat.requests]
    first_held = next(i for i, text in enumerate(requests) if text in {e.question for e in held})
    assert {*requests[first_held:]} == {e.question for e in held}
    assert len(requests) - first_held == 2 * len(held)


async def test_greedy_stops_where_nothing_helps(lab: Lab) -> None:
    result = await lab.run(choose_few_shot, lab.task(24), method="greedy", most=3)
    assert result.chosen == (2,)
    assert {trial.step for trial in result.trials} == {0, 1, 2}
    assert result.usage.calls <= choice_answers("greedy", 3, 3, 0, 12, 12)


async def test_where_nothing_beats_the_present_set_nothing_is_reported(lab: Lab) -> None:
    result = await lab.run(choose_few_shot, lab.task(24, few_shot={"examples": [SHOTS[2], SHOTS[0]]}))
    assert result.chosen is None
    assert result.few_shot is None
    assert result.verification is None


async def test_a_budget_keeps_what_the_verification_needs(lab: Lab) -> None:
    result = await lab.run(choose_few_shot, lab.task(24, budget={"calls": 80}))
    assert result.ended == "budget"
    assert len(lab.chat.requests) <= 80
    assert result.chosen == (0,) or result.chosen == (), "the guide was not reached"
    assert result.verification is not None
    assert not all(trial.complete for trial in result.trials)


async def test_a_budget_too_small_to_verify_anything_is_refused(lab: Lab) -> None:
    with pytest.raises(BadInput, match="at least 48"):
        await lab.run(choose_few_shot, lab.task(24, budget={"calls": 40}))
    assert not lab.chat.requests


async def test_cancelling_verifies_nothing_and_keeps_what_was_paid(lab: Lab) -> None:
    result = await lab.run(choose_few_shot, lab.task(24), should_cancel=lambda: len(lab.chat.requests) >= 40)
    assert result.ended == "cancelled"
    assert result.verification is None
    count = len(lab.chat.requests)
    again = await lab.run(choose_few_shot, lab.task(24))
    assert len(lab.chat.requests) - count == again.usage.calls
    assert again.verification is not None


async def test_too_few_questions_or_examples_are_refused(lab: Lab) -> None:
    with pytest.raises(BadInput, match="at least 6"):
        await lab.run(choose_few_shot, lab.task(10))
    with pytest.raises(BadInput, match="at least two"):
        await lab.run(choose_few_shot, lab.task(24, few_shot={"examples": SHOTS[:1]}))


async def test_places_count_the_saved_set(lab: Lab) -> None:
    repeated = {"question": examples(2)[1].question, "answer": "38"}
    result = await lab.run(choose_few_shot, lab.task(24, few_shot={"examples": [repeated, *SHOTS]}))
    assert result.chosen == (3,)
    assert result.questions[3] == SHOTS[2]["question"]
    assert result.left_out == (repeated["question"],)


def test_questions_that_ask_the_same_stay_on_one_side() -> None:
    twice = [e for pair in zip(examples(12), examples(12), strict=True) for e in pair]
    training, held = split(twice, 0.5, 3)
    assert not {e.question for e in training} & {e.question for e in held}
