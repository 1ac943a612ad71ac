"""A result -> tables of everything in it: runs, metrics, records, scores, contexts and comparisons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.execution.collection import collection_paused
from llmopt_core.experiments.leaderboard import leaderboard
from llmopt_core.experiments.margin import margin_in
from llmopt_core.experiments.report import run_labels
from llmopt_core.experiments.result import comparison_values
from llmopt_core.experiments.result_file import (
    Result,
    is_number,
    result_clusters,
    result_family,
    result_split,
    score_tables,
)
from llmopt_core.experiments.run_scores import baseline_position
from llmopt_core.reporting.table_files import Cell, Kind, Table

# Counts of a file that are larger are none; tables hold no larger whole numbers.
_MOST = 2**63
_SET: Mapping[str, Kind] = {"evaluation_set": "text", "set_version": "text", "split": "text"}
_RUNS: Mapping[str, Kind] = {
    "configuration": "text", "fingerprint": "text", "parent": "text", "status": "text", "created_at": "text", **_SET,
    "judge": "text", "records": "count", "model_calls": "count", "cached_calls": "count", "prompt_tokens": "count",
    "completion_tokens": "count", "cost_usd": "number", "seconds": "number", "asked_afresh": "count",
    "from_cache": "count", "cost_usd_each": "number", "tokens_each": "number", "seconds_each": "number",
    "documents_version": "text", "caveats": "text",
}  # fmt: skip
_METRICS: Mapping[str, Kind] = {
    "configuration": "text", "metric": "text", "mean": "number", "low": "number", "high": "number", "scored": "count",
    "total": "count", **_SET, "unit": "text",
}  # fmt: skip
_RECORDS: Mapping[str, Kind] = {
    "configuration": "text", "example_id": "text", "question": "text", "reference": "text", "category": "text",
    "answer": "text", "finish_reason": "text", "failure_stage": "text", "failure_kind": "text",
    "failure_message": "text", "seconds": "number",
}  # fmt: skip
_SCORES: Mapping[str, Kind] = {
    "configuration": "text", "example_id": "text", "metric": "text", "value": "number", "explanation": "text",
    "failure": "text",
}  # fmt: skip
_CONTEXTS: Mapping[str, Kind] = {
    "configuration": "text", "example_id": "text", "rank": "count", "document": "text", "start": "count",
    "end": "count", "score": "number", "text": "text",
}  # fmt: skip
_COMPARISONS: Mapping[str, Kind] = {
    "metric": "text", "a": "text", "b": "text", "mean_a": "number", "mean_b": "number", "difference": "number",
    "low": "number", "high": "number", "confidence": "number", "p_value": "number", "p_unadjusted": "number",
    "family": "count", "pairs": "count", "dropped": "count", "verdict": "text", "words": "text", "margin": "number",
    "more_questions": "count", "unit": "text", "clusters": "count", "method": "text", "split": "text",
}  # fmt: skip


def result_tables(result: Result, baseline: str = "") -> list[Table]:
    """All tables of a result; what it does not say is missing.

    Args:
        result: What `result_of` gives, or what stands in a file of it.
        baseline: What the others are compared with; the configuration named baseline, or the first, if empty.

    Raises:
        BadInput: There is no run, or none of the baseline's name.
    """
    names = [str(run["configuration"]) for run in result["runs"]]
    if not names:
        raise BadInput("The result has no runs to export.")
    if baseline and baseline not in names:
        raise BadInput(f"The result has no configuration named {baseline}; it has: {', '.join(names)}.")
    position = names.index(baseline) if baseline else baseline_position(names)
    labels = run_labels(names)
    runs = list(zip(labels, result["runs"], strict=True))
    records = [(label, record) for label, run in runs for record in run["records"]]
    # The same for all metrics; telling it reads every record.
    shared = {**_set(result), "unit": "document" if result_clusters(result) else "question"}
    values = [
        ("runs", _RUNS, (_run(result, label, run) for label, run in runs)),
        ("metrics", _METRICS, (row for label, run in runs for row in _metrics(label, run, shared))),
        ("records", _RECORDS, (_record(label, record) for label, record in records)),
        ("scores", _SCORES, (row for label, record in records for row in _scores(label, record))),
        ("contexts", _CONTEXTS, (row for label, record in records for row in _contexts(label, record))),
        ("comparisons", _COMPARISONS, _comparisons(result, labels, position)),
    ]
    with collection_paused:
        return [
            Table(name, columns, [[_cell(row.get(one), kind) for one, kind in columns.items()] for row in rows])
            for name, columns, rows in values
        ]


def _cell(value: Any, kind: Kind) -> Cell:
    """Of its kind; in a file that was edited, or made by another program, a field may hold anything."""
    if kind == "text":
        return None if value is None else str(value)
    if value is None or not is_number(value):
        return None
    if kind == "number":
        return float(value)
    return int(value) if abs(value) < _MOST else None


def _set(result: Result) -> dict[str, Any]:
    values = _mapping(result.get("evaluation_set"))
    split = result_split(result) or None
    return {"evaluation_set": values.get("name"), "set_version": values.get("version"), "split": split}


def _run(result: Result, label: str, run: Mapping[str, Any]) -> dict[str, Any]:
    tokens, each = _mapping(run.get("tokens")), _mapping(run.get("per_question"))
    caveats = run.get("caveats")
    return {
        **run,
        **_set(result),
        "configuration": label,
        "judge": result.get("judge"),
        "records": len(run["records"]),
        "prompt_tokens": tokens.get("prompt"),
        "completion_tokens": tokens.get("completion"),
        "asked_afresh": each.get("asked"),
        "from_cache": each.get("cached"),
        **{f"{name}_each": each.get(name) for name in ("cost_usd", "tokens", "seconds")},
        "caveats": " ".join(map(str, caveats)) if isinstance(caveats, list) else None,
    }


def _metrics(label: str, run: Mapping[str, Any], shared: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, metric in run["metrics"].items():
        low, high = metric.get("ci95") or (None, None)
        yield {**metric, **shared, "configuration": label, "metric": name, "low": low, "high": high}


def _record(label: str, record: Mapping[str, Any]) -> dict[str, Any]:
    failure = _mapping(record.get("failure"))
    failures = {f"failure_{name}": failure.get(name) for name in ("stage", "kind", "message")}
    return {**record, **failures, "configuration": label}


def _scores(label: str, record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, score in record["scores"].items():
        yield {**score, "configuration": label, "example_id": record["example_id"], "metric": name}


def _contexts(label: str, record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for rank, context in enumerate(record.get("contexts") or (), start=1):
        yield {**context, "configuration": label, "example_id": record["example_id"], "rank": rank}


def _comparisons(result: Result, labels: Sequence[str], position: int) -> Iterator[dict[str, Any]]:
    metrics = list(dict.fromkeys(name for run in result["runs"] for name in run["metrics"]))
    rows = leaderboard(score_tables(result), metrics, position, result_family(result), margin_in(result))
    for label, row in zip(labels, rows, strict=True):
        for metric, cell in row.cells.items():
            if cell.versus is not None:
                values = comparison_values(cell.versus)
                low, high = values["ci95"]
                pair = {"metric": metric, "a": labels[position], "b": label, "split": result_split(result) or None}
                yield {**values, **pair, "low": low, "high": high}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
