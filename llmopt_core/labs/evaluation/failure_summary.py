"""The kinds of failure of whole runs: from the store and from a file that `evaluate --json` wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmopt_core.labs.evaluation.failure_counts import KindCount, count_kinds
from llmopt_core.labs.evaluation.failure_kinds import Diagnosis, diagnose_all
from llmopt_core.labs.evaluation.record_facts import facts_from_run, facts_of_all
from llmopt_core.runs.store import Store

UNKNOWN = "unknown"
"""The name of failures whose kind cannot be told."""


def diagnose_run(store: Store, run_id: int) -> list[Diagnosis]:
    """What became of each record of a stored run."""
    run = store.run(run_id)
    # What the file of another tool does not say is unknown: its model may have been given chunks all the same.
    retrieves = None if run.imported and not run.retrieves else run.retrieves
    return diagnose_all(facts_of_all(store.records(run_id, trace=True), retrieves=retrieves))


def diagnose_result(result: Mapping[str, Any]) -> dict[str, list[Diagnosis]]:
    """What became of each record of a result file, by configuration."""
    return {str(run["configuration"]): diagnose_all(facts_from_run(run)) for run in result["runs"]}


def failures_json(diagnoses: Mapping[str, Sequence[Diagnosis]]) -> dict[str, Any]:
    """As `llmopt failures --json` writes it: by configuration the kinds, the same by category, and each failure."""
    return {"configurations": [_configuration(name, records) for name, records in diagnoses.items()]}


def _configuration(name: str, records: Sequence[Diagnosis]) -> dict[str, Any]:
    by_category: dict[str, dict[str, Any]] = {}
    for count in count_kinds({name: records}, by_category=True):
        by_category.setdefault(count.category or "", {})[count.kind or UNKNOWN] = _count(count)
    return {
        "configuration": name,
        "records": len(records),
        "failed": sum(record.passed is False for record in records),
        "passed": sum(record.passed is True for record in records),
        "undecided": sum(record.passed is None for record in records),
        "kinds": {count.kind or UNKNOWN: _count(count) for count in count_kinds({name: records})},
        "first": {count.kind or UNKNOWN: _count(count) for count in count_kinds({name: records}, first_only=True)},
        "categories": by_category,
        "failures": [_failure(record) for record in records if record.passed is False],
    }


def _count(count: KindCount) -> dict[str, Any]:
    rate = count.rate
    interval = None if rate.low is None else [rate.low, rate.high]
    return {
        "count": rate.passed,
        "of": rate.scored,
        "share": rate.share,
        "ci95": interval,
        "example_ids": list(count.example_ids),
    }


def _failure(record: Diagnosis) -> dict[str, Any]:
    return {
        "example_id": record.example_id,
        "category": record.category,
        "kinds": list(record.kinds),
        "reasons": dict(record.reasons),
        "unknown": record.unknown,
    }
