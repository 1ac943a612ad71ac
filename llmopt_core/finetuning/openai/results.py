"""What a fine-tuning service reports, as our own values."""

from __future__ import annotations

import base64
import binascii
import contextlib
import csv
import io
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from llmopt_core.finetuning.jobs.job import JobCheckpoint, MetricPoint, Status
from llmopt_core.finetuning.openai.errors import failure_words
from llmopt_core.models.openai.wire_values import finite, label_of, name_of, readable, token_count, value_words
from llmopt_core.types import fingerprint

# Numbers above these are faults of a service, and would break charts and the database.
MOST_TRAINING_TOKENS = 10**12
# Steps and epochs; charts draw a value per step.
_MOST_STEPS = 10**9
# The year 5138 in seconds, so milliseconds in place of seconds are told as no time.
_LAST_MOMENT = 1e11
_LONGEST_MESSAGE = 5_000  # characters of one message; some services send a whole traceback
# A loss over all of the validation file counts more than one over a batch.
_LOSSES = ("full_valid_loss", "valid_loss", "train_loss")

_STATUS: dict[str, Status] = {
    "validating_files": "queued",
    "queued": "queued",
    "paused": "queued",
    "running": "running",
    "succeeded": "finished",
    "failed": "failed",
    "cancelled": "cancelled",
    # Words of other services that speak the same protocol.
    "pending": "queued",
    "completed": "finished",
    "success": "finished",
    "error": "failed",
    "expired": "failed",
    "timed_out": "failed",
    "rejected": "failed",
    "canceled": "cancelled",
    "stopped": "cancelled",
}


# What only a job that is over is called.
_LAST_WORDS: dict[str, Status] = {
    **dict.fromkeys(
        ("failed", "failure", "error", "expired", "rejected", "aborted", "terminated", "timeout"), "failed"
    ),
    **dict.fromkeys(("cancelled", "canceled", "stopped", "deleted"), "cancelled"),
    **dict.fromkeys(("succeeded", "success", "completed", "finished"), "finished"),
}


def id_of(remote: Any) -> str:
    """The id of a job or a file.

    Raises:
        ValueError: It has none by which it could be asked for again.
    """
    remote_id = name_of(getattr(remote, "id", None))
    if not remote_id:
        raise ValueError("no usable id")
    return remote_id


def job_state(remote: Any, price_per_million: float | None) -> dict[str, Any]:
    """The state of a job, from the service's job object; a field that makes no sense costs that field alone."""
    status_word = label_of(getattr(remote, "status", None)) or ""
    raw_tokens = getattr(remote, "trained_tokens", None)
    tokens = token_count(raw_tokens, MOST_TRAINING_TOKENS)
    files = getattr(remote, "result_files", None)
    state: dict[str, Any] = {
        "remote_id": id_of(remote),
        "status": _status(remote, status_word),
        "tuned_model": name_of(getattr(remote, "fine_tuned_model", None)),
        "trained_tokens": tokens or 0,
        "epochs": epochs_of(remote),
        "finished_at": moment(getattr(remote, "finished_at", None)),
        "started_at": moment(getattr(remote, "created_at", None)),
        "message": _message(remote, status_word),
        "resumable": False,
        "result_files": [name for item in files if (name := name_of(item))] if isinstance(files, list) else [],
    }
    # Said where nothing else is: a cost of 0 would be read as free.
    if raw_tokens is not None and tokens is None and not state["message"]:
        state["message"] = f"The service reported {value_words(raw_tokens)} trained tokens; what it cost is unknown."
    if price_per_million is not None and tokens:
        state["cost_usd"] = tokens * price_per_million / 1e6
    return state


def epochs_of(remote: Any) -> int | None:
    """The epochs that the service has chosen; None before it says so."""
    method = getattr(remote, "method", None)
    # OpenAI's newer jobs nest it as method.supervised.hyperparameters, older ones have it at the top.
    kind = getattr(method, str(getattr(method, "type", "")), None)
    for values in (getattr(kind, "hyperparameters", None), getattr(remote, "hyperparameters", None)):
        raw_epochs = values.get("n_epochs") if isinstance(values, dict) else getattr(values, "n_epochs", None)
        if epochs := token_count(raw_epochs, _MOST_STEPS):
            return epochs
    return None


def _known_status(word: str) -> Status | None:
    """Our word for a state by the whole of it, else by one of its parts (`JOB_STATE_SUCCEEDED`, `user_error`)."""
    whole = _STATUS.get(word.lower())
    if whole is not None:
        return whole
    # `jobFailed` is parted at its capital, `JOB_STATE_FAILED` at its underscores. Each character is looked at once, so
    # a long word takes no longer.
    parts = re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word).lower())
    # Failures are looked for first: `completed_with_error` has failed.
    return next((status for last, status in _LAST_WORDS.items() if last in parts), None)


def _status(remote: Any, word: str) -> Status:
    """Our word for a state; a state that nobody knows is over where the job has an error, a model or an end."""
    status = _known_status(word)
    if status is not None:
        return status
    if any(_error(remote)):
        return "failed"
    if name_of(getattr(remote, "fine_tuned_model", None)):
        return "finished"
    # An unknown word with an end is over without a model; without an end it may still go on.
    return "failed" if moment(getattr(remote, "finished_at", None)) else "running"


