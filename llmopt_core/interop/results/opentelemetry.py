"""Traces in OpenTelemetry's JSON, one export request a line, with OpenInference's or its own words for models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.interop.results.files import ResultFile
from llmopt_core.interop.results.rows import RowScore, VariantResults
from llmopt_core.interop.results.spans import Span, first_moment, rows_by_model
from llmopt_core.interop.results.values import grade, is_missing, mapping, moment, number, sequence, text
from llmopt_core.types.grouping import group_values

TOOL = "OpenTelemetry"
_ERROR = ("2", "STATUS_CODE_ERROR", "ERROR")
_EVALUATION = "gen_ai.evaluation.result"
# Events of the older convention, by the role of the message that they hold.
_ROLES = {"gen_ai.system.message": "system", "gen_ai.user.message": "user", "gen_ai.assistant.message": "assistant"}
_CHOICE = "gen_ai.choice"
_DEEPEST = 20


def kind(file: ResultFile) -> str:
    """`traces`, `logs`, or `spans` as Phoenix gives them; empty where it is none of them."""
    first = file.first
    if "resourceSpans" in first or "resource_spans" in first:
        return "traces"
    if "resourceLogs" in first or "resource_logs" in first:
        return "logs"
    is_span = isinstance(first.get("attributes"), list) and ("span_id" in first or "spanId" in first)
    return "spans" if is_span else ""


def read(files: Sequence[tuple[ResultFile, str]]) -> list[VariantResults]:
    """A variant per model.

    Raises:
        BadInput: There are logs without traces, or no span has a question.
    """
    raw = [span for file, form in files if form != "logs" for span in _raw_spans(file)]
    if not raw:
        raise BadInput(f"{files[0][0].name} holds logs of OpenTelemetry without its traces; give the traces too.")
    events = group_values(
        (_field(record, "spanId"), record) for file, form in files if form == "logs" for record in _log_records(file)
    )
    spans = [_span(one, events.get(_field(one, "spanId"), [])) for one in raw]
    variants = rows_by_model(spans, {})
    names = tuple(file.name for file, _ in files)
    if not variants:
        raise BadInput(
            f"{names[0]} holds traces without the texts of questions; the content of messages must be recorded, or the "
            "logs with it be given too."
        )
    return [
        VariantResults(tool=TOOL, name=model, model=model, rows=tuple(rows), files=names, set_name="traces",
                       created_at=first_moment(spans), notes=("traces have no reference answers",))
        for model, rows in variants.items()
    ]  # fmt: skip


def _field(record: Mapping[str, Any], name: str) -> str:
    """A field by the name of OTLP's JSON, or as others write it with underscores."""
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    value = record.get(name, record.get(snake))
    return "" if value is None else text(value)


def _parts(value: Any, *names: str) -> Iterator[Mapping[str, Any]]:
    """What lies below these names, list in list."""
    if not names:
        yield from (item for item in sequence(value) if isinstance(item, Mapping))
        return
    for item in sequence(value):
        inner = mapping(item)
        snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in names[0])
        yield from _parts(inner.get(names[0], inner.get(snake)), *names[1:])


def _raw_spans(file: ResultFile) -> list[Mapping[str, Any]]:
    if kind(file) == "spans":
        return file.objects
    return list(_parts(file.objects, "resourceSpans", "scopeSpans", "spans"))


def _log_records(file: ResultFile) -> list[Mapping[str, Any]]:
    return list(_parts(file.objects, "resourceLogs", "scopeLogs", "logRecords"))


def _value(value: Any, depth: int = 0) -> Any:
    """What an attribute holds: its value stands under the name of its type."""
    for name, item in mapping(value).items():
        kind_name = name.replace("_", "").casefold()
        if item is None or depth > _DEEPEST:
            continue
        if kind_name == "arrayvalue":
            return [_value(one, depth + 1) for one in sequence(mapping(item).get("values"))]
        if kind_name == "kvlistvalue":
            return _attributes(mapping(item).get("values"), depth + 1)
        # Whole numbers are written as texts, since JavaScript has none of 64 bits.
        return number(item) if kind_name == "intvalue" else item
    return None


def _attributes(value: Any, depth: int = 0) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    items = (mapping(item) for item in sequence(value))
    return {text(item.get("key")): _value(item.get("value"), depth) for item in items if "key" in item}


def _span(one: Mapping[str, Any], logs: Sequence[Mapping[str, Any]]) -> Span:
    attributes = {name: value for name, value in _attributes(one.get("attributes")).items() if value is not None}
    status = mapping(one.get("status"))
    events = [*(mapping(event) for event in sequence(one.get("events"))), *logs]
    attributes |= {name: value for name, value in _told_messages(events).items() if name not in attributes}
    return Span(
        _field(one, "traceId"),
        _field(one, "spanId"),
        _field(one, "parentSpanId"),
        attributes,
        moment(_field(one, "startTimeUnixNano")),
        moment(_field(one, "endTimeUnixNano")),
        text(status.get("code", one.get("status_code"))) in _ERROR or "error.type" in attributes,
        text(status.get("message")) or _exception(events),
        _evaluations(events),
    )


def _name(event: Mapping[str, Any]) -> str:
    return (
        text(event.get("name"))
        or _field(event, "eventName")
        or text(_attributes(event.get("attributes")).get("event.name"))
    )


def _told_messages(events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The messages of the older convention, which stand in events, as the attributes of the newer one."""
    sent, received = [], []
    for event in events:
        name, body = _name(event), mapping(_value(event.get("body"))) or _attributes(event.get("attributes"))
        if name in _ROLES:
            sent.append({"role": _ROLES[name], "content": body.get("content")})
        elif name == _CHOICE:
            message = mapping(body.get("message")) or body
            received.append({"role": "assistant", "content": message.get("content")})
    return {
        **({"gen_ai.input.messages": sent} if sent else {}),
        **({"gen_ai.output.messages": received} if received else {}),
    }


def _exception(events: Sequence[Mapping[str, Any]]) -> str:
    found = (_attributes(event.get("attributes")).get("exception.message") for event in events)
    return next((text(message) for message in found if message), "")


def _evaluations(events: Sequence[Mapping[str, Any]]) -> dict[str, RowScore]:
    scores = {}
    for event in events:
        if _name(event) != _EVALUATION:
            continue
        values = _attributes(event.get("attributes"))
        label = (
            "" if is_missing(values.get("gen_ai.evaluation.score.label")) else values["gen_ai.evaluation.score.label"]
        )
        value = number(values.get("gen_ai.evaluation.score.value"))
        value = grade(label) if value is None else value
        explanation = text(values.get("gen_ai.evaluation.explanation"))
        failure = "" if value is not None else f"the label {label or '(none)'} has no number"
        scores[text(values.get("gen_ai.evaluation.name")) or "evaluation"] = RowScore(value, explanation, failure)
    return scores
