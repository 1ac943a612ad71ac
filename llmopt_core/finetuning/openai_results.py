"""What a fine-tuning service reports, as our own values."""

from __future__ import annotations

import base64
import binascii
import csv
import io
import math
from collections.abc import Iterable, Mapping
from typing import Any

from llmopt_core.finetuning.jobs import MetricPoint, Status
from llmopt_core.finetuning.openai_errors import failure_words

_STATUS: dict[str, Status] = {
    "validating_files": "queued",
    "queued": "queued",
    "paused": "queued",
    "running": "running",
    "succeeded": "finished",
    "failed": "failed",
    "cancelled": "cancelled",
}


def job_state(remote: Any, price_per_million: float | None) -> dict[str, Any]:
    """The state of a job, from the service's job object."""
    status: Status = _STATUS.get(remote.status, "running")
    state: dict[str, Any] = {
        "remote_id": remote.id,
        "status": status,
        "tuned_model": remote.fine_tuned_model or "",
        "trained_tokens": remote.trained_tokens or 0,
        "finished_at": float(remote.finished_at or 0),
        "started_at": float(remote.created_at),
        "message": "",
        "resumable": False,
        "result_files": list(remote.result_files or []),
    }
    if remote.error is not None and remote.error.code:
        state["message"] = failure_words(remote.error.code, remote.error.message or "")
    elif remote.status in ("validating_files", "paused"):
        state["message"] = {"validating_files": "The service checks the files.", "paused": "Paused."}[remote.status]
    if price_per_million is not None and remote.trained_tokens:
        state["cost_usd"] = remote.trained_tokens * price_per_million / 1e6
    return state


def metric_point(values: Mapping[str, Any]) -> MetricPoint | None:
    """A point of the curves from an event's data or a row of the result file; None where it has no step or no value."""
    step = _number(values.get("step"))
    if step is None:
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
    return None if point == MetricPoint(point.step) else point


def parse_result_file(content: bytes) -> list[MetricPoint]:
    """The curves of a result file: CSV, which some services deliver in base64. Rows it cannot read are passed over."""
    rows = csv.DictReader(io.StringIO(_plain(content).decode("utf-8-sig", "replace")))
    return [point for row in rows if (point := metric_point(row)) is not None]


def merged(points: Iterable[MetricPoint]) -> list[MetricPoint]:
    """One point per step, later values over earlier ones."""
    found: dict[int, dict[str, Any]] = {}
    for point in points:
        known = {name: getattr(point, name) for name in MetricPoint.__slots__}
        found.setdefault(point.step, {}).update({k: v for k, v in known.items() if v is not None})
    return [MetricPoint(**found[step]) for step in sorted(found)]


def _plain(content: bytes) -> bytes:
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
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number >= 0 else None
