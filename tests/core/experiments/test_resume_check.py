"""A changed judge: its scores are made anew, and a run that the old one began is not gone on with."""

import pytest

from llmopt_core.errors import BadInput, EndpointError
from llmopt_core.evaluation.judge_agreement import in_one_sentence
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.experiment import resume_run, run_experiment
from llmopt_core.experiments.report import report_of
from llmopt_core.experiments.result import result_of
from llmopt_core.experiments.runner import run_evaluation
from llmopt_core.models.base import ChatRequest
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.runs.values import Run
from tests.engine_lab import Lab, reply

VERSION = "llmopt_core.evaluation.judges.judge.BUILTIN_JUDGE_VERSION"


def broken(request: ChatRequest) -> str:
    if "How many moons" in request.messages[-1].content:
        raise EndpointError("Rate limit.", "rate-limited")
    return reply(request)


async def run(lab: Lab) -> Run:
    async with lab.models() as models:
        (run_id,) = await run_experiment(lab.store, lab.plan(lab.configuration()), models)
    return lab.store.run(run_id)


async def half_way(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run by the judge before this one that was stopped with one failed record."""
    with monkeypatch.context() as before:
        before.setattr(VERSION, "1")
        lab.chat = ScriptedChat(broken)
        result = await run(lab)
    lab.store.resume_run(result.id)
    lab.store.finish_run(result.id, "cancelled")
    lab.chat = ScriptedChat(reply)
    return lab.store.run(result.id)


async def test_a_run_of_another_judge_is_not_gone_on_with(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.metrics = ("faithfulness",)
    old = await half_way(lab, monkeypatch)
    assert (old.judge, old.failed, old.resumable) == ("built-in judge v1", 1, True)
    async with lab.models() as models:
        with pytest.raises(BadInput, match=r"graded by built-in judge v1, which is now built-in judge v4.*new run"):
            await run_evaluation(
                lab.store, lab.plan(lab.configuration()), lab.configuration(), models, resume_run=old.id
            )
    assert lab.store.run(old.id).failed == 1


async def test_an_evaluation_starts_a_new_run_and_its_scores_are_not_those_of_the_old_judge(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.metrics = ("faithfulness",)
    old = await half_way(lab, monkeypatch)
    monkeypatch.setattr("llmopt_core.evaluation.judges.builtin.grounding.SUPPORT_THRESHOLD", -1.0)
    new = await run(lab)
    assert (new.id != old.id, new.judge, new.failed) == (True, "built-in judge v4", 0)
    judges = {record.scores["faithfulness"].judge for record in lab.store.records(new.id)}
    assert judges == {"built-in judge v4"}
    values = lab.store.scores([new.id])[new.id].values["faithfulness"]
    assert values == [1.0] * 4
    # Only the answer that had failed was asked for; the others came from the cache.
    assert len(lab.chat.requests) == 1


async def test_runs_of_two_versions_make_no_result_together(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.metrics = ("faithfulness",)
    with monkeypatch.context() as before:
        before.setattr(VERSION, "2")
        old = await run(lab)
    new = await run(lab)
    assert (old.judge, new.judge) == ("built-in judge v2", "built-in judge v4")
    with pytest.raises(
        BadInput, match=r"never compared \(run \d+ by built-in judge v2, run \d+ by built-in judge v4\)"
    ):
        result_of(lab.store, [old.id, new.id])
    assert result_of(lab.store, [old.id])["judge"] == "built-in judge v2"


async def test_without_a_judged_metric_the_run_is_gone_on_with(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.metrics = ("exact_match",)
    old = await half_way(lab, monkeypatch)
    new = await run(lab)
    assert (new.id, new.failed) == (old.id, 0)


async def test_a_run_that_was_stored_without_its_judge_is_refused_in_a_sentence(lab: Lab) -> None:
    lab.store.keep_evaluation_set("p", lab.evaluation_set)
    run_id = lab.store.start_run(
        "p", lab.configuration().model_dump(mode="json"), lab.configuration().fingerprint, evaluation_set="questions",
        set_version=lab.evaluation_set.version, judge="j",
        metrics=("answer_f1",), total=4,
    )  # fmt: skip
    lab.store.save_documents("p", lab.documents)
    lab.store.finish_run(run_id, "cancelled")
    async with lab.models() as models:
        with pytest.raises(BadInput, match=rf"Run {run_id} of rag was stored without the judge .*; start a new run"):
            await resume_run(lab.store, run_id, models)
    assert lab.store.run(run_id).status == "cancelled"


async def test_scores_that_a_judge_at_an_endpoint_gave_name_the_version_of_its_reading(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.metrics, lab.judge = ("faithfulness",), JudgeSpec(endpoint="grader", model="g")
    with monkeypatch.context() as before:
        before.setattr("llmopt_core.evaluation.judges.judge.LLM_JUDGE_VERSION", "ragas-0.4.3-1")
        old = await run(lab)
    count = len(lab.judge_chat.requests)
    new = await run(lab)
    assert (old.judge, new.judge) == ("g on grader (judge v1)", "g on grader (judge v4)")
    assert new.id != old.id
    # The scores are made anew from the replies that are kept: nothing is asked, or paid, twice.
    assert len(lab.judge_chat.requests) == count
    assert new.usage.cost_usd == 0.0
    assert lab.store.run(old.id).judge == "g on grader (judge v1)"
    assert {r.scores["faithfulness"].judge for r in lab.store.records(old.id)} == {"g on grader (judge v1)"}


async def test_a_report_says_what_the_judge_cannot_see(lab: Lab) -> None:
    lab.metrics = ("faithfulness",)
    result = await run(lab)
    report = report_of(result_of(lab.store, [result.id]))
    assert (in_one_sentence(), False) in report.caveats
    lab.metrics = ("exact_match",)
    plain = await run(lab)
    assert report_of(result_of(lab.store, [plain.id])).caveats == ()
