import pytest

from llmopt_core.errors import EndpointError
from llmopt_core.experiments.estimate import estimate
from llmopt_core.models.scripted import ScriptedChat
from tests.engine_lab import Lab

from .test_runner import MANY, echo, plain, run


async def test_a_pilot_tells_what_the_rest_will_cost(lab: Lab) -> None:
    lab.evaluation_set, lab.metrics = MANY, ("exact_match",)
    lab.chat = ScriptedChat(echo, cost_usd=0.01)
    async with lab.models() as models:
        (told,) = await estimate(lab.store, lab.plan(plain(lab)), models)
    assert (told.records, told.cached, told.calls) == (40, 5, 35)
    assert told.cost_usd == pytest.approx(0.35)
    low, high = told.cost_range
    assert 0.2 < low < 0.35 < high < 0.5
    assert told.seconds_range[0] <= told.seconds <= told.seconds_range[1]
    assert told.pilot_usage.calls == 5
    assert told.prompt_tokens == 70
    (result,) = await run(lab, lab.plan(plain(lab)))
    assert len(lab.chat.requests) == 40
    assert result.usage.cached_calls == 5


async def test_what_is_cached_costs_nothing(lab: Lab) -> None:
    await run(lab, lab.plan(lab.configuration()))
    lab.chat = ScriptedChat(["never"])
    async with lab.models() as models:
        (told,) = await estimate(lab.store, lab.plan(lab.configuration()), models)
    assert (told.cached, told.calls, told.cost_usd, told.seconds) == (4, 0, 0.0, 0.0)
    assert (told.cost_range, told.seconds_range) == ((0.0, 0.0), (0.0, 0.0))
    assert lab.chat.requests == []
    assert lab.store.runs("p")[0].status == "finished"


async def test_a_pilot_that_fails_says_why(lab: Lab) -> None:
    lab.chat = ScriptedChat([EndpointError("The key is wrong.", "unauthorized")] * 5)
    async with lab.models() as models:
        (told,) = await estimate(lab.store, lab.plan(lab.configuration()), models)
    assert told.failures == ("The key is wrong.",)
