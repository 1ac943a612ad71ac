"""A run that was interrupted under former terms of the search by words says so once it is gone on with."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from llmopt_core.experiments.caveats import caveats, caveats_of, run_caveats
from llmopt_core.experiments.comparison import comparison, earlier_state, new_id, start_comparison
from llmopt_core.experiments.comparison_plan import ComparisonPlan
from llmopt_core.experiments.experiment import resume_run, run_experiment
from llmopt_core.experiments.keys import documents_version
from llmopt_core.experiments.result import result_of
from llmopt_core.experiments.search_terms import SEARCH_TERMS
from llmopt_core.index import analysis
from llmopt_core.models.base import ChatRequest
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.runs.values import Run
from tests.engine_lab import Lab, reply

HYBRID = {"chunking": {"size": 20}, "search": {"method": "hybrid"}, "top_k": 1}
DENSE = {**HYBRID, "search": {"method": "dense"}}


async def _interrupted(lab: Lab, retrieval: dict[str, Any]) -> Run:
    stop = threading.Event()

    def answer(request: ChatRequest) -> str:
        if len(lab.chat.requests) >= 2:
            stop.set()
        return reply(request)

    lab.chat = ScriptedChat(answer, delay=0.3)
    lab.store.save_documents("p", lab.documents)
    plan = lab.plan(lab.configuration(retrieval=retrieval), concurrency=1)
    async with lab.models() as models:
        (run_id,) = await run_experiment(lab.store, plan, models, should_cancel=stop.is_set)
    run = lab.store.run(run_id)
    assert run.status == "cancelled"
    assert run.done > 0
    return run


def _told(lab: Lab, run: Run) -> list[str]:
    """What is said of it by the store, and by a result of it."""
    stored = [caveat.text for caveat in caveats(caveats_of(lab.store, [run]))]
    values = result_of(lab.store, [run.id])["runs"][0]
    assert [caveat.text for caveat in caveats([run_caveats(values)])] == stored
    assert all(text.removeprefix(f"{run.name}: ") in values["caveats"] for text in stored)
    return stored


@pytest.mark.parametrize("recorded", [True, False])
async def test_a_run_that_went_on_under_other_terms_says_so(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, recorded: bool
) -> None:
    run = await _interrupted(lab, HYBRID)
    assert run.options[SEARCH_TERMS] == [analysis.VERSION]
    if not recorded:
        # As of a run from before its terms were kept.
        lab.store.resume_run(run.id, options={SEARCH_TERMS: None})
        lab.store.finish_run(run.id, "cancelled", seconds=1.0)
    assert _told(lab, run) == []
    monkeypatch.setattr(analysis, "VERSION", analysis.VERSION + 1)
    async with lab.models() as models:
        await resume_run(lab.store, run.id, models)
    (text,) = _told(lab, lab.store.run(run.id))
    assert ("has changed" if recorded else "may have changed") in text
    assert "evaluate again in a new run" in text


async def test_under_the_same_terms_there_is_nothing_to_say(lab: Lab) -> None:
    run = await _interrupted(lab, HYBRID)
    async with lab.models() as models:
        await resume_run(lab.store, run.id, models)
    assert _told(lab, lab.store.run(run.id)) == []


async def test_a_run_that_searches_by_meaning_alone_does_not_know_of_terms(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    dense = await _interrupted(lab, DENSE)
    assert SEARCH_TERMS not in dense.options
    monkeypatch.setattr(analysis, "VERSION", analysis.VERSION + 1)
    async with lab.models() as models:
        await resume_run(lab.store, dense.id, models)
    assert _told(lab, lab.store.run(dense.id)) == []


async def test_a_comparison_with_a_variant_of_two_kinds_of_terms_names_it(lab: Lab) -> None:
    lab.store.save_documents("p", lab.documents)
    variants = (lab.configuration("words", retrieval=HYBRID), lab.configuration("meaning", retrieval=DENSE))
    plan = ComparisonPlan("p", variants, lab.evaluation_set, documents=lab.documents)
    async with lab.models() as models:
        started = start_comparison(lab.store, plan, new_id(), models)
        assert earlier_state(started, documents_version(lab.documents), models) == ""
        (run,) = started.runs[0]
        lab.store.finish_run(run.id, "cancelled", seconds=1.0)
        lab.store.resume_run(run.id, options={SEARCH_TERMS: [analysis.VERSION - 1, analysis.VERSION]})
        again = comparison(lab.store, "p", started.id)
        told = earlier_state(again, documents_version(lab.documents), models)
    assert told.startswith("words: the search by words has changed")
    assert "meaning" not in told
