"""The audit of a set's right queries as a kind of job."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmopt_core.answering.tools.sql.open_database import find_source
from llmopt_core.errors import BadInput, Cancellation
from llmopt_core.jobs.context import JobContext
from llmopt_core.jobs.kind import JobKind
from llmopt_core.labs.data_questions.golds.audit import audit_golds
from llmopt_core.labs.data_questions.golds.finding import Finding
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project
from llmopt_core.types import Example, Spec

Findings = Mapping[str, list[Finding]]
"""By example id; an empty list where nothing speaks against its right query."""


class AuditArguments(Spec):
    """Whose right queries are looked at, on which data source."""

    evaluation_set: str
    set_version: str
    source: str


def audit(context: JobContext, arguments: AuditArguments) -> dict[str, Any]:
    """Look at every right query of the set; of several of one question, at each."""
    questions = context.store.evaluation_set(context.project, arguments.evaluation_set, arguments.set_version)
    listed = [
        (example.id, _database(arguments.source, example), gold, example.question)
        for example in questions.examples
        for gold in example.gold_queries
    ]

    def show(done: int) -> None:
        if context.should_cancel():
            raise Cancellation("The audit was stopped.")
        context.report({"done": done, "total": len(listed)})

    results = audit_golds([(path, gold, question) for _, path, gold, question in listed], show)
    findings: dict[str, list[dict[str, Any]]] = {name: [] for name, *_ in listed}
    for (name, *_), found in zip(listed, results, strict=True):
        findings[name] += [{"kind": one.kind, "reason": one.reason, "details": one.details} for one in found]
    return {"findings": findings}


def latest_findings(store: Store, project: Project, arguments: AuditArguments) -> Findings | None:
    """What the newest audit of the same set and source found; None where there is none."""
    wanted = arguments.model_dump(mode="json")
    for job in store.jobs(project):
        if job.kind == AUDIT.name and job.status == "finished" and job.arguments == wanted:
            return {
                name: [Finding(one["kind"], one["reason"], one["details"]) for one in found]
                for name, found in job.result.get("findings", {}).items()
            }
    return None


def _database(source: str, example: Example) -> Path:
    found = find_source(source, example.database)
    if found.kind != "sqlite":
        raise BadInput(f"The audit changes copies of SQLite databases alone; {found.name} is another kind.")
    return Path(found.where)


AUDIT = JobKind("gold-audit", AuditArguments, audit, "Auditing the right queries")
