"""Two runs on the same examples: is the second better, worse, or is no difference seen?

`a` is always the baseline and `b` what is compared with it: a difference is `b - a`, and the verdict is about `b`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from llmopt_core.statistics.intervals import is_value
from llmopt_core.statistics.resampling import EXACT_PAIRS, Floats, bootstrap_interval, sign_flip_p_value

Verdict = Literal["better", "worse", "no difference seen", "not comparable"]
"""`not comparable`: the one that leads was trained on the questions."""
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the pairs say about `b` against the baseline `a`.

    Attributes:
        difference: Mean of `b - a` over the pairs; None where no example has both values.
        low: Lower end of the 95 % bootstrap interval of the difference; None (with `high`) where there is no spread.
        p_value: Chance of a difference at least as large if `a` and `b` were exchangeable; None without pairs.
        pairs: Examples with a value on both sides.
        dropped: Examples left out because a value is missing on either side.
        method: The test, in words.
    """

    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    pairs: int
    verdict: Verdict
    method: str
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Wins:
    """Examples on which `b` beats `a`, loses, or ties, with the exact two-sided sign test on those that differ."""

    wins: int
    losses: int
    ties: int
    p_value: float | None
    dropped: int = 0


def compare_paired(
    a: Sequence[float | None],
    b: Sequence[float | None],
    higher_is_better: bool = True,
    seed: int = 0,
    alpha: float = ALPHA,
) -> Comparison:
    """Compare the values of `b` with those of the baseline `a`, aligned by example, None where missing.

    The p-value is a paired permutation test (`resampling.sign_flip_p_value`), the interval a BCa bootstrap of the
    mean difference.

    Raises:
        ValueError: The two have different lengths.
    """
    before, after = _pairs(a, b)
    differences = np.array(after) - np.array(before)
    moving = int(np.count_nonzero(differences))
    method = "paired permutation test, " + ("exact" if moving <= EXACT_PAIRS else "random sign flips")
    p_value = sign_flip_p_value(differences, seed) if before else None
    return _comparison(
        differences, p_value, total=len(a), method=method, seed=seed, alpha=alpha, higher=higher_is_better
    )


def mcnemar(
    a_pass: Sequence[bool | None], b_pass: Sequence[bool | None], seed: int = 0, alpha: float = ALPHA
) -> Comparison:
    """Exact McNemar test of pass/fail on the same examples; the difference is in pass rate."""
    before, after = _pairs(a_pass, b_pass)
    differences = np.array(after, dtype=float) - np.array(before, dtype=float)
    gained, lost = int((differences > 0).sum()), int((differences < 0).sum())
    p_value = sign_test(gained, lost) if before else None
    return _comparison(differences, p_value, total=len(a_pass), method="exact McNemar test", seed=seed, alpha=alpha)


def wins(
    a: Sequence[float | None], b: Sequence[float | None], higher_is_better: bool = True, tolerance: float = 0.0
) -> Wins:
    """Count the examples on which `b` beats `a`; differences up to `tolerance` are ties."""
    before, after = _pairs(a, b)
    gains = (np.array(after, dtype=float) - np.array(before, dtype=float)) * (1 if higher_is_better else -1)
    won, lost = int((gains > tolerance).sum()), int((gains < -tolerance).sum())
    return Wins(won, lost, len(before) - won - lost, sign_test(won, lost) if before else None, len(a) - len(before))


def sign_test(wins: int, losses: int) -> float:
    """Two-sided exact binomial p-value of `wins` against `losses` at even odds; 1.0 where there are none."""
    total = wins + losses
    tail = sum(math.comb(total, k) for k in range(min(wins, losses) + 1))
    return min(1.0, 2 * tail / (1 << total))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) adjusted p-values, in the given order."""
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, position in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[position]))
        adjusted[position] = running
    return adjusted


def verdict_of(
    difference: float | None, p_value: float | None, higher_is_better: bool = True, alpha: float = ALPHA
) -> Verdict:
    """Better or worse where the p-value (adjusted or not) is below `alpha`, else no difference seen."""
    if difference is None or p_value is None or p_value >= alpha or difference == 0.0:
        return "no difference seen"
    return "better" if (difference > 0) == higher_is_better else "worse"


def _pairs(a: Sequence[float | None], b: Sequence[float | None]) -> tuple[list[float], list[float]]:
    """The two columns without the rows in which either value is missing."""
    kept = [
        (x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None and is_value(x) and is_value(y)
    ]
    return [float(x) for x, _ in kept], [float(y) for _, y in kept]


def _comparison(
    differences: Floats, p_value: float | None, *, total: int, method: str, seed: int, alpha: float, higher: bool = True
) -> Comparison:
    pairs = len(differences)
    difference = float(differences.mean()) if pairs else None
    low, high = bootstrap_interval(differences, seed) or (None, None)
    verdict = verdict_of(difference, p_value, higher, alpha)
    return Comparison(difference, low, high, p_value, pairs, verdict, method, total - pairs)
