"""What a run will take, as plain values and in short words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from llmopt_core.experiments.estimate import Estimate
from llmopt_core.reporting.formatting import duration, money


def estimate_values(estimate: Estimate) -> dict[str, Any]:
    """An estimate as a job and `evaluate --estimate --json` keep it."""
    return {
        "configuration": estimate.configuration,
        "left": estimate.records - estimate.cached,
        "cached": estimate.cached,
        "calls": estimate.calls,
        "tokens": estimate.prompt_tokens + estimate.completion_tokens,
        "cost_usd": estimate.cost_usd,
        "cost_range": estimate.cost_range,
        "seconds": estimate.seconds,
        "seconds_range": estimate.seconds_range,
        "failures": list(estimate.failures),
        "tried": len(estimate.pilot_ids),
        "pilot": asdict(estimate.pilot_usage),
        "dearest": dict(estimate.dearest),
        "note": estimate.note,
    }


def cost_words(cost: float | None, ends: Sequence[float] | None) -> str:
    """`$1.20 ($0.90 to $1.50)`; without a range where none is known."""
    return f"{money(cost)}{_between(ends, money)}"


def time_words(seconds: float, ends: Sequence[float] | None) -> str:
    """`3 min (2 min to 4 min)`."""
    return f"{duration(seconds)}{_between(ends, duration)}"


def _between(ends: Sequence[float] | None, words: Any) -> str:
    if not ends:
        return ""
    low, high = words(ends[0]), words(ends[1])
    # Ends that look alike say nothing more.
    return "" if low == high else f" ({low} to {high})"
