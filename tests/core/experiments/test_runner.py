from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from llmopt_core.errors import BadInput, EndpointError, StorageError
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.experiment import resume_run, run_experiment, save_experiment
from llmopt_core.experiments.outcome import outcome
from llmopt_core.experiments.plan import Plan
from llmopt_core.experiments.progress import RunProgress
from llmopt_core.experiments.result import result_of
from llmopt_core.models.base import ChatRequest
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.runs.values import Run
from llmopt_core.types import EvaluationSet, Example, Record, Usage
from tests.engine_lab import EXAMPLES, Lab

MANY = EvaluationSet("many", tuple(Example(f"m{i}", f"Question {i}?", f"answer {i}") for i in range(40)))


def echo(request: ChatRequest) -> str:
    return request.messages[-1].content.replace("Question", "answer").rstrip("?")


def plain(lab: Lab, name: str = "plain", **changes: object) -> Configuration:
    return lab.configuration(name, retrieval=None, prompt={"template": "{{ question }}"}, **changes)


@pytest.fixture
def many(lab: Lab) -> Lab:
    lab.evaluation_set, lab.metrics = MANY, ("exact_match",)
    lab.chat = ScriptedChat(echo, cost_usd=0.01)
    return lab


async def run(lab: Lab, plan: Plan, **options: object) -> list[Run]:
    async with lab.models() as models:
        ids = await run_experiment(lab.store, plan, models, **options)  # type: ignore[arg-type]
    return [lab.store.run(run_id) for run_id in ids]


async def test_a_run_is_recorded_whole(lab: Lab) -> None:
    (result,) = await run(lab, lab.plan(lab.configuration()))
    assert (result.status, result.done, result.failed, result.total, result.error) == ("finished", 4, 0, 4, "")
    assert result.usage.calls == 4
    assert result.usage.cost_usd == pytest.approx(0.04)
    assert result.judge == "built-in judge v4"
    assert [record.example.id for record in lab.store.records(result.id)] == ["q0", "q1", "q2", "q3"]
    assert lab.store.scores([result.id])[result.id].values["answer_f1"] == [1.0] * 4
    assert lab.store.record(result.id, "q0").trace


async def test_records_are_stored_as_they_finish(many: Lab) -> None:
    messages: list[int] = []
    stored: list[int] = []

    def look(progress: RunProgress) -> None:
        messages.append(progress.done)
        stored.append(len(many.store.record_positions(progress.run_id)))

    await run(many, many.plan(plain(many), concurrency=3), on_progress=look)
    assert stored[0] == 0
    assert sorted(stored) == stored
    assert set(messages) == set(range(41))
    assert all(kept >= done for kept, done in zip(stored, messages, strict=True))


async def test_no_more_run_at_once_than_asked_for(many: Lab) -> None:
    many.chat = ScriptedChat(echo, delay=0.05)
    await run(many, many.plan(plain(many), concurrency=6))
    assert many.chat.peak == 6


async def test_progress_tells_tokens_cost_and_time_left(many: Lab) -> None:
    calls: list[RunProgress] = []
    await run(many, many.plan(plain(many), concurrency=4), on_progress=calls.append)
    middle = calls[20]
    assert (middle.done, middle.total, middle.stage, middle.configuration) == (20, 40, "answering", "plain")
    # Calls are counted as they are made, so those of records in work are among them.
    assert 20 <= middle.usage.calls <= 25
    assert middle.usage.prompt_tokens > 0
    assert middle.usage.cost_usd == pytest.approx(0.01 * middle.usage.calls)
    assert middle.seconds_left is not None
    assert middle.seconds_left > 0
    assert calls[-1].seconds_left == 0.0
    assert calls[0].seconds_left is None


async def test_cancel_drops_what_is_in_flight_and_keeps_what_is_done(many: Lab) -> None:
    many.chat = ScriptedChat(echo, delay=0.02)
    cancel = threading.Event()

    def after_five(progress: RunProgress) -> None:
        if progress.done >= 5:
            cancel.set()

    plan = many.plan(plain(many), plain(many, "never started"), concurrency=2)
    runs = await run(many, plan, on_progress=after_five, should_cancel=cancel.is_set)
    assert [r.status for r in runs] == ["cancelled"]
    assert 5 <= runs[0].done < 40
    calls = len(many.chat.requests)
    await asyncio.sleep(0.1)
    assert len(many.chat.requests) == calls


async def test_a_run_that_is_cancelled_before_it_begins_asks_nothing(many: Lab) -> None:
    (cancelled,) = await run(many, many.plan(plain(many)), should_cancel=lambda: True)
    assert (cancelled.status, cancelled.done) == ("cancelled", 0)
    assert many.chat.requests == []


