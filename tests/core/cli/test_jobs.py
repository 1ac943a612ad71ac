"""`llmopt jobs`: what the app has put in line, seen and done without a browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from llmopt_core.experiments.experiment import Plan
from llmopt_core.labs.evaluation.jobs import EVALUATION, evaluation_arguments, evaluation_versions
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import EvaluationSet
from tests.engine_lab import EXAMPLES, Lab

from .conftest import Command


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def queued(home: Path) -> int:
    """An evaluation that an app which is gone has left."""
    lab = Lab(home)
    lab.store.save_evaluation_set("p", lab.evaluation_set)
    plain = lab.configuration("plain", retrieval=None, model={}, prompt={"template": "{{ question }}"})
    one = EvaluationSet("questions", EXAMPLES[:1])
    plan = Plan("p", [plain], one, (), ("answer_f1",), lab.judge)
    values = evaluation_arguments(lab.store, plan).model_dump(mode="json")
    job = lab.store.start_job(EVALUATION.name, "p", values, lane="evaluation", versions=evaluation_versions(plan))
    with lab.store.database.write() as connection:
        connection.exec_driver_sql("UPDATE jobs SET owner_started = 1.0")
    lab.store.close()
    return job


def test_jobs_are_listed_cancelled_and_followed(inside: Command, queued: int) -> None:
    assert inside("jobs", "list").out.strip() == f"{queued}  queued  Evaluating plain on questions [p]"
    (listing,) = inside("jobs", "list", "--json", "--active").json()["jobs"]
    assert (listing["kind"], listing["status"], listing["lane"]) == ("evaluation", "queued", "evaluation")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*\+00:00", listing["created_at"])
    assert listing["finished_at"] == ""
    assert inside("jobs", "cancel", str(queued)).code == 0
    ended = inside("jobs", "follow", str(queued))
    assert ended.code == 1
    assert "cancelled  Evaluating plain on questions [p] (llmopt jobs resume" in ended.out
    assert inside("jobs", "list", "--active").out.strip() == "There are no jobs."


def test_an_unknown_job_is_named(inside: Command, queued: int) -> None:
    missing = inside("jobs", "follow", "99")
    assert (missing.code, missing.complaint) == (2, "There is no job 99.")


def test_what_waits_is_done_without_a_browser(llmopt: Command, inside: Command, queued: int, home: Path) -> None:
    process = llmopt("jobs", "work")
    assert (process.code, process.errors) == (0, "")
    store = Store.open(Settings(home=home))
    assert (store.job(queued).status, store.job(queued).error) == ("finished", "")
    assert [run.done for run in store.runs("p")] == [1]
    result = inside("jobs", "resume", str(queued))
    assert (result.code, result.complaint) == (2, f"Job {queued} has finished, so it cannot be resumed.")
