"""Evaluations as jobs: done from kind and arguments alone, by whatever process."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from llmopt_core.experiments.plan import Plan
from llmopt_core.jobs.queue import JobRunner
from llmopt_core.labs.evaluation.jobs import (
    ESTIMATE,
    EVALUATION,
    RESUME,
    arguments_from_pilot,
    evaluation_arguments,
    evaluation_versions,
    resume_arguments,
)
from llmopt_core.labs.job_kinds import job_kinds
from llmopt_core.models.base import BUILTIN_EMBEDDING
from llmopt_core.models.endpoint_file import save_endpoint
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.runs.values import Job
from llmopt_core.types import Document, EvaluationSet
from tests.engine_lab import EXAMPLES, Lab, reply
from tests.job_process import calls_of, do_jobs


@pytest.fixture
def plan(lab: Lab) -> Plan:
    """Two configurations over four questions, stored as the app stores them."""
    lab.store.save_documents("p", lab.documents)
    lab.store.save_evaluation_set("p", lab.evaluation_set)
    other = lab.configuration("short", prompt={"template": "Be short. {{ context }}\nQuestion: {{ question }}"})
    return lab.plan(lab.configuration(), other, concurrency=1)


def queue(lab: Lab, plan: Plan, kind: str = EVALUATION.name) -> int:
    """Put it in line, and let nobody here take it."""
    arguments = evaluation_arguments(lab.store, plan).model_dump(mode="json")
    return lab.store.start_job(kind, "p", arguments, lane="evaluation", versions=evaluation_versions(plan))


def runner(lab: Lab) -> JobRunner:
    def plug_in(models: Models) -> None:
        models.register("scripted", lab.chat)
        models.register_embedder(BUILTIN_EMBEDDING, lab.embedder)

    return JobRunner(lab.store, lab.settings, job_kinds(), environ={}, plug_ins=plug_in)


def done(lab: Lab, kind: str, arguments: Any, **more: Any) -> Job:
    at_work = runner(lab)
    return at_work.wait(at_work.submit(kind, "p", arguments, **more), 60)


@pytest.mark.parametrize("die_at", [1, 3, 5, 8])
def test_a_new_process_goes_on_with_nothing_but_the_store_and_pays_nothing_twice(
    lab: Lab, plan: Plan, die_at: int
) -> None:
    job_id = queue(lab, plan)
    assert do_jobs(lab.home, die_at) == 9
    assert lab.store.job(job_id).status == "queued"
    assert do_jobs(lab.home) == 0
    job = lab.store.job(job_id)
    assert (job.status, job.error, job.attempts) == ("finished", "", 2)
    runs = lab.store.runs("p")
    assert [(run.name, run.status, run.done, run.failed) for run in runs] == [
        ("short", "finished", 4, 0), ("rag", "finished", 4, 0),
    ]  # fmt: skip
    assert job.result == {"runs": [runs[1].id, runs[0].id]}
    # All that was answered before is answered; only the call in which it died is made again.
    requests = calls_of(lab.home)
    again = {line: count - 2 for line, count in Counter(requests).items() if count > 2}
    assert (len(requests), again) == (9, {requests[die_at - 1]: 1})


def test_the_set_is_asked_in_the_state_that_was_chosen(lab: Lab, plan: Plan) -> None:
    arguments, versions = evaluation_arguments(lab.store, plan), evaluation_versions(plan)
    lab.store.save_evaluation_set("p", EvaluationSet("questions", EXAMPLES[:1]))
    job = done(lab, EVALUATION.name, arguments, versions=versions)
    assert [lab.store.run(run).total for run in job.result["runs"]] == [4, 4]
    assert versions["evaluation set"] == lab.evaluation_set.version


def test_documents_that_have_changed_since_are_told(lab: Lab, plan: Plan) -> None:
    versions = evaluation_versions(plan)
    lab.store.save_documents("p", [Document("rivers.txt", "The Elbe flows through Dresden.")])
    job = done(lab, EVALUATION.name, evaluation_arguments(lab.store, plan), versions=versions)
    assert (job.status, lab.chat.requests) == ("failed", [])
    assert job.error == "The documents have changed since this was asked for, so it was not done: start it again."


def test_a_pilot_becomes_the_evaluation_that_it_was_made_for(lab: Lab, plan: Plan) -> None:
    pilot = done(lab, ESTIMATE.name, evaluation_arguments(lab.store, plan), versions=evaluation_versions(plan))
    assert (pilot.lane, [item["left"] for item in pilot.result["estimates"]]) == ("interactive", [1, 1])
    planned = arguments_from_pilot(pilot)
    assert planned.pilot["rag"].cost_usd == pytest.approx(0.03)
    job = done(lab, EVALUATION.name, planned, versions=pilot.versions)
    assert job.status == "finished"
    assert [lab.store.run(run).usage.cost_usd for run in job.result["runs"]] == [pytest.approx(0.04)] * 2
    assert len(lab.chat.requests) == 8


def test_a_stopped_run_is_gone_on_with(lab: Lab, plan: Plan) -> None:
    one = replace(plan, configurations=plan.configurations[:1])
    at_work = runner(lab)
    lab.chat = ScriptedChat(reply, delay=0.3)
    job_id = at_work.submit(EVALUATION.name, "p", evaluation_arguments(lab.store, one))
    while not lab.store.runs("p") or not lab.store.runs("p")[0].done:
        time.sleep(0.05)
    at_work.cancel(job_id)
    assert at_work.wait(job_id, 60).status == "cancelled"
    (run,) = lab.store.runs("p")
    lab.chat = ScriptedChat(reply)
    job = done(lab, RESUME.name, resume_arguments(run))
    assert job.result == {"runs": [run.id]}
    assert lab.store.run(run.id).status == "finished"
    assert len(lab.chat.requests) == 4 - run.done


SECRET = "sk-only-in-this-session"


@pytest.fixture
def asks_openai(lab: Lab, plan: Plan) -> Plan:
    """A plan that asks an endpoint whose key nobody has put into the environment."""
    save_endpoint(lab.settings, Endpoint(name="firm", base_url="http://127.0.0.1:9/v1", api_key_env="FIRM_KEY"))
    return replace(plan, configurations=[lab.configuration(model={"endpoint": "firm", "name": "m"})])


def test_a_key_of_a_session_is_used_and_never_stored(
    lab: Lab, asks_openai: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[str] = []
    monkeypatch.setattr(Models, "_key", lambda self, endpoint: used.append(self._keys.get(endpoint.name, "")) or "k")
    job = done(lab, EVALUATION.name, evaluation_arguments(lab.store, asks_openai), keys={"firm": SECRET})
    assert set(used) == {SECRET}
    assert job.key_names == ("firm",)
    files = [path for path in lab.home.rglob("*") if path.is_file()]
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
    assert SECRET not in repr(job)


def test_a_key_that_is_gone_is_named_and_the_job_resumed_with_it(lab: Lab, asks_openai: Plan) -> None:
    arguments = evaluation_arguments(lab.store, asks_openai).model_dump(mode="json")
    job_id = lab.store.start_job(
        EVALUATION.name, "p", arguments, lane="evaluation", versions={}, key_names=["firm"]
    )  # fmt: skip
    with lab.store.database.write() as connection:
        connection.exec_driver_sql("UPDATE jobs SET owner_started = 1.0")
    assert do_jobs(lab.home) == 0
    job = lab.store.job(job_id)
    assert (job.status, job.resumable) == ("failed", True)
    assert job.error == (
        "The key of endpoint 'firm' was typed into a session and is kept nowhere, so it is gone with the process that "
        "had it: enter it again in Settings, or set FIRM_KEY, and resume this job."
    )
    at_work = runner(lab)

    def plug_in(models: Models) -> None:
        models.register("firm", lab.chat)
        models.register_embedder(BUILTIN_EMBEDDING, lab.embedder)

    at_work._plug_ins = plug_in
    at_work.resume(job_id, {"firm": SECRET})
    assert at_work.wait(job_id, 60).status == "finished"
    assert len(lab.chat.requests) == 4


def test_arguments_of_another_version_say_so(lab: Lab, plan: Plan) -> None:
    job_id = lab.store.start_job(EVALUATION.name, "p", {"configurations": ["rag"]}, lane="evaluation", versions={})
    at_work = runner(lab)
    at_work.start()
    while lab.store.job(job_id).active:
        time.sleep(0.05)
    assert "Another version of the app asked for this job" in lab.store.job(job_id).error