async def test_a_stopped_run_is_continued_and_repeats_no_finished_call(many: Lab) -> None:
    cancel = threading.Event()

    def stop_after_ten(request: ChatRequest) -> str:
        if len(many.chat.requests) >= 10:
            cancel.set()
        return echo(request)

    many.chat = ScriptedChat(stop_after_ten, delay=0.2)
    (stopped,) = await run(many, many.plan(plain(many)), should_cancel=cancel.is_set)
    first = [request.messages[-1].content for request in many.chat.requests]
    survivors = {record.example.question for record in many.store.records(stopped.id)}
    many.chat = ScriptedChat(echo)
    (whole,) = await run(many, many.plan(plain(many)))
    second = [request.messages[-1].content for request in many.chat.requests]
    assert whole.id == stopped.id
    assert (whole.status, whole.done) == ("finished", 40)
    assert not survivors & set(second)
    assert set(first) | set(second) == {item.question for item in MANY.examples}


async def test_resume_makes_only_what_is_missing_or_failed(many: Lab) -> None:
    def broken(request: ChatRequest) -> str:
        if request.messages[-1].content in ("Question 3?", "Question 17?"):
            raise EndpointError("Rate limit.", "rate-limited")
        return echo(request)

    many.chat = ScriptedChat(broken)
    (first,) = await run(many, many.plan(plain(many)))
    assert (first.status, first.failed) == ("finished", 2)
    assert first.resumable
    many.chat = ScriptedChat(echo)
    async with many.models() as models:
        assert await resume_run(many.store, first.id, models) == first.id
    again = many.store.run(first.id)
    assert (again.status, again.failed, again.done) == ("finished", 0, 40)
    assert {r.messages[-1].content for r in many.chat.requests} == {"Question 3?", "Question 17?"}


async def test_going_on_with_an_evaluation_adds_no_runs_for_what_was_finished(many: Lab) -> None:
    event = threading.Event()

    def answer(request: ChatRequest) -> str:
        if request.model.seed == 2 and len(many.chat.requests) > 60:
            event.set()
            # What follows is at the endpoint until the run is cancelled, however late that is seen.
            many.chat._delay = 60.0
        return echo(request)

    three = [plain(many, f"plain{n}", model={"endpoint": "scripted", "seed": n}) for n in (1, 2, 3)]
    many.chat = ScriptedChat(answer, delay=0.01)
    first = await run(many, many.plan(*three, concurrency=2), should_cancel=event.is_set)
    assert [one.status for one in first] == ["finished", "cancelled"]
    many.chat = ScriptedChat(echo)
    second = await run(many, many.plan(*three))
    assert [one.id for one in second[:2]] == [one.id for one in first]
    assert [one.status for one in second] == ["finished"] * 3
    assert len(many.store.runs("p")) == 3
    # Nothing was stopped any more: a new evaluation is one, and answered from the cache.
    third = await run(many, many.plan(*three))
    assert not {one.id for one in third} & {one.id for one in second}


async def test_an_unchanged_second_run_is_a_run_of_its_own_without_calls(many: Lab) -> None:
    (first,) = await run(many, many.plan(plain(many)))
    many.chat = ScriptedChat(["never"])
    (second,) = await run(many, many.plan(plain(many)))
    assert second.id != first.id
    assert second.usage == Usage(cached_calls=40)
    assert many.chat.requests == []


async def test_a_budget_stops_before_it_is_overspent(many: Lab) -> None:
    many.chat = ScriptedChat(echo, delay=0.002, cost_usd=0.01)
    (result,) = await run(many, many.plan(plain(many), concurrency=8, budget_usd=0.155))
    assert result.status == "budget-reached"
    assert result.usage.cost_usd is not None
    assert 0.1 < result.usage.cost_usd <= 0.155
    assert "budget of $0.155" in result.error
    (more,) = await run(many, many.plan(plain(many), concurrency=8, budget_usd=1.0))
    assert (more.id, more.status, more.done) == (result.id, "finished", 40)
    assert more.usage.cost_usd == pytest.approx(0.4)


async def test_one_budget_covers_all_configurations(many: Lab) -> None:
    plan = many.plan(plain(many), plain(many, "other", model={"endpoint": "scripted", "seed": 1}), budget_usd=0.5)
    first, second = await run(many, plan)
    assert (first.status, second.status) == ("finished", "budget-reached")
    assert sum(r.usage.cost_usd or 0.0 for r in (first, second)) <= 0.5


