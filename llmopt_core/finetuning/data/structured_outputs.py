"""Scoring structured answers of the form `{"intent": ..., "slots": {...}}` against a reference of the same form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llmopt_core.statistics.intervals import constant_score_interval, wilson_interval
from llmopt_core.text.json_text import parse_json
from llmopt_core.text.words import fold


@dataclass(frozen=True, slots=True)
class StructuredScore:
    """One answer: valid JSON object, right intent, slot counts, and everything right. Invalid answers miss all."""

    valid: bool
    intent: bool
    right_slots: int
    found_slots: int
    wanted_slots: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Share:
    """A share between 0 and 1 with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class StructuredReport:
    """Shares over all answers; slot F1 is over all slots together (micro)."""

    answers: int
    valid: Share
    intent: Share
    slot_f1: Share
    exact: Share


def score_output(answer: str, reference: str) -> StructuredScore:
    """Score one answer; names and values are compared without regard to case and spacing."""
    gold_output = parse_json(reference)
    gold = _slots(gold_output)
    try:
        output = parse_json(answer)
    except ValueError:
        output = None
    # A list or a bare text is valid JSON, but not the form that was asked for.
    if not isinstance(output, dict):
        return StructuredScore(False, False, 0, 0, len(gold), False)
    slots = _slots(output)
    intent = output.get("intent") == gold_output["intent"]
    return StructuredScore(True, intent, len(slots & gold), len(slots), len(gold), intent and slots == gold)


def _slots(value: dict[str, object]) -> set[tuple[str, str]]:
    slots = value.get("slots")
    # A set: the same slot said twice is one.
    return {(fold(str(k)), fold(str(v))) for k, v in slots.items()} if isinstance(slots, dict) else set()


# Beyond each end of a 95 % interval lie 50 of them: with fewer the ends jitter, more take time.
_RESAMPLES = 2_000


def summarize_outputs(scores: Sequence[StructuredScore]) -> StructuredReport:
    """Shares with Wilson's intervals; slot F1, a ratio of sums, with a percentile bootstrap over answers.

    Raises:
        ValueError: There are no scores.
    """
    if not scores:
        raise ValueError("there is nothing to report")
    # F1 over all is 2 right / (found + wanted), so two sums are all that a resample needs.
    table = np.array(
        [[s.valid, s.intent, s.exact, 2 * s.right_slots, s.found_slots + s.wanted_slots] for s in scores], np.float64
    )
    picks = np.random.default_rng(0).integers(0, len(scores), (_RESAMPLES, len(scores)))
    # Sums over each resample; every share is a ratio of two of them.
    sums = table[picks].sum(axis=1)
    totals = table.sum(axis=0)
    valid, intent, exact = (_share(int(totals[i]), len(scores)) for i in range(3))
    slots = _ratio(totals[3], totals[4], sums[:, 3], sums[:, 4], len(scores))
    return StructuredReport(len(scores), valid, intent, slots, exact)


def _share(count: int, total: int) -> Share:
    return Share(count / total, *wilson_interval(count, total))


def _ratio(top: float, bottom: float, tops: np.ndarray, bottoms: np.ndarray, answers: int) -> Share:
    """A ratio of sums; without any slots anywhere nothing was missed."""
    value = float(top / bottom) if bottom else 1.0
    # A resample without any slot counts as 1, as the whole does.
    values = np.divide(tops, bottoms, out=np.ones_like(tops), where=bottoms > 0)
    low, high = (float(end) for end in np.quantile(values, [0.025, 0.975]))
    # Where all resamples agree there is no spread, and the interval says how certain that is by the number of answers.
    return Share(value, low, high) if low < high else Share(value, *constant_score_interval(value, answers))
