"""The audit of right queries as a job."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from llmopt_core.labs.data_questions.golds.job import AUDIT, AuditArguments, latest_findings
from llmopt_core.types import EvaluationSet, Example
from tests.engine_lab import Lab
from tests.job_process import do_jobs


@pytest.fixture
def arguments(lab: Lab, tmp_path: Path) -> AuditArguments:
    path = tmp_path / "goods.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE goods (name TEXT, price REAL)")
        connection.executemany("INSERT INTO goods VALUES (?, ?)", [("a", 1.0), ("b", 2.0), ("c", 2.0), ("d", 3.0)])
    connection.close()
    golds = {
        "fine": "SELECT name FROM goods ORDER BY name",
        "broken": "SELECT nam FROM goods",
        "empty": "SELECT name FROM goods WHERE price > 9",
    }
    examples = tuple(Example(name, f"Question {name}?", variables={"sql": sql}) for name, sql in golds.items())
    version = lab.store.save_evaluation_set("p", EvaluationSet("golds", examples))
    return AuditArguments(evaluation_set="golds", set_version=version.version, source=str(path))


def test_a_process_does_an_audit_that_another_has_left(lab: Lab, arguments: AuditArguments) -> None:
    job_id = lab.store.start_job(AUDIT.name, "p", arguments.model_dump(mode="json"), lane=AUDIT.lane, versions={})
    with lab.store.database.write() as connection:
        connection.exec_driver_sql("UPDATE jobs SET owner_started = 1.0")
    assert do_jobs(lab.home) == 0
    job = lab.store.job(job_id)
    assert (job.status, job.error) == ("finished", "")
    findings = latest_findings(lab.store, lab.store.project("p"), arguments)
    assert findings is not None
    assert {name: [one.kind for one in found] for name, found in findings.items() if name != "fine"} == {
        "broken": ["gold_error"], "empty": ["empty_result"],
    }  # fmt: skip
    other = arguments.model_copy(update={"source": "elsewhere.sqlite"})
    assert latest_findings(lab.store, lab.store.project("p"), other) is None
