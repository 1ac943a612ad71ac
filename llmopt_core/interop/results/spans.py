"""Spans of traces, by OpenInference or OpenTelemetry's words for generative models -> rows, one per trace."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from llmopt_core.interop.results.rows import Context, ResultRow, RowScore
from llmopt_core.interop.results.values import (
    CATEGORY_NAMES,
    ID_NAMES,
    answer_of,
    count,
    messages,
    number,
    pick,
    plain_error,
    question_of,
    text,
    unpack,
)
from llmopt_core.types import Failure, Message
from llmopt_core.types.grouping import group_values

_DOCUMENT = re.compile(r"retrieval\.documents\.(\d+)\.document\.(id|content|score)")
_MESSAGE = re.compile(r"llm\.input_messages\.(\d+)\.message\.(role|content)")
_MODELS = ("llm.model_name", "gen_ai.response.model", "gen_ai.request.model")
_SENT = ("llm.token_count.prompt", "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")
_WRITTEN = ("llm.token_count.completion", "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")
_INPUTS = ("input.value", "gen_ai.input.messages")
_OUTPUTS = ("output.value", "gen_ai.output.messages")


def first_moment(spans: Sequence[Span]) -> datetime | None:
    """When the first of them began; None where none says it."""
    return min((span.start for span in spans if span.start), default=None)


@dataclass(frozen=True)
class Span:
    """One step of a trace; attributes are flat, by dotted names."""

    trace_id: str
    span_id: str
    parent_id: str
    attributes: Mapping[str, Any]
    start: datetime | None = None
    end: datetime | None = None
    is_error: bool = False
    message: str = ""
    scores: Mapping[str, RowScore] = field(default_factory=dict)

    @property
    def asks_model(self) -> bool:
        """Whether it is a call of a chat model."""
        return self.attributes.get("openinference.span.kind") == "LLM" or pick(self.attributes, _MODELS) is not None

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return (self.end - self.start).total_seconds() if self.start and self.end else None


def rows_by_model(spans: Sequence[Span], scores: Mapping[str, Mapping[str, RowScore]]) -> dict[str, list[ResultRow]]:
    """Model -> a row per trace that asked it, in order of time; traces that name no model are under the empty name.

    Args:
        spans: In any order.
        scores: Span id -> scores that stand in another file.
    """
    # Two exports of the same spans are one.
    distinct = {(span.trace_id, span.span_id): span for span in spans}.values()
    traces = group_values((span.trace_id or span.span_id, span) for span in distinct)
    by_time = sorted(traces.values(), key=lambda trace: min((s.start.timestamp() for s in trace if s.start), default=0))
    result: dict[str, list[ResultRow]] = {}
    for trace in by_time:
        model = next(
            (text(model_name) for span in trace if (model_name := pick(span.attributes, _MODELS)) is not None), ""
        )
        row = _row(trace, scores)
        # Spans without a question are work of other kinds, such as jobs that fill an index.
        if row is not None:
            result.setdefault(model, []).append(row)
    # What failed before a model was asked is of the only one that there is.
    if len(result) == 2 and "" in result:
        rows_without_model = result.pop("")
        next(iter(result.values())).extend(rows_without_model)
    return result


def _row(trace: Sequence[Span], scores: Mapping[str, Mapping[str, RowScore]]) -> ResultRow | None:
    ids = {span.span_id for span in trace}
    root = next((span for span in trace if span.parent_id not in ids), trace[0])
    calls = [span for span in trace if span.asks_model]
    if not calls and pick(root.attributes, _INPUTS) is None:
        return None
    last_call = max(calls, key=lambda span: span.start.timestamp() if span.start else 0, default=root)
    question = question_of(_first(_INPUTS, root, last_call)) or _last_user(_prompt(last_call))
    if not question:
        return None
    failure_span = root if root.is_error else None
    row_scores: dict[str, RowScore] = {}
    for span in trace:
        row_scores |= {**span.scores, **scores.get(span.span_id, {})}
    facts = {name.rpartition(".")[2]: value for name, value in root.attributes.items() if name.startswith("metadata.")}
    facts |= _mapping_of(root.attributes.get("metadata"))
    category, row_id = pick(facts, CATEGORY_NAMES), pick(facts, ID_NAMES)
    return ResultRow(
        question=question,
        id="" if row_id is None else text(row_id),
        category=None if category is None else text(category),
        answer=None if failure_span else answer_of(_first(_OUTPUTS, root, last_call)),
        failure=None if failure_span is None else _failure(failure_span, trace),
        # Feedback on a call that failed is a fact of its own, and grades no answer.
        scores={} if failure_span else row_scores,
        contexts=_contexts(trace),
        prompt=_prompt(last_call),
        prompt_tokens=_total(calls, _SENT),
        completion_tokens=_total(calls, _WRITTEN),
        seconds=root.seconds,
    )


def _first(names: Sequence[str], *spans: Span) -> Any:
    return next((value for span in spans if (value := pick(span.attributes, names)) is not None), None)


def _mapping_of(value: Any) -> dict[str, Any]:
    values = unpack(value)
    return dict(values) if isinstance(values, Mapping) else {}


def _failure(root: Span, trace: Sequence[Span]) -> Failure:
    messages = [root.message, *(span.message for span in trace), text(root.attributes.get("error.type"))]
    return Failure("answer", "error", plain_error(next(filter(None, messages), "")) or "The trace gives no reason.")


def _total(calls: Sequence[Span], names: Sequence[str]) -> int | None:
    counts = [number for span in calls if (number := count(pick(span.attributes, names))) is not None]
    return sum(counts) if counts else None


def _prompt(span: Span) -> tuple[Message, ...]:
    by_place: dict[int, dict[str, Any]] = {}
    for name, value in span.attributes.items():
        match = _MESSAGE.fullmatch(name)
        if match:
            by_place.setdefault(int(match[1]), {})[match[2]] = value
    if by_place:
        return messages([by_place[place] for place in sorted(by_place)])
    message_list = unpack(span.attributes.get("llm.input_messages"))
    if isinstance(message_list, list):
        return messages([{k.removeprefix("message."): v for k, v in one.items()} for one in message_list
                         if isinstance(one, Mapping)])  # fmt: skip
    return messages(span.attributes.get("gen_ai.input.messages"))


def _last_user(prompt: Sequence[Message]) -> str:
    return next((message.content for message in reversed(prompt) if message.role == "user"), "")


def _contexts(trace: Sequence[Span]) -> tuple[Context, ...] | None:
    contexts: list[Context] = []
    has_retrieval = False
    for span in trace:
        has_retrieval |= span.attributes.get("openinference.span.kind") == "RETRIEVER"
        contexts += _documents(span)
    return tuple(contexts) if contexts or has_retrieval else None


def _documents(span: Span) -> list[Context]:
    by_place: dict[int, dict[str, Any]] = {}
    for name, value in span.attributes.items():
        match = _DOCUMENT.fullmatch(name)
        if match:
            by_place.setdefault(int(match[1]), {})[match[2]] = value
    document_list = unpack(span.attributes.get("retrieval.documents"))
    if isinstance(document_list, list):
        for place, one in enumerate(item for item in document_list if isinstance(item, Mapping)):
            by_place.setdefault(place, {k.removeprefix("document."): v for k, v in one.items()})
    return [
        Context(text(one["content"]), text(one.get("id")), number(one.get("score")))
        for _, one in sorted(by_place.items())
        if one.get("content")
    ]
