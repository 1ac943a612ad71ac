"""A plain line beside each hyperparameter, and what the curves say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from llmopt_core.finetuning.jobs.job import MetricPoint

NOTES: dict[str, str] = {
    "epochs": "How often each example is seen. More learns more until the validation loss turns up; 3 to 5 is usual.",
    "n_epochs": "How often each example is seen. Start with the service's choice; add one or two if it underfits.",
    "batch_size": "Examples per step. Smaller is noisier and learns faster per example; larger is steadier.",
    "learning_rate": "Size of each step. Too high: the loss jumps or explodes. Too low: it hardly falls. "
    "LoRA takes about 1e-4 to 1e-3, an embedding model 1e-5 to 1e-4.",
    "learning_rate_multiplier": "Multiplies the service's own step size. Raise it if the model ignores the data, "
    "lower it if it repeats training answers.",
    "schedule": "How the step size falls to zero. Linear is a safe choice.",
    "warmup_share": "The first steps are smaller, so that the start does not throw the model off.",
    "weight_decay": "Pulls the weights back a little at each step. A mild brake on overfitting.",
    "rank": "How much the adapter can hold. 8 to 16 for a format or a style, 32 or more for much new behaviour.",
    "alpha": "How strongly the adapter acts. Twice the rank is usual; doubling it is like doubling the step size.",
    "dropout": "Leaves out part of the signal at random while training. 0.05 to 0.1 helps small sets that overfit.",
    "layers": "Attention only is smaller and faster; all linear layers learn better.",
    "text_format": "How the text is laid out in training. The tuned model must be asked in the same way.",
    "max_tokens": "Longer examples are left out. Shorter texts train faster and need less memory.",
    "evaluations": "How often the validation loss is measured. More points, but each costs time.",
    "validation_examples": "How many validation examples each point of the curve uses.",
    "patience": "Stops when this many measurements in a row brought no better validation loss. 0 never stops early.",
    "keep_best": "Takes the model with the lowest validation loss instead of the last one.",
    "checkpoint_every": "Steps between saved states. A killed job goes on from the last one.",
    "beta": "For preference pairs: how close the model stays to where it started. Higher is more cautious.",
    "scale": "How sharply an embedding model must tell right from wrong passages.",
    "seed": "The same seed and data give the same training.",
}

OVERFITTING = (
    "Overfitting: the training loss goes on falling while the validation loss rises. The model memorises. "
    "Use fewer epochs, a lower learning rate, some dropout, or more examples; stop early and keep the best."
)
UNDERFITTING = (
    "Underfitting: both losses are still falling at the end, or hardly fell at all. "
    "Use more epochs, a higher learning rate or rank, or clearer examples."
)
UNSTABLE = "Unstable: the training loss jumps or grows. Lower the learning rate or raise the batch size."
GOOD = "A good fit: both losses fell and levelled off together."
UNDERWAY = "Still training: whether the model learned enough is told when it ends."
TOO_FEW_POINTS = "Too few measurements to say; a validation set and more evaluations tell more."

Fit = Literal["good", "overfitting", "underfitting", "unstable", "unknown"]


@dataclass(frozen=True, slots=True)
class CurveReading:
    """What a pair of curves looks like, with the advice."""

    fit: Fit
    advice: str


def read_curves(points: Sequence[MetricPoint], *, has_ended: bool = True) -> CurveReading:
    """Judge a run by its curves: rough rules, meant as a hint.

    While it goes on only what cannot get better by itself is told: losses that still fall are as they should be.
    """
    reading = _read(points)
    return reading if has_ended or reading.fit in {"overfitting", "unstable"} else CurveReading("unknown", UNDERWAY)


def _read(points: Sequence[MetricPoint]) -> CurveReading:
    train = [p.train_loss for p in points if p.train_loss is not None]
    valid = [p.valid_loss for p in points if p.valid_loss is not None]
    # Thirds and sixths of fewer points are single steps, which jump.
    if len(train) < 6:
        return CurveReading("unknown", TOO_FEW_POINTS)
    # The first third against the last sixth: at the start a loss falls fast, at the end it is level. The factors below
    # are rules of thumb.
    start, end = _mean(train[: len(train) // 3]), _mean(train[-max(2, len(train) // 6) :])
    if end > 1.2 * start:
        return CurveReading("unstable", UNSTABLE)
    # Without a curve of validation nothing can be said about overfitting.
    if len(valid) < 3:
        return (
            CurveReading("underfitting", UNDERFITTING) if end > 0.9 * start else CurveReading("unknown", TOO_FEW_POINTS)
        )
    best = min(valid)
    # A tenth above its best is more than the noise of 64 examples usually is; the training loss must have fallen
    # meanwhile.
    if valid[-1] > 1.1 * best and end < start:
        return CurveReading("overfitting", OVERFITTING)
    # The last measurement is the best one, and by more than a twentieth.
    still_falling = valid[-1] == best and valid[-1] < 0.95 * valid[-2]
    hardly_fell = best > 0.9 * valid[0]
    return CurveReading("underfitting", UNDERFITTING) if still_falling or hardly_fell else CurveReading("good", GOOD)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