async def test_a_budget_that_is_enough_is_no_obstacle(many: Lab) -> None:
    (result,) = await run(many, many.plan(plain(many), budget_usd=0.41))
    assert (result.status, result.done) == ("finished", 40)


@pytest.fixture
def judged(many: Lab) -> Lab:
    """Every answer is graded by a rubric, which costs ten times what an answer does."""
    rubric = {"checks": [{"type": "llm-rubric", "value": "It is polite."}]}
    examples = [dataclasses.replace(example, variables=rubric) for example in MANY.examples]
    many.evaluation_set, many.judge = EvaluationSet("graded", tuple(examples)), JudgeSpec(endpoint="grader", model="g")
    many.judge_chat = ScriptedChat(lambda _: '{"reason": "fine", "passed": true, "score": 1.0}', cost_usd=0.1)
    return many


async def test_an_answer_that_the_budget_has_no_judge_for_is_kept_and_scored_later(judged: Lab) -> None:
    (result,) = await run(judged, judged.plan(plain(judged), concurrency=4, budget_usd=0.19))
    assert result.status == "budget-reached"
    assert result.done == len(judged.chat.requests) > 2
    records = judged.store.records(result.id)
    assert [record.failure for record in records] == [None] * result.done
    without = [record.scores["llm-rubric: It is polite."] for record in records if not record.scores["checks"].passed]
    assert len(without) == result.done - len(judged.judge_chat.requests)
    assert all(score.failure.startswith("The budget of $0.19") for score in without)
    assert {score.failure_kind for score in without} == {"budget"}
    async with judged.models() as models:
        await resume_run(judged.store, result.id, models, budget_usd=10.0)
    whole = judged.store.run(result.id)
    assert (whole.status, whole.done) == ("finished", 40)
    assert len(judged.chat.requests) == len(judged.judge_chat.requests) == whole.usage.calls / 2 == 40
    records = judged.store.records(result.id)
    assert all(record.scores["checks"].passed for record in records)
    assert sum(record.usage.cost_usd or 0.0 for record in records) == pytest.approx(whole.usage.cost_usd)


async def test_a_judge_that_is_down_ends_the_run_before_all_answers_are_paid(judged: Lab) -> None:
    def down(_: ChatRequest) -> str:
        raise EndpointError("Nobody is there.", "unreachable")

    grading, judged.judge_chat = judged.judge_chat, ScriptedChat(down)
    (failed,) = await run(judged, judged.plan(plain(judged), concurrency=4))
    assert failed.status == "failed"
    assert failed.error == "Stopped after 6 answers in a row could not be scored: Nobody is there."
    assert 6 <= len(judged.chat.requests) <= 12
    judged.judge_chat = grading
    (result,) = await run(judged, judged.plan(plain(judged), concurrency=4))
    assert (result.id, result.status, result.failed) == (failed.id, "finished", 0)
    assert all(record.scores["checks"].passed for record in judged.store.records(result.id))
    assert len(judged.chat.requests) == 40


async def test_a_judge_that_some_answers_are_too_much_for_is_not_down(judged: Lab) -> None:
    def unreadable(request: ChatRequest) -> str:
        if "answer 1" in request.messages[-1].content:
            raise EndpointError("The prompt is too long.", "bad-request")
        return '{"reason": "fine", "passed": true, "score": 1.0}'

    judged.judge_chat = ScriptedChat(unreadable)
    (result,) = await run(judged, judged.plan(plain(judged), concurrency=1))
    assert (result.status, result.done) == ("finished", 40)


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_the_same_failure_again_and_again_ends_the_run(many: Lab, concurrency: int) -> None:
    def refused(_: ChatRequest) -> str:
        raise EndpointError("The endpoint refused the key.", "unauthorized")

    many.chat = ScriptedChat(refused)
    (failed,) = await run(many, many.plan(plain(many), concurrency=concurrency))
    assert failed.status == "failed"
    assert failed.error.endswith("The endpoint refused the key.")
    assert 5 <= len(many.chat.requests) <= 12
    many.chat = ScriptedChat(echo)
    (result,) = await run(many, many.plan(plain(many)))
    assert (result.id, result.status, result.failed) == (failed.id, "finished", 0)


async def test_a_few_failures_are_records_of_a_finished_run(many: Lab) -> None:
    def some(request: ChatRequest) -> str:
        if int(request.messages[-1].content.split()[1].rstrip("?")) % 2:
            raise EndpointError("Broken JSON.", "bad-answer")
        return echo(request)

    many.chat = ScriptedChat(some)
    (result,) = await run(many, many.plan(plain(many)))
    assert (result.status, result.done, result.failed) == ("finished", 40, 20)


