"""Instruction search."""

from __future__ import annotations

import pytest

from llmopt_core.errors import BadInput, EndpointError
from llmopt_core.experiments.search.results import InstructionResult
from llmopt_core.labs.prompts.instruction_search import search_instruction
from llmopt_core.labs.prompts.proposer import instruction_in, refusal, usual_part
from llmopt_core.models.base import ModelSpec
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.prompts.spec import PromptSpec

from .conftest import Lab

WRITER = ModelSpec(endpoint="writer", name="w", mode="chat", temperature=0.8)


def wrapped(*texts: str) -> ScriptedChat:
    return ScriptedChat([f"Here:\n<instruction>{text}</instruction>" for text in texts], cost_usd=0.05)


async def search(lab: Lab, count: int = 24, budget: dict | None = None, **options: object) -> InstructionResult:
    task = lab.task(count, budget, few_shot=None)
    result = await lab.run(search_instruction, task, **{"proposer": WRITER, "rewrites": 2, **options})
    assert isinstance(result, InstructionResult)
    return result


async def test_a_rewrite_that_wins_on_unseen_questions_is_kept(lab: Lab) -> None:
    lab.writer = wrapped("Be bad.", "Be good.")
    result = await search(lab)
    bad, good = result.candidates
    assert (result.best, result.better_text) == (1, "Be good.")
    assert bad.comparison is not None
    assert bad.comparison.difference is not None
    assert bad.comparison.difference < 0
    assert good.summary is not None
    assert good.summary.mean == 1.0
    assert result.verification is not None
    assert result.verification.after.mean == 1.0
    assert result.verification.questions == 12
    assert result.original == "Answer."
    assert result.usage.cost_usd == pytest.approx(0.01 * (12 + 2 * 12 + 2 * 12) + 2 * 0.05)
    assert InstructionResult.model_validate(result.model_dump(mode="json")) == result


async def test_the_writer_sees_the_instruction_and_what_went_wrong(lab: Lab) -> None:
    lab.writer = wrapped("Be good.", "Be bad.")
    await search(lab)
    request = lab.writer.requests[0].messages[-1].content
    assert "<instruction>\nAnswer.\n</instruction>" in request
    assert "Answered: no" in request
    assert "Expected: " in request
    first, second = lab.writer.requests
    assert first.repeat != second.repeat
    assert first.messages != second.messages, "each rewrite gets another hint"


async def test_where_all_are_worse_the_original_stays_and_nothing_is_verified(lab: Lab) -> None:
    lab.writer = wrapped("Be bad.", "Be bad, always.")
    result = await search(lab)
    assert (result.best, result.better_text, result.verification) == (None, None, None)
    assert len(lab.chat.requests) == 3 * 12


async def test_a_gain_on_the_training_part_that_does_not_hold_is_not_kept(lab: Lab) -> None:
    lab.writer = wrapped("Be good.")
    task_training = []

    def overfitted(request: object) -> str:
        text = str(request)
        task_training.append(text)
        from .conftest import reply

        seen_before = len(task_training) <= 24
        return reply(request) if seen_before else "no"  # type: ignore[arg-type]

    lab.chat = ScriptedChat(overfitted)
    result = await search(lab, rewrites=1)
    assert result.best == 0
    assert result.verification is not None
    assert not result.verification.is_better
    assert result.better_text is None


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("", "no instruction"),
        ("<instruction> </instruction>", "no instruction"),
        ("<instruction>Answer!</instruction>", "same as one that was tried"),
        ("<instruction>Answer {{ secret }}</instruction>", "which the original does not"),
        ("<instruction>{% for i in x %}", "Jinja2 statements"),
        ("<instruction>Reply {{ </instruction>", "template"),
        ("word " * 2000, "characters long"),
    ],
)
async def test_rubbish_is_refused_with_the_reason_and_costs_no_answer(lab: Lab, reply: str, why: str) -> None:
    lab.writer = ScriptedChat([reply])
    result = await search(lab, rewrites=1)
    (candidate,) = result.candidates
    assert why in candidate.refused
    assert candidate.summary is None
    assert len(lab.chat.requests) == 12


async def test_a_writer_that_fails_is_told_and_the_others_go_on(lab: Lab) -> None:
    lab.writer = ScriptedChat([EndpointError("No such model.", "not-found"), "<instruction>Be good.</instruction>"])
    result = await search(lab)
    assert result.candidates[0].refused == "No such model."
    assert result.better_text == "Be good."