def _message(remote: Any, word: str) -> str:
    code, text = _error(remote)
    if code:
        return failure_words(code, text)
    # Asked with the word as it came: services with other words have no such state.
    status_words = {"validating_files": "The service checks the files.", "paused": "Paused."}.get(word, "")
    if status_words or text:
        return status_words or text
    if word.lower() not in _STATUS or _status(remote, word) == "failed":
        return f"The service gives no reason; it calls this state {value_words(word)}."
    return ""


def _error(remote: Any) -> tuple[str, str]:
    """Code and message of what went wrong; empty where nothing is told."""
    error = getattr(remote, "error", None)
    if isinstance(error, str):
        return "", text_of(error)
    values = error if isinstance(error, dict) else {name: getattr(error, name, None) for name in ("code", "message")}
    return label_of(values.get("code")) or "", text_of(values.get("message"))


def text_of(value: Any) -> str:
    """A message of the service as it can be stored; empty where it is no text."""
    return readable(value[:_LONGEST_MESSAGE]) if isinstance(value, str) else ""


def moment(value: Any) -> float:
    """Seconds since 1970; 0 where it is no time."""
    seconds = finite(value)
    return seconds if seconds is not None and 0 <= seconds <= _LAST_MOMENT else 0.0


def event_values(remote: Any) -> dict[str, Any]:
    """An event of a job as it is stored: `id`, `at`, `level`, `message`. One without an id gets one from its text."""
    at, message = moment(getattr(remote, "created_at", None)), text_of(getattr(remote, "message", None))
    # Without one every look would store the same event again.
    event_id = name_of(getattr(remote, "id", None)) or fingerprint(at, message)
    return {"id": event_id, "at": at, "level": label_of(getattr(remote, "level", None)) or "info", "message": message}


def checkpoint_from(remote: Any) -> JobCheckpoint | None:
    """A checkpoint; None where it names no model or no step."""
    step = token_count(getattr(remote, "step_number", None), _MOST_STEPS)
    model = name_of(getattr(remote, "fine_tuned_model_checkpoint", None))
    if step is None or not model:
        return None
    metrics = getattr(remote, "metrics", None)
    values = metrics if isinstance(metrics, dict) else {name: getattr(metrics, name, None) for name in _LOSSES}
    return JobCheckpoint(
        # Steps between full validations have the loss of a batch only.
        step, model, moment(getattr(remote, "created_at", None)), _first(values, "full_valid_loss", "valid_loss"),
        _number(values.get("train_loss")),
    )  # fmt: skip


def read_list(remote: Any) -> dict[str, Any] | None:
    """A job of the service's list, as plain values; None where it has no id."""
    job_id = name_of(getattr(remote, "id", None))
    if not job_id:
        return None
    return {
        "id": job_id,
        "model": name_of(getattr(remote, "model", None)),
        "status": label_of(getattr(remote, "status", None)) or "",
        "tuned_model": name_of(getattr(remote, "fine_tuned_model", None)),
        "created_at": moment(getattr(remote, "created_at", None)),
    }


def metric_point(values: Mapping[str, Any]) -> MetricPoint | None:
    """A point of the curves from an event's data or a row of the result file; None where it has no step or no value."""
    step = _number(values.get("step"))
    if step is None or step > _MOST_STEPS:
        return None
    point = MetricPoint(
        int(step),
        train_loss=_number(values.get("train_loss")),
        valid_loss=_first(values, "full_valid_loss", "full_validation_loss", "valid_loss", "validation_loss"),
        train_accuracy=_first(values, "train_mean_token_accuracy", "train_accuracy"),
        valid_accuracy=_first(
            values, "full_valid_mean_token_accuracy", "valid_mean_token_accuracy", "valid_accuracy"
        ),
    )  # fmt: skip
    # A point with a step alone would draw nothing.
    return None if point == MetricPoint(point.step) else point


def parse_result_file(content: bytes) -> list[MetricPoint]:
    """The curves of a result file: CSV, which some services deliver in base64. Rows it cannot read are passed over."""
    # "utf-8-sig" takes the byte order mark away, which would become part of the first column's name.
    rows = csv.DictReader(io.StringIO(_plain(content).decode("utf-8-sig", "replace")))
    points: list[MetricPoint] = []
    # What was read before a broken row is worth drawing.
    with contextlib.suppress(csv.Error):
        for row in rows:
            point = metric_point(row)
            points += [point] if point is not None else []
    return points


def merge_points(points: Iterable[MetricPoint]) -> list[MetricPoint]:
    """One point per step, later values over earlier ones."""
    by_step: dict[int, dict[str, Any]] = {}
    for point in points:
        values = {name: getattr(point, name) for name in MetricPoint.__slots__}
        by_step.setdefault(point.step, {}).update({k: v for k, v in values.items() if v is not None})
    return [MetricPoint(**by_step[step]) for step in sorted(by_step)]


def _plain(content: bytes) -> bytes:
    # The header is within the first 64 bytes, and base64 never holds a comma. OpenAI's own files come in base64.
    head = content.lstrip(b"\xef\xbb\xbf")[:64]
    if b"," in head:
        return content
    try:
        return base64.b64decode(content, validate=False)
    except (binascii.Error, ValueError):
        return content


def _first(values: Mapping[str, Any], *names: str) -> float | None:
    return next((number for name in names if (number := _number(values.get(name))) is not None), None)


def _number(value: Any) -> float | None:
    """A finite number, or None. Services write -1 or nothing where no validation took place."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None
