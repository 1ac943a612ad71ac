"""Exports of Langfuse: traces, observations, scores, items of data sets, and runs over them, joined by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.interop.results.files import ResultFile
from llmopt_core.interop.results.langfuse_exports import TRACE_COLUMNS, Exports, Row, kind, read_exports
from llmopt_core.interop.results.rows import ResultRow, RowScore, VariantResults
from llmopt_core.interop.results.values import (
    CATEGORY_NAMES,
    ID_NAMES,
    answer_of,
    grade,
    is_missing,
    mapping,
    messages,
    moment,
    number,
    pick,
    plain_error,
    question_of,
    text,
    unpack,
    used_tokens,
)
from llmopt_core.types import Failure
from llmopt_core.types.grouping import group_values

__all__ = ["kind", "read"]

TOOL = "Langfuse"
_RUN_NAMES = ("experiment_name", "run_name", "dataset_run_name")


def read(files: Sequence[tuple[ResultFile, str]]) -> list[VariantResults]:
    """A variant per run over a data set, or per model of traces.

    Raises:
        BadInput: No file holds the answers.
    """
    exports = read_exports(files)
    trace_ids = list(dict.fromkeys([*exports.traces, *exports.observations]))
    if not trace_ids:
        file, form = files[0]
        raise BadInput(f"{file.name} is {_ALONE[form]} of Langfuse without the answers; give the export of traces too.")
    names = tuple(file.name for file, _ in files)
    groups = group_values((_variant_name(exports, trace_id), trace_id) for trace_id in trace_ids)
    return [_variant(exports, name, ids, names) for name, ids in groups.items()]


_ALONE = {
    "run": "a run over a data set", "items": "a data set", "run_items": "a list of runs over a data set",
    "scores": "a list of scores",
}  # fmt: skip


def _model(exports: Exports, trace_id: str) -> str:
    names = ("model", "providedModelName")
    return next(
        (text(m) for one in exports.observations.get(trace_id, []) if (m := pick(one, map(str.casefold, names)))), ""
    )


def _variant_name(exports: Exports, trace_id: str) -> str:
    """The run's name; where no file says it, what the traces say of their run, the run's id, or the model."""
    if trace_id in exports.run_of:
        return exports.run_of[trace_id]
    name = pick(mapping(unpack(exports.traces.get(trace_id, {}).get("metadata"))), _RUN_NAMES)
    run_id = next((one["datasetRunId"] for one in exports.scores.get(trace_id, []) if one.get("datasetRunId")), "")
    return text(name) or text(run_id) or _model(exports, trace_id)


def _variant(exports: Exports, name: str, trace_ids: Sequence[str], files: tuple[str, ...]) -> VariantResults:
    models = list(dict.fromkeys(filter(None, (_model(exports, trace_id) for trace_id in trace_ids))))
    first = exports.traces.get(trace_ids[0], {})
    prompts = (one for trace_id in trace_ids for one in exports.observations.get(trace_id, []) if one.get("promptName"))
    prompt: Row = next(prompts, {})
    version, facts = text(prompt.get("promptVersion")), exports.run_facts.get(name, {})
    oldest_first = sorted(trace_ids, key=lambda trace_id: _started(exports, trace_id))
    return VariantResults(
        tool=TOOL,
        name=name,
        model=", ".join(models) or text(facts.get("model")),
        details={
            **{str(key): text(value) for key, value in facts.items() if key != "model"},
            **({"prompt": f"{prompt['promptName']} v{version}"} if prompt else {}),
        },
        set_name=exports.dataset_name or text(first.get("name")),
        rows=tuple(_row(exports, trace_id) for trace_id in oldest_first),
        files=files,
        created_at=moment(first.get("timestamp")),
        notes=() if exports.items else ("the items of the data set were not given, so there are no reference answers",),
    )


def _started(exports: Exports, trace_id: str) -> float:
    observations = exports.observations.get(trace_id) or [{}]
    start = moment(exports.traces.get(trace_id, {}).get("timestamp") or observations[0].get("startTime"))
    return start.timestamp() if start else 0.0


def _row(exports: Exports, trace_id: str) -> ResultRow:
    trace, observations = exports.traces.get(trace_id, {}), exports.observations.get(trace_id, [])
    item = exports.items.get(exports.item_of.get(trace_id, ""), {})
    calls = [one for one in observations if text(one.get("type")).upper() == "GENERATION"] or observations
    last: Row = calls[-1] if calls else {}
    output = trace.get("output") if not is_missing(trace.get("output")) else last.get("output")
    answer = None if output is None or output == "" else answer_of(output)
    failure = _failure(observations, answer)
    facts = {**mapping(unpack(trace.get("metadata"))), **mapping(unpack(item.get("metadata")))}
    row_id, category = pick(facts, ID_NAMES), pick(facts, CATEGORY_NAMES)
    reference = unpack(item.get("expectedOutput"))
    question = item.get("input") or trace.get("input") or last.get("input")
    prompt_tokens, completion_tokens = _tokens(calls)
    return ResultRow(
        question=question_of(question),
        id=text(row_id) if row_id is not None else exports.item_of.get(trace_id, ""),
        key=exports.item_of.get(trace_id, ""),
        reference=None if is_missing(reference) else answer_of(reference),
        category=None if category is None else text(category),
        answer=None if failure else answer,
        failure=failure,
        scores={} if failure else _scores(trace, exports.scores.get(trace_id, [])),
        prompt=messages(last.get("input")),
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        cost_usd=_cost(trace, calls),
        seconds=_seconds(trace, observations),
    )


def _failure(observations: Sequence[Row], answer: str | None) -> Failure | None:
    errors = [one for one in observations if text(one.get("level")).upper() == "ERROR"]
    # What was mended by a second try ends in an answer.
    if answer is not None and errors:
        return None
    if errors:
        message = plain_error(errors[0].get("statusMessage"))
        return Failure("answer", "error", message or "Langfuse gives no reason.")
    if answer is None:
        return Failure("answer", "no-output", "The trace has no output; the export of observations may say why.")
    return None


def _tokens(calls: Sequence[Row]) -> tuple[int | None, int | None]:
    pairs = [used_tokens(one.get("usageDetails")) for one in calls]
    pairs = [
        pair if any(value is not None for value in pair) else used_tokens({k.casefold(): v for k, v in one.items()
                                                                          if k in ("inputUsage", "outputUsage")})
        for pair, one in zip(pairs, calls, strict=True)
    ]  # fmt: skip
    inputs, outputs = ([pair[side] for pair in pairs if pair[side] is not None] for side in (0, 1))
    return (sum(filter(None, inputs)) if inputs else None), (sum(filter(None, outputs)) if outputs else None)


def _cost(trace: Row, calls: Sequence[Row]) -> float | None:
    totals = [number(one.get("totalCost")) for one in calls]
    totals = [
        number(mapping(unpack(one.get("costDetails"))).get("total")) if total is None else total
        for total, one in zip(totals, calls, strict=True)
    ]
    costs = [total for total in totals if total is not None]
    return sum(costs) if costs and len(costs) == len(totals) else number(trace.get("totalCost"))


def _seconds(trace: Row, observations: Sequence[Row]) -> float | None:
    roots = [one for one in observations if is_missing(one.get("parentObservationId"))]
    latencies = [value for one in roots if (value := number(one.get("latency"))) is not None]
    return number(trace.get("latency")) if not latencies else sum(latencies)


def _scores(trace: Row, exported: Sequence[Row]) -> dict[str, RowScore]:
    columns = {name: unpack(value) for name, value in trace.items() if name not in TRACE_COLUMNS}
    scores = {}
    for name, values in columns.items():
        # A score that was given several times: the last one.
        numbers = [value for value in (values if isinstance(values, list) else [values]) if not is_missing(value)]
        if numbers:
            scores[name] = _score(numbers[-1], text(numbers[-1]), "")
    for row in exported:
        label = "" if is_missing(row.get("stringValue")) else text(row["stringValue"])
        value = row.get("value") if not is_missing(row.get("value")) else label
        comment = "" if is_missing(row.get("comment")) else text(row["comment"])
        # Categories have a number of their own order, which grades nothing.
        is_category = text(row.get("dataType")).upper() == "CATEGORICAL"
        scores[text(row.get("name"))] = _score(label if is_category else value, label, comment)
    return scores


def _score(value: Any, label: str, comment: str) -> RowScore:
    result = grade(value)
    failure = "" if result is not None else f"the label {label or '(none)'} has no number"
    words = label if number(label) is None else ""
    return RowScore(result, ": ".join(filter(None, (words, comment))), failure)
