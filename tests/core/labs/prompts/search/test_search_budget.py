"""The budget of a search is for all of its sessions, however often it is started."""

from __future__ import annotations

from typing import Any

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.execution.spending import read_spending, spending_words
from llmopt_core.experiments.search.task import FEW_SHOT_EFFECT
from llmopt_core.experiments.search.trial_runner import search_work_name
from llmopt_core.labs.prompts.few_shot_effect import measure_few_shot_effect
from llmopt_core.labs.prompts.few_shot_search import choose_few_shot
from llmopt_core.labs.prompts.instruction_search import search_instruction
from llmopt_core.models.base import ModelSpec
from llmopt_core.models.scripted import ScriptedChat

from .conftest import Lab

SEARCHES = {
    "worth": (measure_few_shot_effect, {}),
    "choice": (choose_few_shot, {}),
    "instruction": (search_instruction, {"proposer": ModelSpec(endpoint="writer")}),
}


def paid(lab: Lab) -> float:
    return 0.01 * len(lab.chat.requests) + 0.05 * len(lab.writer.requests)


@pytest.mark.parametrize("kind", SEARCHES)
async def test_a_search_that_is_cancelled_and_begun_anew_costs_no_more_than_its_budget(lab: Lab, kind: str) -> None:
    lab.writer = ScriptedChat(lambda _: "Be good and answer all of them well.", cost_usd=0.05)
    search, options = SEARCHES[kind]
    budget: dict[str, Any] = {"usd": 0.6}
    for most in (12, 24):
        result = await lab.run(
            search, lab.task(budget=budget), should_cancel=lambda most=most: len(lab.chat.requests) >= most, **options
        )
        assert result.ended == "cancelled"
        # What was answered must be asked again, and what it cost stays spent.
        lab.store.cache.clear()
    assert paid(lab) >= 0.24
    result = await lab.run(search, lab.task(budget=budget), **options)
    assert result.ended == "budget"
    before = paid(lab)
    assert before <= 0.6 + 1e-9
    for again in ({}, budget, {"usd": before}):
        with pytest.raises(BadInput, match="stopped by its budget"):
            await lab.run(search, lab.task(budget=again), **options)
    assert paid(lab) == before
    result = await lab.run(search, lab.task(budget={"usd": 5.0}), **options)
    assert result.ended == ""
    assert lab.reports[-1]["left_usd"] == pytest.approx(5.0 - paid(lab))


async def test_what_is_left_of_a_search_is_told_and_other_searches_have_their_own_budget(lab: Lab) -> None:
    await lab.run(measure_few_shot_effect, lab.task(budget={"usd": 0.3}))
    async with lab.models() as models:
        work = search_work_name(FEW_SHOT_EFFECT, lab.task(), models, {"keep_examples": False})
    assert read_spending(lab.store.cache, work).usage.cost_usd == pytest.approx(paid(lab))
    assert spending_words(lab.store.cache, work, 0.5) == "$0.30 of the budget of $0.50 are spent, $0.20 are left"
    other = await lab.run(measure_few_shot_effect, lab.task(count=12, budget={"usd": 0.3}))
    assert other.ended == "", "30 of 48 answers are not known yet"
