"""A process that dies in the middle of a run loses no finished record, and what follows repeats no finished call."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from llmopt_core.runs import engine
from llmopt_core.runs.codec import plain_facts
from llmopt_core.runs.store import Store
from tests.stub_endpoint import StubEndpoint

ROOT = Path(__file__).parents[2]
QUESTIONS = 60
CONCURRENCY = 4


@pytest.fixture
def stub() -> Iterator[StubEndpoint]:
    with StubEndpoint(reply="Rhine", delay=0.05) as running:
        yield running


@pytest.fixture
def experiment(tmp_path: Path, stub: StubEndpoint) -> Path:
    lines = [json.dumps({"id": f"q{i}", "question": f"River {i}?", "reference": "Rhine"}) for i in range(QUESTIONS)]
    (tmp_path / "questions.jsonl").write_text("\n".join(lines))
    values = {
        "project": "rivers",
        "evaluation_set": "questions.jsonl",
        "metrics": ["exact_match"],
        "endpoints": {"stub": {"base_url": stub.url, "prices": {"*": {"prompt": 1, "completion": 1}}}},
        "configurations": [{"name": "plain", "model": {"endpoint": "stub", "name": "stub-small"}}],
    }
    path = tmp_path / "experiment.yaml"
    path.write_text(json.dumps(values))
    return path


def start(experiment: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "llmopt_core.cli", "evaluate", str(experiment), "--json", "-q"]
    environ = {**os.environ, "LLMOPT_HOME": str(experiment.parent / "home"), "PYTHONPATH": str(ROOT)}
    arguments = [*command, "--concurrency", str(CONCURRENCY), *more]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ)


def finished(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    result: dict[str, Any] = json.loads(out)
    return result


def store_of(experiment: Path) -> Store:
    home = experiment.parent / "home"
    return Store(f"sqlite:///{home / 'llmopt.db'}", home)


def test_kill_nine_and_resume(experiment: Path, stub: StubEndpoint) -> None:
    process = start(experiment)
    while stub.answered < 20:
        assert process.poll() is None, process.stderr
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    before = stub.calls
    store = store_of(experiment)
    (stopped,) = store.runs("rivers")
    assert stopped.status == "interrupted"
    assert stopped.done >= 20 - CONCURRENCY
    survivors = {record.example.id: record for record in store.records(stopped.id)}

    result = finished(start(experiment))
    (run,) = result["runs"]
    assert run["status"] == "finished"
    assert len(run["records"]) == QUESTIONS
    assert all(record["answer"] == "Rhine" for record in run["records"])
    (whole,) = store.runs("rivers")
    assert whole.id == stopped.id
    assert {record.example.id: record for record in store.records(whole.id)}.items() >= survivors.items()
    # Repeated is at most what was in flight when the process died; nothing whose record was stored.
    assert stub.calls - QUESTIONS <= CONCURRENCY
    asked_again = [request["body"]["messages"][-1]["content"] for request in stub.requests[before:]]
    assert not {record.example.question for record in survivors.values()} & set(asked_again)


def test_calls_under_way_in_a_killed_process_were_paid(experiment: Path, stub: StubEndpoint) -> None:
    def slow_after_ten(body: dict[str, Any]) -> str:
        if stub.answered >= 10:
            stub.delay = 30.0
        return "Rhine"

    def known_under_way() -> bool:
        with sqlite3.connect(experiment.parent / "home" / "llmopt.db") as connection:
            ((paid,),) = connection.execute("SELECT paid FROM runs")
        return len(plain_facts(paid).get("flying") or ()) > 0 and plain_facts(paid)["flying"][-1] == CONCURRENCY

    stub.reply = slow_after_ten
    process = start(experiment)
    while stub.answered < 10 or stub.running < CONCURRENCY or not known_under_way():
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    stub.reply, stub.delay = "Rhine", 0.0
    store = store_of(experiment)
    (stopped,) = store.runs("rivers")
    assert stopped.usage.calls == stub.calls
    # Each costs as much as the dearest of its model, which is what a budget would have kept for it.
    dearest = max(stopped.dearest.values())
    assert stopped.usage.cost_usd == pytest.approx(dearest * stub.calls)
    finished(start(experiment))
    (whole,) = store.runs("rivers")
    assert whole.usage.calls == stub.calls == QUESTIONS + CONCURRENCY


def test_a_polite_stop_can_be_continued_too(experiment: Path, stub: StubEndpoint) -> None:
    def slow_after_ten(body: dict[str, Any]) -> str:
        if stub.answered >= 10:
            stub.delay = 30.0
        return "Rhine"

    stub.reply = slow_after_ten
    process = start(experiment)
    while stub.answered < 10:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    stub.reply, stub.delay = "Rhine", 0.05
    assert process.returncode == 130
    assert errors.strip() == "llmopt: stopped"
    assert [run.status for run in store_of(experiment).runs("rivers")] == ["interrupted"]
    assert finished(start(experiment))["runs"][0]["status"] == "finished"
    assert stub.calls - QUESTIONS <= CONCURRENCY


def test_two_processes_work_on_one_workspace(experiment: Path, stub: StubEndpoint) -> None:
    results = [finished(process) for process in (start(experiment), start(experiment))]
    for result in results:
        assert result["runs"][0]["metrics"]["exact_match"] == {
            "mean": 1.0,
            # Wilson's: 60 of 60 are no proof of 1.
            "ci95": pytest.approx([0.9398, 1.0], abs=1e-4),
            "scored": QUESTIONS,
            "total": QUESTIONS,
        }
    store = store_of(experiment)
    assert [run.done for run in store.runs("rivers")] == [QUESTIONS, QUESTIONS]
    assert [project.name for project in store.projects()] == ["rivers"]
    assert stub.calls <= 2 * QUESTIONS


def test_a_full_disk_stops_with_one_sentence_and_goes_on_when_there_is_room(
    experiment: Path, stub: StubEndpoint, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from llmopt_core.cli.app import run

    with store_of(experiment).database.read() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one() + 12
    monkeypatch.setenv("LLMOPT_HOME", str(experiment.parent / "home"))
    prepare = engine._prepare_sqlite

    def small(made: sa.Engine) -> None:
        prepare(made)

        @sa.event.listens_for(made, "connect")
        def _limited(connection: sqlite3.Connection, _record: object) -> None:
            connection.execute(f"PRAGMA max_page_count={pages}")

    with monkeypatch.context() as patched:
        patched.setattr(engine, "_prepare_sqlite", small)
        assert run(["evaluate", str(experiment), "-q"]) == 2
    output = capsys.readouterr()
    assert output.err.count("\n") == 1
    assert "is full: free some space, then resume" in output.err
    (stopped,) = store_of(experiment).runs("rivers")
    assert stopped.status == "failed" or not stopped.active
    assert 0 < stopped.done < QUESTIONS
    before = stub.calls
    assert run(["evaluate", str(experiment), "-q"]) == 0
    (whole,) = store_of(experiment).runs("rivers")
    assert (whole.id, whole.status, whole.done) == (stopped.id, "finished", QUESTIONS)
    assert stub.calls - before <= QUESTIONS - stopped.done
