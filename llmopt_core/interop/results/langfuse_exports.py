"""Exports of Langfuse as its files hold them: rows by what they are, whatever the form of their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llmopt_core.interop.results.files import ResultFile
from llmopt_core.interop.results.values import (
    mapping,
    sequence,
    text,
    unpack,
)

_UNDERSCORE = re.compile(r"_([a-z])")
# Of a trace; every other column of an export holds the scores of one name.
TRACE_COLUMNS = frozenset(
    ("id", "timestamp", "name", "userId", "sessionId", "release", "version", "environment", "tags", "bookmarked",
     "public", "input", "output", "metadata", "comments", "projectId", "createdAt", "updatedAt", "latency", "totalCost",
     "htmlPath", "observations", "scores", "externalId", "eventTs", "isDeleted", "usage", "level", "errorCount",
     "warningCount", "defaultCount", "debugCount", "inputTokens", "outputTokens", "totalTokens", "inputCost",
     "outputCost")
)  # fmt: skip

Row = dict[str, Any]


@dataclass
class Exports:
    """The rows of all files by what they are."""

    traces: dict[str, Row] = field(default_factory=dict)
    observations: dict[str, list[Row]] = field(default_factory=dict)
    scores: dict[str, list[Row]] = field(default_factory=dict)
    items: dict[str, Row] = field(default_factory=dict)
    item_of: dict[str, str] = field(default_factory=dict)
    run_of: dict[str, str] = field(default_factory=dict)
    run_facts: dict[str, Row] = field(default_factory=dict)
    dataset_name: str = ""


def kind(file: ResultFile) -> str:  # noqa: PLR0911
    """`run`, `trace`, `items`, `run_items`, `scores`, `observations` or `traces`; empty where it is none of them."""
    value, columns = mapping(file.value), {_camel(name) for name in file.first}
    if isinstance(value.get("datasetRunItems"), list):
        return "run"
    if isinstance(value.get("observations"), list) and ("scores" in value or "trace" in value or "input" in value):
        return "trace"
    if {"datasetId", "expectedOutput", "input"} <= columns:
        return "items"
    if {"datasetItemId", "traceId"} <= columns:
        return "run_items"
    if {"traceId", "name", "value", "dataType"} <= columns:
        return "scores"
    if {"traceId", "type", "startTime"} <= columns:
        return "observations"
    return "traces" if {"id", "timestamp", "input", "output", "sessionId"} <= columns else ""


def read_exports(files: Sequence[tuple[ResultFile, str]]) -> Exports:
    """All rows of all files."""
    exports = Exports()
    for file, form in files:
        _READERS[form](exports, [_plain(row) for row in file.objects])
    return exports


def _camel(name: Any) -> str:
    # Exports to a storage write names with underscores.
    return _UNDERSCORE.sub(lambda match: match[1].upper(), str(name))


def _plain(row: Mapping[str, Any]) -> Row:
    names = {_camel(name): name for name in row}
    # Names of scores are the user's and stay as they are.
    return {new if new in _KNOWN else old: row[old] for new, old in names.items()}


_KNOWN = TRACE_COLUMNS | {
    "traceId", "datasetId", "datasetName", "datasetItemId", "datasetRunId", "datasetRunName", "datasetRunItems",
    "expectedOutput", "dataType", "stringValue", "value", "comment", "source", "type", "startTime", "endTime",
    "parentObservationId", "statusMessage", "model", "usageDetails", "costDetails", "inputUsage", "outputUsage",
    "promptName", "promptVersion", "providedModelName",
}  # fmt: skip


def _read_run(exports: Exports, rows: Iterable[Row]) -> None:
    for run in rows:
        exports.dataset_name = exports.dataset_name or text(run.get("datasetName"))
        exports.run_facts[text(run.get("name"))] = dict(mapping(unpack(run.get("metadata"))))
        for item in sequence(run.get("datasetRunItems")):
            one = mapping(item)
            trace_id = text(one.get("traceId"))
            exports.item_of[trace_id] = text(one.get("datasetItemId"))
            exports.run_of[trace_id] = text(one.get("datasetRunName") or run.get("name"))


def _read_trace(exports: Exports, rows: Iterable[Row]) -> None:
    for row in rows:
        whole = mapping(row.get("trace")) or row
        observations = [_plain(mapping(one)) for one in sequence(row.get("observations"))]
        trace_id = text(whole.get("id") or (observations[0].get("traceId") if observations else ""))
        if whole.get("input") is not None:
            exports.traces[trace_id] = dict(whole)
        _read_observations(exports, [{**one, "traceId": trace_id} for one in observations])
        scores = sequence(row.get("scores"))
        _read_scores(exports, [{"traceId": trace_id, **_plain(mapping(one))} for one in scores])


def _read_items(exports: Exports, rows: Iterable[Row]) -> None:
    for row in rows:
        exports.items[text(row.get("id"))] = row
        exports.dataset_name = exports.dataset_name or text(row.get("datasetName"))


def _read_run_items(exports: Exports, rows: Iterable[Row]) -> None:
    for row in rows:
        exports.item_of.setdefault(text(row.get("traceId")), text(row.get("datasetItemId")))
        if row.get("datasetRunName"):
            exports.run_of.setdefault(text(row["traceId"]), text(row["datasetRunName"]))


def _read_scores(exports: Exports, rows: Iterable[Row]) -> None:
    for row in rows:
        exports.scores.setdefault(text(row.get("traceId")), []).append(row)


def _read_observations(exports: Exports, rows: Iterable[Row]) -> None:
    for row in rows:
        exports.observations.setdefault(text(row.get("traceId")), []).append(row)


def _read_traces(exports: Exports, rows: Iterable[Row]) -> None:
    exports.traces |= {text(row.get("id")): row for row in rows}


_READERS = {
    "run": _read_run, "trace": _read_trace, "items": _read_items, "run_items": _read_run_items,
    "scores": _read_scores, "observations": _read_observations, "traces": _read_traces,
}  # fmt: skip
