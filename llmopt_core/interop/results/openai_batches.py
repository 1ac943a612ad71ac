"""Batches of OpenAI's platform: requests, answers and errors, joined by their ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.interop.results.files import ResultFile
from llmopt_core.interop.results.rows import ResultRow, VariantResults
from llmopt_core.interop.results.values import (
    mapping,
    messages,
    number,
    plain_error,
    question_of,
    sequence,
    text,
    used_tokens,
)
from llmopt_core.types import Failure, Message
from llmopt_core.types.grouping import group_values

TOOL = "OpenAI"
Row = Mapping[str, Any]


def read_batches(inputs: Sequence[ResultFile], outputs: Sequence[ResultFile]) -> list[VariantResults]:
    """A variant per model.

    Raises:
        BadInput: There are requests without answers, or answers without requests.
    """
    if not outputs:
        raise BadInput(f"{inputs[0].name} holds the requests of a batch; give the file of its answers too.")
    if not inputs:
        raise BadInput(f"{outputs[0].name} holds the answers of a batch without questions; give its input file too.")
    requests: dict[str, dict[str, Row]] = {}
    for file in inputs:
        for line in file.objects:
            body = mapping(line.get("body"))
            requests.setdefault(text(body.get("model")), {})[text(line.get("custom_id"))] = body
    answers = group_values(
        (_batch_model(line), line) for file in outputs for line in file.objects if _batch_model(line)
    )
    errors: dict[str, list[Row]] = {}
    for file in outputs:
        failures = [line for line in file.objects if not _batch_model(line)]
        errors.setdefault(_model_of_errors(failures, requests, answers), []).extend(failures)
    models = list(dict.fromkeys([*answers, *errors]))
    names = tuple(file.name for file in (*inputs, *outputs))
    asked_by_any = {key: body for bodies in requests.values() for key, body in bodies.items()}
    return [
        _batch(model, _requests_of(model, requests) or asked_by_any, [*answers.get(model, []), *errors.get(model, [])],
               names)
        for model in models
        if answers.get(model) or errors.get(model)
    ]  # fmt: skip


def _requests_of(model: str, requests: Mapping[str, dict[str, Row]]) -> dict[str, Row]:
    # What answers is a dated version of what was asked for, such as gpt-4.1-2025-04-14.
    exact = requests.get(model)
    return exact or next((bodies for name, bodies in requests.items() if name and model.startswith(name)), {})


def _batch_model(line: Row) -> str:
    return text(mapping(mapping(line.get("response")).get("body")).get("model"))


def _model_of_errors(
    failed: Sequence[Row], requests: Mapping[str, dict[str, Row]], answers: Mapping[str, list[Row]]
) -> str:
    """Whose requests failed: lines of errors name no model. Of those with all of them open, the one with the fewest."""
    ids = {text(line.get("custom_id")) for line in failed}
    models = list(dict.fromkeys([*answers, *(name for name in requests if not answers)]))
    open_ids = {
        model: set(_requests_of(model, requests)) - {text(line.get("custom_id")) for line in answers.get(model, [])}
        for model in models
    }
    answer_ids = {model: {text(line.get("custom_id")) for line in answers.get(model, [])} for model in models}
    fitting = [model for model in models if not ids & answer_ids[model]]
    return min(fitting, key=lambda model: len(open_ids[model] ^ ids), default=models[0] if models else "")


def _batch(model: str, bodies: Mapping[str, Row], lines: Sequence[Row], files: tuple[str, ...]) -> VariantResults:
    matches = [line for line in lines if text(line.get("custom_id")) in bodies]
    places = {key: place for place, key in enumerate(bodies)}
    loss_count = len(lines) - len(matches)
    rows = sorted(matches, key=lambda line: places[text(line.get("custom_id"))])
    return VariantResults(
        tool=TOOL,
        name=model,
        model=model,
        details={name: text(value) for body in list(bodies.values())[:1] for name, value in body.items()
                 if name in ("temperature", "max_tokens", "max_completion_tokens", "seed")},
        set_name="batch",
        rows=tuple(_batch_row(line, bodies[text(line.get("custom_id"))]) for line in rows),
        files=files,
        notes=(f"{loss_count} answers belong to no request of the input file and were left out",) if loss_count else (),
    )  # fmt: skip


def _batch_row(line: Row, asked: Row) -> ResultRow:
    response = mapping(line.get("response"))
    body = mapping(response.get("body"))
    prompt = messages(asked.get("messages")) or messages(asked.get("input"))
    error = line.get("error") or body.get("error")
    status = number(response.get("status_code")) or 0
    failure = None
    if error or not response or status >= 400:
        reason = plain_error(error) or f"The service answered with the status {status:.0f}."
        failure = Failure("answer", text(mapping(error).get("code")) or "error", reason)
    prompt_tokens, completion_tokens = used_tokens(body.get("usage"))
    choice = mapping((sequence(body.get("choices")) or [{}])[0])
    return ResultRow(
        question=last_user(prompt) or question_of(asked.get("input") or asked.get("prompt") or asked.get("messages")),
        id=text(line.get("custom_id")),
        answer=None if failure else body_answer(body, choice),
        failure=failure,
        prompt=prompt,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        finish_reason=text(choice.get("finish_reason")),
    )


def body_answer(body: Row, choice: Row) -> str | None:
    """The text of an answer of either API."""
    message = mapping(choice.get("message"))
    if choice:
        replies = messages([message])
        return replies[-1].content if replies else text(choice.get("text"))
    # The newer kind of answers is a list of items, of which messages hold the text.
    replies = messages([item for item in sequence(body.get("output")) if mapping(item).get("type") == "message"])
    return replies[-1].content if replies else None


def last_user(sent: Sequence[Message]) -> str:
    """What the user said last; empty where nothing was said."""
    return next((message.content.strip() for message in reversed(sent) if message.role == "user"), "")
