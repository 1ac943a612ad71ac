"""Examples that one configuration wins and those that it loses: the sign test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llmopt_core.statistics.intervals import is_value
from llmopt_core.statistics.paired_comparison import Values, as_column
from llmopt_core.statistics.pass_test import binomial_p_value


@dataclass(frozen=True, slots=True)
class Wins:
    """Examples on which `b` beats `a`, loses, or ties, with the exact two-sided sign test on those that differ."""

    wins: int
    losses: int
    ties: int
    p_value: float | None
    dropped: int = 0


def question_means(repeats: Sequence[Values]) -> list[float | None]:
    """The value of each question over several runs of one configuration: the mean of those that were scored.

    Repeats of a question are no further questions: only their mean is evidence, and tested.
    """
    return [
        sum(values) / len(values) if values else None
        for values in ([v for v in row if v is not None and is_value(v)] for row in zip(*repeats, strict=True))
    ]


def wins(
    a: Sequence[float | None], b: Sequence[float | None], higher_is_better: bool = True, tolerance: float = 0.0
) -> Wins:
    """Count the examples on which `b` beats `a`; differences up to `tolerance` are ties."""
    first, second = as_column(a), as_column(b)
    rows = ~(np.isnan(first) | np.isnan(second))
    before, after = first[rows], second[rows]
    # A gain is always good, so that the counts below need not know the direction.
    gains = (after - before) * (1 if higher_is_better else -1)
    win_count, loss_count = int((gains > tolerance).sum()), int((gains < -tolerance).sum())
    return Wins(
        win_count,
        loss_count,
        len(before) - win_count - loss_count,
        sign_test(win_count, loss_count) if len(before) else None,
        len(a) - len(before),
    )


sign_test = binomial_p_value
"""Of the examples won against those lost."""
