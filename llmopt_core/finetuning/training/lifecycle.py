"""What every kind of training does around its loop: hooks into the job's folder, messages, final facts."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llmopt_core.errors import Cancellation, StorageError
from llmopt_core.finetuning.jobs.job import MetricPoint
from llmopt_core.finetuning.training.loop import Hooks, Measurement, Position, TrainingLoop, TrainingStop
from llmopt_core.finetuning.training.worker import Worker
from llmopt_core.text.drafts import replacing


def hooks(worker: Worker) -> Hooks:
    """Curves and progress into the job's folder, the cancel flag out of it."""

    def on_progress(position: Position, total: int) -> None:
        # After a resume the seconds before it count too, as their steps do.
        remaining = position.seconds / max(1, position.step) * (total - position.step)
        worker.tell(step=position.step, total_steps=total, seconds_left=round(remaining, 1), **pace(position))

    def on_metrics(point: MetricPoint) -> None:
        try:
            worker.folder.append("metrics.jsonl", {k: v for k, v in asdict(point).items() if v is not None})
        # A curve with a hole is better than a training that was lost to a full disk.
        except StorageError as error:
            worker.folder.log(str(error), "warn")

    return Hooks(on_metrics, on_progress, worker.should_stop, lambda message: worker.folder.log(message, "warn"))


def prepare_torch(worker: Worker) -> None:
    """As many threads as the settings give, and no time lost on numbers next to nothing."""
    import torch

    torch.set_num_threads(worker.settings.threads)
    # Numbers near 0 (below 1e-38) take a processor many times longer; rounding them to 0 changes nothing that is seen.
    torch.set_flush_denormal(True)


@contextmanager
def replace_model(target: Path) -> Iterator[Path]:
    """A draft that takes the place of `target` at the end of the block.

    Raises:
        StorageError: The model cannot be written.
    """
    try:
        with replacing(target) as draft:
            yield draft
    except (OSError, StorageError) as error:
        # `replacing` tells of the workspace; here the user must hear that the training itself is safe.
        cause = error if isinstance(error, OSError) else error.__cause__
        why = getattr(cause, "strerror", None) or str(error)
        raise StorageError(
            f"{target}: the fine-tuned model cannot be written ({why}); free some space, then resume the job."
        ) from error


def pace(position: Position) -> dict[str, Any]:
    """Tokens read so far, and per second."""
    speed = position.tokens / max(position.seconds, 1e-9)
    return {"trained_tokens": position.tokens, "tokens_per_second": round(speed, 1)}


def carry_out(worker: Worker, run: TrainingLoop[Any], how: str) -> Measurement | None:
    """Restore, announce, train, and note the loss of every validation example.

    Raises:
        Cancellation: The user or the system stopped it.
    """
    start = f"Going on after step {run.position.step}" if run.restore() else "Training"
    worker.folder.log(
        f"{start}: {len(run.train)} examples, {len(run.validation)} for validation, {run.total_steps} steps, {how}."
    )
    worker.tell(at_once=True, total_steps=run.total_steps, step=run.position.step)
    try:
        measurement = run.run()
    except TrainingStop:
        # `from None`: the stop is no fault.
        raise Cancellation(f"Training stopped at step {run.position.step} of {run.total_steps}.") from None
    # Sorted, so that the file of one run is always the same.
    for number, (loss, tokens) in sorted(measurement.by_example.items()) if measurement else ():
        worker.folder.append("validation_losses.jsonl", {"number": number, "loss": loss, "tokens": tokens})
    return measurement


def card(worker: Worker, run: TrainingLoop[Any], measurement: Measurement | None) -> dict[str, Any]:
    """The facts of a tuned model that are the same for every kind."""
    at = run.position
    request_data = worker.folder.read("request.json")
    return {
        "name": worker.request.name,
        "base_model": worker.request.base_model,
        "data_version": request_data.get("data_version", ""),
        "validation_version": request_data.get("validation_version", ""),
        "examples": len(run.train),
        "seed": worker.request.seed,
        "steps": at.step,
        "best_step": at.best_step if run.keeps_best else at.step,
        "train_loss": last_train_loss(worker.folder.metrics()),
        "valid_loss": measurement.loss if measurement else None,
        "valid_accuracy": measurement.accuracy if measurement else None,
        "trained_tokens": at.tokens,
        "seconds": round(at.seconds, 1),
        "created_at": time.time(),
        "job_id": worker.folder.id,
    }


def final_state(run: TrainingLoop[Any], tuned_model: str) -> dict[str, Any]:
    """What the job's state says at the end."""
    return {"tuned_model": tuned_model, "step": run.position.step, "total_steps": run.total_steps, **pace(run.position)}


def last_train_loss(points: Sequence[MetricPoint]) -> float | None:
    """Mean over the last ten steps; single steps jump."""
    losses = [p.train_loss for p in points if p.train_loss is not None][-10:]
    # `fsum` keeps the mean the same in whatever order parts were added.
    return math.fsum(losses) / len(losses) if losses else None