async def test_errors_of_single_examples_are_no_outage(many: Lab) -> None:
    messages = {f"m{i}": {"tone": "dry"} for i in range(40) if not 8 <= i < 14}
    many.evaluation_set = EvaluationSet(
        "some", tuple(dataclasses.replace(e, variables=messages.get(e.id, {})) for e in MANY.examples)
    )
    asking = plain(many).model_copy(update={"prompt": PromptSpec(template="{{ question }} {{ tone }}")})
    (result,) = await run(many, many.plan(asking, concurrency=1))
    assert (result.status, result.done, result.failed) == ("finished", 40, 6)
    assert result.error.startswith("6 of 40 answers failed: ")
    assert "tone" in result.error


async def test_requests_that_an_endpoint_refuses_are_no_outage(many: Lab) -> None:
    def long(request: ChatRequest) -> str:
        if int(request.messages[-1].content.split()[1].rstrip("?")) < 9:
            raise EndpointError("The prompt of 9000 tokens is too long.", "bad-request")
        return echo(request)

    many.chat = ScriptedChat(long)
    (result,) = await run(many, many.plan(plain(many), concurrency=1))
    assert (result.status, result.done, result.failed) == ("finished", 40, 9)


async def test_a_run_that_gave_up_says_after_how_many_failures(many: Lab) -> None:
    def first_ones_fail(request: ChatRequest) -> str:
        if int(request.messages[-1].content.split()[1].rstrip("?")) < 6:
            raise EndpointError("Nobody is there.", "unreachable")
        return echo(request)

    many.chat = ScriptedChat(first_ones_fail, delay=0.02)
    (result,) = await run(many, many.plan(plain(many), concurrency=4))
    assert result.status == "failed"
    assert result.done > result.failed
    assert result.error.startswith("Stopped after 6 failures in a row: Nobody is there.")


async def test_a_run_that_mostly_failed_is_not_finished_and_says_why_most_often(many: Lab) -> None:
    def mostly(request: ChatRequest) -> str:
        number = int(request.messages[-1].content.split()[1].rstrip("?"))
        if number % 4 == 1:
            raise EndpointError("Refused by the filter.", "bad-request")
        if number % 4:
            raise EndpointError(f"The prompt of {9000 + number} tokens is too long.", "bad-request")
        return echo(request)

    many.chat = ScriptedChat(mostly)
    (result,) = await run(many, many.plan(plain(many), concurrency=1))
    assert (result.status, result.done, result.failed) == ("failed", 40, 30)
    assert result.error == "30 of 40 answers failed, most often (20 times): The prompt of 9002 tokens is too long."
    assert outcome(many.store, result).failure_count == 30


async def test_what_could_not_be_scored_is_counted_with_its_reason(many: Lab) -> None:
    few = [dataclasses.replace(e, reference=None) if int(e.id[1:]) >= 10 else e for e in MANY.examples]
    many.evaluation_set = EvaluationSet("few references", tuple(few))
    (result,) = await run(many, many.plan(plain(many)))
    (line,) = outcome(many.store, result).sentences()
    assert line.startswith("exact_match: 30 of 40 answers not scored: ")
    assert "reference" in line


