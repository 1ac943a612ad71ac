"""What each few-shot example is worth."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmopt_core.errors import BadInput, EndpointError
from llmopt_core.experiments.search.results import FewShotEffect
from llmopt_core.experiments.search.task import sample_examples
from llmopt_core.labs.prompts.few_shot_effect import effect_answers, measure_few_shot_effect
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.types import EvaluationSet, Example, Span

from .conftest import SHOTS, Lab, examples, reply


async def test_an_example_that_helps_is_told_from_one_that_does_nothing(lab: Lab) -> None:
    task = lab.task(few_shot={"examples": [SHOTS[0], SHOTS[2]]})
    found: FewShotEffect = await lab.run(measure_few_shot_effect, task)
    assert found.full.mean == 1.0
    idle, guide = found.examples
    assert (idle.place, idle.question, idle.verdict) == (0, "How warm is snow?", "cannot tell")
    assert idle.comparison is not None
    assert idle.comparison.difference == 0.0
    assert guide.verdict == "better"
    assert guide.comparison is not None
    assert guide.comparison.difference == pytest.approx(16 / 24)
    assert guide.comparison.low is not None
    assert guide.p_adjusted is not None
    assert guide.p_adjusted >= (guide.comparison.p_value or 0)
    assert guide.tokens is not None
    assert guide.tokens > 0
    assert len(lab.chat.requests) == effect_answers(2, 24) == found.usage.calls
    assert (found.ended, found.questions, found.source) == ("", 24, "support v1")


async def test_an_example_that_misleads_is_worse(lab: Lab) -> None:
    found = await lab.run(measure_few_shot_effect, lab.task(few_shot={"examples": SHOTS[:2]}))
    assert [example.verdict for example in found.examples] == ["cannot tell", "worse"]


async def test_nothing_is_called_twice(lab: Lab) -> None:
    first = await lab.run(measure_few_shot_effect, lab.task())
    calls = len(lab.chat.requests)
    again = await lab.run(measure_few_shot_effect, lab.task())
    assert len(lab.chat.requests) == calls
    assert again.usage.calls == 0
    assert again.examples == first.examples


async def test_the_result_can_be_kept_as_plain_values(lab: Lab) -> None:
    found = await lab.run(measure_few_shot_effect, lab.task())
    assert FewShotEffect.model_validate(found.model_dump(mode="json")) == found


async def test_a_used_up_budget_leaves_what_is_complete_and_paid_for(lab: Lab) -> None:
    found = await lab.run(measure_few_shot_effect, lab.task(budget={"calls": 60}))
    assert found.ended == "budget"
    assert len(lab.chat.requests) == found.usage.calls == 60
    assert [example.comparison is not None for example in found.examples] == [True, False, False]
    assert found.examples[1].verdict is None
    for budget in ({}, {"calls": 60}, {"usd": 5.0}):
        with pytest.raises(BadInput, match=r"stopped by its budget, and \$0\.60 are spent so far, in 60 calls"):
            await lab.run(measure_few_shot_effect, lab.task(budget=budget))
    assert len(lab.chat.requests) == 60
    more = await lab.run(measure_few_shot_effect, lab.task(budget={"calls": 96}))
    assert len(lab.chat.requests) == effect_answers(3, 24) == 96, "only what was missing is asked"
    assert more.ended == ""


async def test_a_budget_in_dollars_is_never_passed(lab: Lab) -> None:
    found = await lab.run(measure_few_shot_effect, lab.task(budget={"usd": 0.305}))
    assert found.ended == "budget"
    assert found.usage.cost_usd is not None
    assert 0.25 < found.usage.cost_usd <= 0.305


async def test_cancel_in_the_middle_keeps_what_was_paid(lab: Lab) -> None:
    found = await lab.run(measure_few_shot_effect, lab.task(), should_cancel=lambda: len(lab.chat.requests) >= 50)
    assert found.ended == "cancelled"
    paid = len(lab.chat.requests)
    assert paid < 60
    assert found.examples[0].comparison is not None
    await lab.run(measure_few_shot_effect, lab.task())
    assert len(lab.chat.requests) == effect_answers(3, 24)


async def test_examples_that_stand_in_the_set_are_left_out(lab: Lab) -> None:
    asked = {"question": examples(3)[2].question, "answer": "75"}
    found = await lab.run(measure_few_shot_effect, lab.task(few_shot={"examples": [asked, *SHOTS]}))
    assert [example.place for example in found.examples] == [1, 2, 3]
    assert found.left_out == (asked["question"],)


async def test_or_the_questions_are_left_out_and_the_examples_stay(lab: Lab) -> None:
    words = ("harbour", "railway", "lighthouse", "market")
    rows = tuple(Example(f"q{n}", f"Tell the {w} number, which is {n * 37}", str(n)) for n, w in enumerate(words))
    asked = {"question": rows[2].question, "answer": "2"}
    task = replace(lab.task(few_shot={"examples": [asked]}), evaluation_set=EvaluationSet("s", rows))
    found = await lab.run(measure_few_shot_effect, task, keep_examples=True)
    assert (found.questions, len(found.examples), found.left_out) == (3, 1, (asked["question"],))


async def test_a_fixed_selection_stands_for_the_examples_it_chooses(lab: Lab) -> None:
    found = await lab.run(measure_few_shot_effect, lab.task(few_shot={"examples": SHOTS, "select": "first", "k": 2}))
    assert [example.place for example in found.examples] == [0, 1]
    drawn = await lab.run(
        measure_few_shot_effect, lab.task(few_shot={"examples": SHOTS, "select": "random", "k": 2, "seed": 1})
    )
    assert len(drawn.examples) == 2


async def test_nearest_examples_are_chosen_from_what_is_left(lab: Lab) -> None:
    found = await lab.run(measure_few_shot_effect, lab.task(few_shot={"examples": SHOTS, "select": "nearest", "k": 1}))
    assert len(found.examples) == 3


async def test_without_examples_it_says_so(lab: Lab) -> None:
    with pytest.raises(BadInput, match="No few-shot example"):
        await lab.run(measure_few_shot_effect, lab.task(few_shot=None))


async def test_an_endpoint_that_is_down_is_said_after_a_few_calls(lab: Lab) -> None:
    def down(_: object) -> str:
        raise EndpointError("Nobody listens at this address.", "unreachable")

    lab.chat = ScriptedChat(down)
    with pytest.raises(BadInput, match="Nobody listens"):
        await lab.run(measure_few_shot_effect, lab.task())
    assert len(lab.chat.requests) < 20


async def test_one_variant_that_always_fails_does_not_end_the_others(lab: Lab) -> None:
    def picky(request: object) -> str:
        if "GUIDES" not in str(request):
            raise EndpointError("Too short.", "bad-request")
        return reply(request)  # type: ignore[arg-type]

    lab.chat = ScriptedChat(picky)
    found = await lab.run(measure_few_shot_effect, lab.task(few_shot={"examples": [SHOTS[2], SHOTS[0]]}))
    assert found.examples[0].comparison is None
    assert found.examples[1].comparison is not None


async def test_a_metric_without_references_is_refused(lab: Lab) -> None:
    task = lab.task()
    blank = EvaluationSet("s", tuple(replace(example, reference=None) for example in task.evaluation_set.examples))
    with pytest.raises(BadInput, match="needs reference answers"):
        await lab.run(measure_few_shot_effect, replace(task, evaluation_set=blank))
    with pytest.raises(BadInput, match="no prompt changes"):
        await lab.run(measure_few_shot_effect, replace(task, metric="hit_rate"))
    with pytest.raises(BadInput, match="has assertions"):
        await lab.run(measure_few_shot_effect, replace(task, metric="checks"))


async def test_passing_checks_counts_too(lab: Lab) -> None:
    task = lab.task(few_shot={"examples": [SHOTS[2]]})
    checked = tuple(
        replace(e, variables={"checks": [{"type": "contains", "value": e.reference}]})
        for e in task.evaluation_set.examples
    )
    found = await lab.run(
        measure_few_shot_effect, replace(task, evaluation_set=EvaluationSet("s", checked), metric="checks")
    )
    assert found.examples[0].verdict == "better"


async def test_progress_is_told_in_the_words_of_a_job(lab: Lab) -> None:
    await lab.run(measure_few_shot_effect, lab.task())
    last = lab.reports[-1]
    assert (last["done"], last["total"], last["message"]) == (96, 96, "without example 3")
    assert last["cost_usd"] == pytest.approx(0.96)


def test_a_sample_is_drawn_once_and_for_all() -> None:
    found = EvaluationSet("s", examples(20))
    assert sample_examples(found, 5, 1) == sample_examples(found, 5, 1)
    assert len(sample_examples(found, 5).examples) == 5
    assert sample_examples(found, 50) is found


async def test_questions_of_one_document_count_once(lab: Lab) -> None:
    """All that the guide brings lies in a few documents: too few to tell, however many questions they have."""
    task = lab.task(few_shot={"examples": [SHOTS[0], SHOTS[2]]})
    sourced = tuple(
        replace(one, references=(Span(f"doc{number // 6}", 0, 5),)) for number, one in enumerate(examples(24))
    )
    task = replace(task, evaluation_set=EvaluationSet("questions", sourced))
    found = await lab.run(measure_few_shot_effect, task)
    comparison = found.examples[1].comparison
    assert comparison is not None
    assert (comparison.pairs, comparison.clusters, comparison.verdict) == (24, 4, "cannot tell")
