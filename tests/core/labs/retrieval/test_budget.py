"""The retrieval lab's paid work: an estimate first, a budget that holds, what is left told truly."""

from __future__ import annotations

import pytest

from llmopt_core.errors import BadInput, OutOfBudget
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.execution.budget import Budget
from llmopt_core.labs.retrieval.ablation import ablate
from llmopt_core.labs.retrieval.components import is_free, list_asked_models
from llmopt_core.labs.retrieval.estimate import (
    LabEstimate,
    estimate_ablation,
    estimate_measure,
    estimate_sweep,
)
from llmopt_core.labs.retrieval.jobs import (
    ABLATION,
    MEASURE,
    SWEEP,
    Task,
    lab_arguments,
    lab_versions,
    pilot_of,
    report_of,
)
from llmopt_core.labs.retrieval.k_sweep import KSweep, k_sweep
from llmopt_core.labs.retrieval.progress import LabProgress, Tally
from llmopt_core.labs.retrieval.set_report import measure_set
from llmopt_core.labs.retrieval.subject import Subject
from tests.engine_lab import EXAMPLES, Lab

HYBRID = {"chunking": {"size": 20}, "search": {"method": "hybrid"}, "top_k": 1}
HYDE = {**HYBRID, "transform": {"method": "hyde", "n": 1, "model": {"endpoint": "scripted"}}}


async def left_out(lab: Lab, budget: float | None = None, **more):
    async with lab.models() as models:
        subject = Subject(lab.configuration(retrieval=HYDE), EXAMPLES, lab.documents, models)
        return await ablate(subject, budget_usd=budget, **more)


async def measured(lab: Lab, budget: float | None = None, **more):
    async with lab.models() as models:
        subject = Subject(lab.configuration(retrieval=HYDE), EXAMPLES, lab.documents, models)
        return await measure_set(subject, budget_usd=budget, **more)


async def swept(lab: Lab, budget: float | None = None, **more):
    async with lab.models() as models:
        return await k_sweep(
            Subject(lab.configuration(), EXAMPLES, lab.documents, models), ks=(1, 3), budget_usd=budget, **more
        )


@pytest.mark.parametrize("work", [left_out, swept, measured])
async def test_a_budget_stops_it_and_what_was_made_is_kept(lab: Lab, work) -> None:
    with pytest.raises(OutOfBudget, match="leaves no room"):
        await work(lab, 0.025)
    assert len(lab.chat.requests) == 2
    again = lab.restarted()
    report = await work(again, 1.0)
    whole = len(again.chat.requests) + 2
    assert report.questions == 4
    assert whole == (8 if work is swept else 4)


async def test_questions_that_the_budget_stopped_do_not_count_as_done(lab: Lab) -> None:
    calls: list[LabProgress] = []
    with pytest.raises(OutOfBudget):
        await measured(lab, 0.025, on_progress=calls.append)
    assert (calls[-1].done, calls[-1].total) == (2, 4)


async def test_a_budget_without_prices_is_refused(lab: Lab) -> None:
    async with lab.models() as models:
        models.register("unpriced", lab.chat)
        other = lab.configuration(model={"endpoint": "unpriced", "name": "m"})
        with pytest.raises(BadInput, match="A budget needs prices"):
            await k_sweep(Subject(other, EXAMPLES, lab.documents, models), budget_usd=1.0)
    assert lab.chat.requests == []


@pytest.mark.parametrize("answers", [False, True])
async def test_an_estimate_foretells_what_leave_one_out_spends(lab: Lab, answers: bool) -> None:
    async with lab.models() as models:
        estimate = await estimate_ablation(
            Subject(lab.configuration(retrieval=HYDE), EXAMPLES, lab.documents, models), answers=answers
        )
    pilot = len(lab.chat.requests)
    # The whole, and without HyDE, BM25 and dense search: of each one question is tried.
    assert (estimate.total, estimate.left, estimate.failures) == (16, 12, ())
    assert estimate.spent_usd == pytest.approx(0.01 * pilot)
    await left_out(lab, answers=answers)
    count = len(lab.chat.requests) - pilot
    assert estimate.calls == pytest.approx(count, abs=3)
    assert estimate.cost_usd == pytest.approx(0.01 * estimate.calls)


async def test_an_estimate_foretells_what_a_whole_set_spends(lab: Lab) -> None:
    async with lab.models() as models:
        estimate = await estimate_measure(Subject(lab.configuration(retrieval=HYDE), EXAMPLES, lab.documents, models))
    pilot = len(lab.chat.requests)
    assert 0 < pilot < len(EXAMPLES)
    assert estimate.paid_usd == estimate.spent_usd == pytest.approx(0.01 * pilot)
    with pytest.raises(OutOfBudget):
        await measured(lab, 0.01 * pilot + 0.005)
    assert len(lab.chat.requests) == pilot
    await measured(lab, 1.0)
    assert estimate.calls == estimate.left == len(lab.chat.requests) - pilot
    assert estimate.cost_usd == pytest.approx(0.01 * estimate.calls)


async def test_an_estimate_leaves_out_what_is_known(lab: Lab) -> None:
    await swept(lab)
    async with lab.models() as models:
        estimate = await estimate_sweep(Subject(lab.configuration(), EXAMPLES, lab.documents, models), ks=(1, 2, 3))
    assert (estimate.total, estimate.left, estimate.calls, estimate.cost_usd) == (12, 1, 1, pytest.approx(0.01))