async def test_a_second_round_starts_from_the_best_so_far(lab: Lab) -> None:
    lab.writer = wrapped("Be good.", "Be good and brief.")
    result = await search(lab, rewrites=1, rounds=2)
    assert [candidate.round for candidate in result.candidates] == [1, 2]
    assert "Be good." in lab.writer.requests[1].messages[-1].content
    assert result.best == 0, "no gain over the first"


async def test_the_budget_holds_with_the_writer_counted(lab: Lab) -> None:
    lab.writer = wrapped("Be bad.", "Be good.", "Be good and brief.", "Be good and kind.")
    result = await search(lab, budget={"calls": 64}, rewrites=4)
    assert result.ended == "budget"
    assert len(lab.chat.requests) + len(lab.writer.requests) == result.usage.calls <= 64
    assert [candidate.complete for candidate in result.candidates] == [True, True, False, False]
    assert result.better_text == "Be good.", "what the test needs was kept back"


async def test_a_budget_in_dollars_holds_with_the_writer_counted(lab: Lab) -> None:
    lab.writer = wrapped("Be good.", "Be good and brief.", "Be good and kind.")
    result = await search(lab, budget={"usd": 0.75}, rewrites=3)
    assert result.ended == "budget"
    assert result.usage.cost_usd is not None
    assert 0.6 < result.usage.cost_usd <= 0.75
    assert result.better_text == "Be good."


async def test_cancel_keeps_what_was_paid(lab: Lab) -> None:
    lab.writer = ScriptedChat(lambda request: f"<instruction>Be good {request.repeat}.</instruction>")
    result = await search(lab, should_cancel=lambda: len(lab.chat.requests) >= 20)
    assert result.ended == "cancelled"
    assert len(result.candidates) == 2
    assert result.verification is None
    count = len(lab.chat.requests)
    again = await search(lab)
    assert again.better_text is not None
    assert len(lab.chat.requests) == 12 * 5
    assert count < len(lab.chat.requests)
    assert len(lab.writer.requests) == 2, "rewrites are kept, too"


async def test_the_user_message_can_be_rewritten_and_keeps_its_variables(lab: Lab) -> None:
    lab.writer = wrapped("Be good. {{ question }}", "Be good without it.")
    result = await search(lab, part="template")
    assert result.better_text == "Be good. {{ question }}"
    assert "lost {{ question }}" in result.candidates[1].refused
    assert "{{ question }}" in lab.writer.requests[0].messages[-1].content


async def test_a_completion_model_is_shown_worked_examples(lab: Lab) -> None:
    lab.writer = ScriptedChat([" Be good.", ' "Be good and kind."'])
    result = await search(lab, proposer=WRITER.model_copy(update={"mode": "completion"}))
    assert lab.writer.requests[0].messages[0].content.endswith("Better instruction:")
    assert lab.writer.requests[0].model.stop == ("\n",)
    assert [candidate.text for candidate in result.candidates] == ["Be good.", "Be good and kind."]


async def test_bad_set_ups_are_refused(lab: Lab) -> None:
    with pytest.raises(BadInput, match="nowhere"):
        await search(lab, proposer=ModelSpec(endpoint="nowhere"))
    with pytest.raises(BadInput, match="at least 6"):
        await search(lab, count=8)
    with pytest.raises(BadInput, match="used up before"):
        await search(lab, budget={"calls": 20})
    with pytest.raises(BadInput, match="none is known for the writer on free"):
        await search(lab, budget={"usd": 1}, proposer=ModelSpec(endpoint="free"))


def test_the_instruction_is_found_in_a_reply() -> None:
    assert instruction_in("Sure!\n<instruction>\nDo it.\n</instruction> Bye") == "Do it."
    assert instruction_in("<INSTRUCTION>Do it.") == "Do it."
    assert instruction_in('New instruction: "Do it."') == "Do it."
    assert instruction_in("```text\nDo it.\n```") == "Do it."


def test_a_rewrite_that_was_cut_off_is_refused() -> None:
    assert "cut off" in refusal("Do", "Be", "system", (), "length")
    assert not refusal("Do", "Be", "system", ("Go",), "stop")


def test_where_the_instruction_stands() -> None:
    assert usual_part(PromptSpec(template="Question: {{ question }}\nAnswer:")) == "system"
    assert usual_part(PromptSpec(template="Answer in one word, please, and no more: {{ question }}")) == "template"
    assert usual_part(PromptSpec(system="Be brief.", template="a b c d e f g h {{ question }}")) == "system"
