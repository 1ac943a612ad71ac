"""What calls cost, and a budget that no call breaks."""

from __future__ import annotations

import asyncio

import pytest

from llmopt_core.errors import EndpointError, OutOfBudget
from llmopt_core.execution.budget import Budget
from llmopt_core.models.base import ChatRequest, ModelSpec
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.types import Message, Usage


def request(number: int, model: str = "paid") -> ChatRequest:
    return ChatRequest((Message("user", str(number)),), ModelSpec(endpoint=model))


def models(settings, paid: ScriptedChat, free: ScriptedChat | None = None) -> Models:
    models = Models(settings, None, {})
    models.register("paid", paid)
    models.register("free", free or ScriptedChat(lambda _: "free"))
    return models


async def ask(made: Models, number: int, model: str = "paid") -> str | OutOfBudget:
    try:
        return (await made.chat(ModelSpec(endpoint=model)).complete(request(number, model))).text
    except OutOfBudget as error:
        return error


async def test_calls_are_counted_while_they_are_metered(settings) -> None:
    made = models(settings, ScriptedChat(lambda _: "yes", cost_usd=0.01))
    await ask(made, 0)
    with made.within(Budget()) as budget:
        assert [await ask(made, number) for number in (1, 2)] == ["yes", "yes"]
    await ask(made, 3)
    assert budget.usage.calls == 2
    assert budget.usage.cost_usd == pytest.approx(0.02)


async def test_no_call_is_made_that_the_budget_may_not_pay(settings) -> None:
    chat = ScriptedChat(lambda _: "yes", delay=0.001, cost_usd=0.01)
    made = models(settings, chat)
    with made.within(Budget(0.035)) as budget:
        answers = await asyncio.gather(*(ask(made, number) for number in range(8)))
        assert await ask(made, 9, "free") == "free"
    assert answers.count("yes") == len(chat.requests) == 3
    assert budget.usage.cost_usd == pytest.approx(0.03)
    text = next(str(answer) for answer in answers if isinstance(answer, OutOfBudget))
    assert "The budget of $0.035 leaves no room" in text


async def test_a_call_that_fails_holds_no_budget(settings) -> None:
    chat = ScriptedChat([EndpointError("down", "server-error"), "yes", "yes"], cost_usd=0.01)
    made = models(settings, chat)
    with made.within(Budget(0.025)) as budget:
        with pytest.raises(EndpointError):
            await ask(made, 1)
        assert [await ask(made, number) for number in (2, 3)] == ["yes", "yes"]
    assert budget.usage.calls == 2


async def test_cached_answers_cost_nothing_of_the_budget(settings, tmp_path) -> None:
    from llmopt_core.runs.store import Store

    models = Models(settings, Store.open(settings).cache, {})
    models.register("paid", ScriptedChat(lambda _: "yes", cost_usd=0.01))
    with models.within(Budget(0.015)) as budget:
        assert [await ask(models, 1) for _ in range(3)] == ["yes"] * 3
    assert budget.usage == Usage(
        budget.usage.prompt_tokens, budget.usage.completion_tokens, budget.usage.cost_usd, calls=1
    )