async def test_a_full_disk_ends_the_run_in_one_sentence_and_keeps_the_records(
    many: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, saved = many.store.save_records, set[int]()

    def full(run_id: int, items: Sequence[tuple[int, Record]]) -> None:
        if len(saved) + len(items) > 20:
            raise StorageError("The disk that holds llmopt.db is full: free some space, then resume.")
        saved.update(position for position, _ in items)
        save(run_id, items)

    monkeypatch.setattr(many.store, "save_records", full)
    with pytest.raises(StorageError, match="is full"):
        await run(many, many.plan(plain(many)))
    monkeypatch.undo()
    (runs,) = many.store.runs("p")
    assert (runs.status, runs.done) == ("failed", len(saved))
    assert len(saved) <= 20
    assert "is full" in runs.error
    (result,) = await run(many, many.plan(plain(many)))
    assert (result.id, result.status, result.done) == (runs.id, "finished", 40)


async def test_stopping_the_program_leaves_the_run_interrupted(many: Lab) -> None:
    many.chat = ScriptedChat(echo, delay=0.05)
    begun = asyncio.Event()
    task = asyncio.create_task(run(many, many.plan(plain(many)), on_progress=lambda progress: begun.set()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [r.status for r in many.store.runs("p")] == ["interrupted"]


async def test_limit_takes_the_first(many: Lab) -> None:
    (result,) = await run(many, many.plan(plain(many), limit=3))
    assert (result.total, result.done) == (3, 3)
    assert [r.example.id for r in many.store.records(result.id)] == ["m0", "m1", "m2"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prompt": {"template": "{{ questoin }}"}}, r"uses \{\{ questoin \}\}, which is no column of questions"),
        ({"retrieval": None}, r"uses \{\{ context \}\}, but rag retrieves nothing"),
        ({"model": {"endpoint": "nowhere"}}, "no endpoint named 'nowhere'"),
    ],
)
async def test_what_could_only_fail_is_refused_before_anything_starts(
    lab: Lab, change: dict[str, object], words: str
) -> None:
    plan = lab.plan(lab.configuration("fine"), lab.configuration(**change))
    with pytest.raises(BadInput, match=words):
        await run(lab, plan)
    assert lab.store.runs("p") == []
    assert lab.chat.requests == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"evaluation_set": EvaluationSet("none", ())}, "none has no examples"),
        ({"documents": ()}, "there are no documents"),
        ({"metrics": ("answer_f2",)}, "no metric 'answer_f2'"),
        ({"budget_usd": -1.0}, r"budget must be more than \$0"),
        ({"concurrency": 0}, "at least 1"),
        ({"limit": 0}, "at least 1"),
        ({"judge": JudgeSpec(endpoint="nobody"), "metrics": ("faithfulness",)}, "no endpoint named 'nobody'"),
    ],
)
async def test_a_plan_that_makes_no_sense_is_refused(lab: Lab, change: dict[str, object], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        await run(lab, dataclasses.replace(lab.plan(lab.configuration()), **change))  # type: ignore[arg-type]


async def test_a_budget_needs_a_known_price(lab: Lab) -> None:
    async with lab.models() as models:
        models._endpoints["scripted"] = models.endpoint("scripted").model_copy(update={"prices": {}})
        with pytest.raises(BadInput, match="none is known for m on scripted"):
            await run_experiment(lab.store, lab.plan(lab.configuration(), budget_usd=1.0), models)


async def test_each_configuration_is_looked_at_once_before_anything_is_asked(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    from llmopt_core.experiments import plan

    looks: list[tuple[str, int]] = []
    look = plan.check_run

    def counted(configuration: Configuration, *more: Any) -> None:
        looks.append((configuration.name, len(lab.chat.requests)))
        look(configuration, *more)

    monkeypatch.setattr(plan, "check_run", counted)
    runs = await run(lab, lab.plan(plain(lab), lab.configuration()))
    assert looks == [(plain(lab).name, 0), ("rag", 0)]

    looks.clear()
    lab.store.finish_run(runs[0].id, "cancelled")
    async with lab.models() as models:
        await resume_run(lab.store, runs[0].id, models)
    assert [name for name, _ in looks] == [plain(lab).name]


async def test_a_run_and_its_result_know_what_the_configuration_extends(lab: Lab) -> None:
    what = dataclasses.replace(lab.plan(plain(lab), lab.configuration()), parents={"rag": plain(lab).name})
    runs = await run(lab, what)
    assert [one.parent for one in runs] == ["", plain(lab).name]
    result = result_of(lab.store, [one.id for one in runs])
    assert [one.get("parent") for one in result["runs"]] == [None, plain(lab).name]


async def test_another_configuration_cannot_continue_a_run(lab: Lab) -> None:
    from llmopt_core.experiments.runner import run_evaluation

    (result,) = await run(lab, lab.plan(lab.configuration()))
    async with lab.models() as models:
        with pytest.raises(BadInput, match="another configuration or set"):
            await run_evaluation(
                lab.store,
                dataclasses.replace(lab.plan(plain(lab)), documents=()),
                plain(lab),
                models,
                resume_run=result.id,
            )


async def test_an_experiment_file_appears_in_the_store(lab: Lab) -> None:
    from llmopt_core.experiments.experiment_file import Experiment

    experiment = Experiment(
        project="other",
        documents=lab.documents,
        evaluation_set=EvaluationSet("q", EXAMPLES),
        judge=JudgeSpec(),
        metrics=("answer_f1",),
        configurations=(lab.configuration(),),
    )
    for _ in range(2):
        save_experiment(lab.store, experiment)
    assert [d.name for d in lab.store.document_list("other")] == ["metals.txt", "planets.txt", "rivers.txt"]
    assert lab.store.evaluation_set("other", "q").examples == EXAMPLES
    assert [c.name for c in lab.store.configurations("other")] == ["rag"]
