"""Test runs of DeepEval: `test_run_*.json` and `.latest_test_run.json`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from llmopt_core.interop.results.files import ResultFile
from llmopt_core.interop.results.rows import Context, ResultRow, RowScore, VariantResults
from llmopt_core.interop.results.values import (
    CATEGORY_NAMES,
    ID_NAMES,
    mapping,
    number,
    pick,
    plain_error,
    sequence,
    text,
    truth,
)
from llmopt_core.types import Failure

TOOL = "DeepEval"
PASS = "pass"  # noqa: S105
# What DeepEval names cases that the user gave no name.
_NUMBERED = re.compile(r"(?:conversational_)?test_case_\d+")
# In these the score is how much of it there is, and passing means to stay below the threshold.
_LOWER = ("hallucination", "bias", "toxicity")
_NO_ANSWER = "'actual_output' cannot be None"


def kind(file: ResultFile) -> str:
    """`run`; empty where it is no test run of DeepEval."""
    cases = _test_run(file).get("testCases")
    if not isinstance(cases, list) or not all(isinstance(case, Mapping) for case in cases):
        return ""
    return "run" if any(isinstance(case.get("success"), bool) or _metrics(case) for case in cases) else ""


def read(files: Sequence[tuple[ResultFile, str]]) -> list[VariantResults]:
    """A variant per test run."""
    return [_variant(file) for file, _ in files]


def _test_run(file: ResultFile) -> Mapping[str, Any]:
    value = mapping(file.value)
    return mapping(value.get("testRunData")) or value


def _variant(file: ResultFile) -> VariantResults:
    run = _test_run(file)
    cases = sorted((mapping(case) for case in sequence(run.get("testCases"))), key=_order)
    settings = mapping(run.get("hyperparameters"))
    model, identifier = text(settings.get("model")), text(run.get("identifier"))
    conversations = len(sequence(run.get("conversationalTestCases")))
    notes = [f"{conversations} conversations were left out: only cases of one answer are read"] if conversations else []
    return VariantResults(
        tool=TOOL,
        name=identifier or model,
        model=model,
        details={str(name): text(value) for name, value in settings.items() if name != "model"},
        set_name=text(run.get("datasetAlias") or run.get("testFile")),
        rows=tuple(_row(case) for case in cases),
        files=(file.name,),
        seconds=number(run.get("runDuration")),
        notes=tuple(notes),
        lower_is_better=_lower_is_better(cases),
    )


def _order(case: Mapping[str, Any]) -> float:
    place = number(case.get("order"))
    # Cases without a place stay where they are, as sorting is stable.
    return place if place is not None else 0.0


def _row(case: Mapping[str, Any]) -> ResultRow:
    metadata = {**mapping(case.get("additionalMetadata")), **mapping(case.get("metadata"))}
    failure = _failure(case, metadata)
    name = text(case.get("name"))
    found_id = pick(metadata, ID_NAMES)
    category = pick(metadata, CATEGORY_NAMES)
    tags = sequence(case.get("tags"))
    return ResultRow(
        question=text(case.get("input")),
        id=text(found_id) if found_id is not None else "" if _NUMBERED.fullmatch(name) else name,
        reference=None if case.get("expectedOutput") is None else text(case["expectedOutput"]),
        category=text(category) if category is not None else text(tags[0]) if len(tags) == 1 else None,
        answer=None if failure else text(case.get("actualOutput")),
        failure=failure,
        scores={} if failure else _scores(case),
        contexts=_contexts(case.get("retrievalContext")),
        cost_usd=number(case.get("tokenCost")),
        seconds=number(case.get("completionTime")),
    )


def _failure(case: Mapping[str, Any], metadata: Mapping[str, Any]) -> Failure | None:
    # Nulls are not written, so a case that failed has no answer at all.
    if case.get("actualOutput") is not None:
        return None
    message = plain_error(metadata.get("error")) or next(
        (plain_error(metric["error"]) for metric in _metrics(case) if metric.get("error")), ""
    )
    if not message or _NO_ANSWER in message:
        message = "The case has no answer (actual_output), and the file gives no reason."
    return Failure("answer", "no-output", message)


def _contexts(value: Any) -> tuple[Context, ...] | None:
    if not isinstance(value, list):
        return None
    return tuple(
        Context(text(item.get("content", item.get("text", dict(item))) if isinstance(item, Mapping) else item))
        for item in value
    )


def _metrics(case: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    # `metricsMetadata` in older versions.
    items = sequence(case.get("metricsData", case.get("metricsMetadata")))
    return [metric for metric in items if isinstance(metric, Mapping)]


def _metric_name(metric: Mapping[str, Any]) -> str:
    return text(metric.get("name") or metric.get("metric")) or "metric"


def _scores(case: Mapping[str, Any]) -> dict[str, RowScore]:
    metrics = _metrics(case)
    scores: dict[str, RowScore] = {}
    verdict = truth(case.get("success"))
    errors = [_metric_name(metric) for metric in metrics if metric.get("error")]
    if verdict is not None:
        # Where a metric could not be computed the case counts as not passed, which says nothing of the answer.
        reason = f"{', '.join(errors)} could not be computed" if errors else ""
        scores[PASS] = RowScore(None if errors else float(verdict), failure=reason, passed=None if errors else verdict)
    for metric in metrics:
        value, error = number(metric.get("score")), plain_error(metric.get("error"))
        if error or value is None:
            value, error = None, error or "the file has no score"
        scores[_metric_name(metric)] = RowScore(value, _reason(metric), error, text(metric.get("evaluationModel")))
    return scores


def _reason(metric: Mapping[str, Any]) -> str:
    verdict, threshold = truth(metric.get("success")), number(metric.get("threshold"))
    outcome = (
        "" if verdict is None or threshold is None else f"({'passed' if verdict else 'not passed'} at {threshold:g})"
    )
    return " ".join(filter(None, (text(metric.get("reason")), outcome)))


def _lower_is_better(cases: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Metrics of which what passed lies below the threshold, or what did not pass above it."""
    signs: dict[str, set[bool]] = {}
    for case in cases:
        for metric in _metrics(case):
            value, threshold = number(metric.get("score")), number(metric.get("threshold"))
            verdict = truth(metric.get("success"))
            if value is not None and threshold is not None and verdict is not None and value != threshold:
                signs.setdefault(_metric_name(metric), set()).add((value > threshold) == verdict)
    by_name = {name for case in cases for name in map(_metric_name, _metrics(case)) if name.casefold() in _LOWER}
    return frozenset({name for name, directions in signs.items() if directions == {False}} | by_name)