async def test_what_is_asked_decides_whether_it_is_free(lab: Lab) -> None:
    local = lab.configuration(retrieval=HYBRID)
    async with lab.models() as models:
        assert is_free(list_asked_models(local, False, JudgeSpec()), models)
        assert not is_free(list_asked_models(local, True, JudgeSpec()), models)
        assert not is_free(list_asked_models(lab.configuration(retrieval=HYDE), False, JudgeSpec()), models)
        free = lab.configuration(model={})
        assert is_free(list_asked_models(free, True, JudgeSpec()), models)
        assert not is_free(list_asked_models(free, True, JudgeSpec(endpoint="grader")), models)


async def test_progress_tells_tokens_cost_and_what_was_known(lab: Lab) -> None:
    calls: list[LabProgress] = []
    await swept(lab, on_progress=calls.append)
    assert (calls[-1].done, calls[-1].total, calls[-1].cached) == (8, 8, 0)
    assert calls[-1].usage.cost_usd == pytest.approx(0.08)
    assert calls[-1].as_dict()["tokens"] > 0
    await swept(lab, on_progress=calls.append)
    assert (calls[-1].cached, calls[-1].usage.calls, calls[-1].seconds_left) == (8, 0, 0.0)
    assert calls[-2].seconds_left is None


def test_time_left_is_told_by_what_is_made() -> None:
    now = 0.0
    calls: list[LabProgress] = []
    tally = Tally(100, Budget(), calls.append, at_once=1, clock=lambda: now)
    for _ in range(80):
        now += 0.01
        tally.step(from_cache=True)
    assert calls[-1].seconds_left is None
    for _ in range(6):
        now += 2.0
        tally.step(from_cache=False)
    assert calls[-1].seconds_left == pytest.approx(14 * 2.0)
    assert (calls[-1].done, calls[-1].cached) == (86, 80)


def test_searches_between_answers_do_not_tell_the_time() -> None:
    now = 0.0
    calls: list[LabProgress] = []
    tally = Tally(20, Budget(), calls.append, slow=10, at_once=1, clock=lambda: now)
    for _ in range(10):
        now += 0.01
        tally.step(from_cache=False, slow=False)
    assert calls[-1].seconds_left is None
    for _ in range(5):
        now += 3.0
        tally.step(from_cache=False)
    assert calls[-1].seconds_left == pytest.approx(5 * 3.0)


def test_a_job_ends_as_budget_reached_and_goes_on_with_a_larger_one(lab: Lab) -> None:
    runner = lab.runner()
    task = Task(lab.store.project("p"), lab.configuration(), EXAMPLES, lab.documents, "questions")

    def run(budget: float):
        arguments = lab_arguments(lab.store, SWEEP, task, {"ks": [1, 3]}, budget)
        return runner.wait(runner.submit(SWEEP, "p", arguments, versions=lab_versions(task)), 60)

    stopped = run(0.035)
    assert stopped.status == "budget-reached"
    assert "The budget of $0.035" in stopped.error
    assert stopped.progress["cost_usd"] <= 0.035
    assert report_of(stopped, KSweep) is None
    result = run(0.2)
    assert result.status == "finished", result.error
    assert result.progress["cached"] == 3
    assert result.progress["cost_usd"] == pytest.approx(0.08), "what was paid before it was stopped is a part of it"
    assert result.progress["cost_usd"] + result.progress["left_usd"] == pytest.approx(0.2)


def test_a_pilot_is_a_job_too(lab: Lab) -> None:
    runner = lab.runner()
    task = Task(lab.store.project("p"), lab.configuration(retrieval=HYDE), EXAMPLES, lab.documents, "questions")
    for kind, options in ((ABLATION, {"answers": False}), (SWEEP, {"ks": [1]}), (MEASURE, {"k": 3})):
        arguments = lab_arguments(lab.store, pilot_of(kind), task, options)
        job = runner.wait(runner.submit(pilot_of(kind), "p", arguments, versions=lab_versions(task)), 60)
        assert job.status == "finished", job.error
        text = report_of(job, LabEstimate)
        assert text is not None
        assert text.left < text.total


async def test_the_same_work_again_is_paid_from_the_same_budget(lab: Lab) -> None:
    """Twice the same budget buys no more than once; a larger one pays the rest, and without one it asks."""
    with pytest.raises(OutOfBudget):
        await swept(lab, 0.035)
    count = len(lab.chat.requests)
    for _ in range(3):
        with pytest.raises(OutOfBudget, match=r"The budget of \$0\.035 .*\(\$0\.03 are spent\)"):
            await swept(lab, 0.035)
    with pytest.raises(BadInput, match=r"stopped by its budget, and \$0\.03 are spent so far"):
        await swept(lab)
    assert len(lab.chat.requests) == count
    with pytest.raises(OutOfBudget, match=r"\(\$0\.05 are spent\)"):
        await swept(lab, 0.055)
    assert len(lab.chat.requests) == 5
    await swept(lab, 10.0)
    # What is finished costs nothing, whatever its budget.
    made = len(lab.chat.requests)
    await swept(lab, 0.001)
    assert len(lab.chat.requests) == made


async def test_a_pilot_is_a_part_of_the_budget(lab: Lab) -> None:
    async with lab.models() as models:
        result = await estimate_sweep(
            Subject(lab.configuration(), EXAMPLES, lab.documents, models), ks=(1, 3), judge=lab.judge
        )
    assert result.paid_usd == result.spent_usd == pytest.approx(0.01 * len(lab.chat.requests))
    count = len(lab.chat.requests)
    with pytest.raises(OutOfBudget):
        await swept(lab, 0.01 * count + 0.005, judge=lab.judge)
    assert len(lab.chat.requests) == count
    # A further pilot asks for no budget, and what was stopped by its budget still asks for a new one.
    async with lab.models() as models:
        await estimate_sweep(Subject(lab.configuration(), EXAMPLES, lab.documents, models), ks=(1, 3), judge=lab.judge)
    with pytest.raises(BadInput, match="stopped by its budget"):
        await swept(lab, judge=lab.judge)
