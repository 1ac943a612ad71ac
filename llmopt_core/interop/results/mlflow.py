"""Results of MLflow: the table of `mlflow.genai.evaluate`, traces with assessments, and `eval_results_table`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmopt_core.interop.results.files import ResultFile
from llmopt_core.interop.results.rows import ResultRow, RowScore, VariantResults
from llmopt_core.interop.results.table import read_table
from llmopt_core.interop.results.values import (
    CATEGORY_NAMES,
    ID_NAMES,
    answer_of,
    grade,
    is_missing,
    mapping,
    moment,
    number,
    pick,
    plain_error,
    question_of,
    sequence,
    text,
    unpack,
    used_tokens,
)
from llmopt_core.types import Failure
from llmopt_core.types.grouping import group_values

TOOL = "MLflow"
_VALUE, _RATIONALE, _SCORE = "/value", "/rationale", "/score"
_USAGE, _MODEL = "mlflow.trace.tokenUsage", "mlflow.llm.model"
_EXPECTED = ("expected_response", "expected_output", "expected_answer", "reference", "ground_truth", "expected_facts")
_NUMBERED = ("trace_id", "request_id", "client_request_id")


def kind(file: ResultFile) -> str:
    """`genai`, `traces` or `classic`; empty where it is none of them."""
    first = file.first
    if {"trace_id", "state", "request"} <= first.keys() and any(str(name).endswith(_VALUE) for name in first):
        return "genai"
    if isinstance(first.get("info"), Mapping) and isinstance(first.get("data"), Mapping):
        return "traces" if {"trace_id", "request_id"} & first["info"].keys() else ""
    value = mapping(file.value)
    if {"columns", "data"} <= value.keys() <= {"columns", "data", "index"}:
        return "classic" if all(isinstance(value[name], list) for name in ("columns", "data")) else ""
    return "classic" if any(str(name).endswith(_SCORE) for name in first) else ""


def read(files: Sequence[tuple[ResultFile, str]]) -> list[VariantResults]:
    """A variant per table, and per model of traces."""
    variants: list[VariantResults] = []
    for file, form in files:
        if form == "genai":
            variants.append(_variant(file, [_genai_row(row) for row in file.objects]))
        elif form == "traces":
            variants += _read_traces(file)
        else:
            variants += _read_classic(file)
    return variants


def _variant(file: ResultFile, rows: Sequence[ResultRow], model: str = "") -> VariantResults:
    note = "the name of the model or prompt is a parameter of the run in MLflow and not in its tables"
    return VariantResults(
        tool=TOOL, name=model, model=model, rows=tuple(rows), files=(file.name,), notes=() if model else (note,)
    )


def _assessments(value: Any) -> list[Mapping[str, Any]]:
    # One that was overridden by a newer one is marked so.
    items = [item for item in sequence(unpack(value)) if isinstance(item, Mapping)]
    return [item for item in items if item.get("valid") is not False]


def _feedback(assessments: Sequence[Mapping[str, Any]]) -> dict[str, RowScore]:
    scores = {}
    for item in assessments:
        if not isinstance(item.get("feedback"), Mapping):
            continue
        feedback, source = mapping(item["feedback"]), mapping(item.get("source"))
        value = grade(feedback.get("value"))
        error = plain_error(feedback["error"]) if feedback.get("error") else ""
        failure = "" if value is not None else error or f"{text(feedback.get('value')) or 'nothing'} is no number"
        judge = text(source.get("source_id")) if source.get("source_type") == "LLM_JUDGE" else ""
        scores[_name(item)] = RowScore(value, text(item.get("rationale")), failure, judge)
    return scores


def _name(assessment: Mapping[str, Any]) -> str:
    return text(assessment.get("assessment_name") or assessment.get("name")) or "assessment"


def _expectation(assessments: Sequence[Mapping[str, Any]]) -> str | None:
    expectations: dict[str, Any] = {}
    for item in assessments:
        if isinstance(item.get("expectation"), Mapping):
            # The first of a name is that of the data; people add theirs later.
            expectations.setdefault(_name(item), mapping(item["expectation"]).get("value"))
    value = pick(expectations, _EXPECTED)
    return None if value is None else text(value)


def _genai_row(row: Mapping[str, Any]) -> ResultRow:
    assessments = _assessments(row.get("assessments"))
    metadata, tags = mapping(unpack(row.get("trace_metadata"))), mapping(unpack(row.get("tags")))
    columns = {name.removesuffix(_VALUE): value for name, value in row.items() if str(name).endswith(_VALUE)}
    expectation_names = {_name(item) for item in assessments if "expectation" in item} or set(_EXPECTED)
    scores = {name: _column_score(row, name) for name in columns if name not in expectation_names}
    reference = pick(columns, _EXPECTED)
    failure = _failure(text(row.get("state")), "")
    judges = {name: score.judge for name, score in _feedback(assessments).items()}
    return _result_row(
        row.get("request"), row.get("response"), tags, metadata,
        reference=_expectation(assessments) if reference is None else text(reference),
        failure=failure,
        scores={name: RowScore(s.value, s.explanation, s.failure, judges.get(name, "")) for name, s in scores.items()},
        milliseconds=row.get("execution_duration"),
    )  # fmt: skip


def _column_score(row: Mapping[str, Any], name: str) -> RowScore:
    cell, reason = row.get(name + _VALUE), row.get(name + _RATIONALE)
    value = grade(cell)
    failure = "" if value is not None else "the cell is empty" if is_missing(cell) else f"{text(cell)} is no number"
    return RowScore(value, "" if is_missing(reason) else text(reason), failure)


def _failure(state: str, message: str) -> Failure | None:
    if state.upper() != "ERROR":
        return None
    return Failure("answer", "error", message or "MLflow's table gives no reason; its traces do.")


def _result_row(
    request: Any,
    response: Any,
    tags: Mapping[str, Any],
    metadata: Mapping[str, Any],
    *,
    reference: str | None,
    failure: Failure | None,
    scores: Mapping[str, RowScore],
    milliseconds: Any,
) -> ResultRow:
    row_id, category = pick(tags, ID_NAMES), pick(tags, CATEGORY_NAMES)
    prompt_tokens, completion_tokens = used_tokens(metadata.get(_USAGE))
    took = number(milliseconds)
    return ResultRow(
        question=question_of(request),
        id="" if row_id is None else text(row_id),
        reference=reference,
        category=None if category is None else text(category),
        answer=None if failure or response is None else answer_of(response),
        failure=failure,
        # A row that failed is graded all the same, as if its answer were wrong.
        scores={} if failure else scores,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        seconds=None if took is None else took / 1000,
    )


def _read_traces(file: ResultFile) -> list[VariantResults]:
    # Exports begin with the newest.
    traces = sorted(file.objects, key=_started)
    groups = group_values((_model_of(trace), trace) for trace in traces)
    return [_variant(file, [_trace_row(trace) for trace in group], model) for model, group in groups.items()]


def _started(trace: Mapping[str, Any]) -> float:
    info = mapping(trace.get("info"))
    start = moment(info.get("request_time", info.get("timestamp_ms")))
    return start.timestamp() if start else 0.0


def _spans(trace: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [span for span in sequence(mapping(trace.get("data")).get("spans")) if isinstance(span, Mapping)]


def _attribute(span: Mapping[str, Any], name: str) -> Any:
    # Each is JSON inside a text.
    value = mapping(span.get("attributes")).get(name)
    return unpack(value) if isinstance(value, str) else value


def _model_of(trace: Mapping[str, Any]) -> str:
    return next((text(model) for span in _spans(trace) if (model := _attribute(span, _MODEL))), "")


def _trace_row(trace: Mapping[str, Any]) -> ResultRow:
    info, spans = mapping(trace.get("info")), _spans(trace)
    root: Mapping[str, Any] = next((span for span in spans if not span.get("parent_span_id")), {})
    metadata = mapping(info.get("trace_metadata") or info.get("request_metadata"))
    request = _attribute(root, "mlflow.spanInputs") or unpack(metadata.get("mlflow.traceInputs"))
    response = _attribute(root, "mlflow.spanOutputs") or unpack(metadata.get("mlflow.traceOutputs"))
    assessments = _assessments(info.get("assessments"))
    messages = [text(mapping(span.get("status")).get("message")) for span in spans]
    return _result_row(
        request or info.get("request_preview"),
        response if response is not None and response != "" else info.get("response_preview"),
        _tags(info.get("tags")),
        metadata,
        reference=_expectation(assessments),
        failure=_failure(text(info.get("state") or info.get("status")), plain_error(next(filter(None, messages), ""))),
        scores=_feedback(assessments),
        milliseconds=info.get("execution_duration_ms", info.get("execution_duration")),
    )


def _tags(value: Any) -> Mapping[str, Any]:
    # Older traces list them as keys and values.
    if isinstance(value, list):
        return {text(tag.get("key")): tag.get("value") for tag in value if isinstance(tag, Mapping)}
    return mapping(value)


def _read_classic(file: ResultFile) -> list[VariantResults]:
    value = mapping(file.value)
    if "columns" in value:
        lines = [cells for cells in value["data"] if isinstance(cells, list)]
        table_rows = [dict(zip(map(text, value["columns"]), cells, strict=False)) for cells in lines]
    else:
        table_rows = [dict(row) for row in file.objects]
    rows = [{_plain_column(str(name)): cell for name, cell in row.items()} for row in table_rows]
    table = ResultFile(file.name, file.folder, value=rows, is_lines=True, problems=file.problems)
    return read_table(table, TOOL) if rows else []


def _plain_column(name: str) -> str:
    """`exact_match/score` and `toxicity/v1/score` by their metric; reasons as `read_table` knows them."""
    metric, _, part = name.rpartition("/")
    metric = metric.removesuffix("/v1")
    return {"score": metric, "justification": f"{metric}_reason"}.get(part, name) if metric else name
