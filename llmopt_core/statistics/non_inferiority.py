"""Whether a change may pass: has it lost more than a margin, or is it shown that it has not?

Both ways a mistake is limited to 5 %: that a change which loses the margin passes, and that one which loses nothing
fails. Between the two lies what so few questions cannot tell.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

from llmopt_core.statistics.holm import ALPHA
from llmopt_core.statistics.paired_comparison import PairedSample, Values

Outcome = Literal["passed", "failed", "cannot tell"]


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """A gate's answer.

    Attributes:
        outcome: `passed`: it is shown that no more than the margin is lost. `failed`: a loss of the margin or more was
            seen, and chance does not explain it. `cannot tell`: neither.
        difference: Mean of `b - a` over the pairs, turned so that below 0 is worse; None without pairs.
        lower: One-sided 95 % bound: the difference is hardly smaller. None where none can be computed.
        upper: The other one-sided bound.
        p_inferior: Of the test that more than the margin is lost: below `alpha` where the gate passes; None without
            bounds.
        p_drop: Of the one-sided test that nothing is lost: below `alpha` where a loss is real; None without pairs.
        pairs: Questions with a value on both sides.
        dropped: Questions left out, as a value is missing on either side.
        clusters: How many documents were tested whole; None where each question stands for itself.
    """

    outcome: Outcome
    difference: float | None
    margin: float
    lower: float | None
    upper: float | None
    p_inferior: float | None
    p_drop: float | None
    pairs: int
    dropped: int
    clusters: int | None = None


def non_inferiority(
    a: Values,
    b: Values,
    margin: float,
    clusters: Sequence[Hashable] | None = None,
    *,
    higher_is_better: bool = True,
    alpha: float = ALPHA,
    seed: int = 0,
) -> NonInferiority:
    """Whether `b` keeps what the baseline `a` reaches, but for the margin.

    In this order: *passed* where the lower one-sided bound lies above minus the margin; *failed* where a drop is real
    (a one-sided test rejects that nothing is lost) and at least as large as the margin; else *cannot tell*. So of gates
    between equal systems at most `alpha` fail, whatever the margin; a gate of several metrics divides `alpha` among
    them. `benchmarks/verdicts.py` measures both.

    The one-sided tests are those of a comparison at half their p-values (for passes the exact McNemar test), and the
    bounds those of its interval at twice the level.

    Args:
        a: Of the baseline, aligned by example, None where missing.
        b: Of what wants to pass.
        margin: The largest loss that does not matter; 0 or more.
        clusters: The cluster of each example, such as its document.
        higher_is_better: The direction of the metric.
        alpha: Of either mistake.
        seed: Of the draws.

    Raises:
        ValueError: The margin is negative, or the columns have different lengths.
    """
    if not margin >= 0:
        raise ValueError(f"a margin is 0 or more, not {margin}")
    first, second = (a, b) if higher_is_better else (b, a)
    sample = PairedSample(first, second, seed, clusters)
    omissions = len(a) - len(sample.differences)
    if sample.test is None:
        return NonInferiority("cannot tell", None, margin, None, None, None, None, 0, omissions)
    difference = float(sample.differences.mean())
    # Half of the two-sided p-value on the side of the drop.
    p_drop = sample.test.p_value / 2 if difference < 0 else 1 - sample.test.p_value / 2
    lower, upper = sample.test.interval(2 * alpha) or (None, None)
    outcome: Outcome = "cannot tell"
    if lower is not None and lower > -margin:
        outcome = "passed"
    # A drop that is real but smaller than the margin is one that the user allows.
    elif p_drop < alpha and difference <= -margin:
        outcome = "failed"
    return NonInferiority(
        outcome,
        difference,
        margin,
        lower,
        upper,
        _p_inferior(sample, margin),
        p_drop,
        len(sample.differences),
        omissions,
        sample.clusters,
    )


def _p_inferior(sample: PairedSample, margin: float) -> float | None:
    """One-sided: the level at which the lower bound just reaches minus the margin."""
    test = sample.test
    if test is None or test.interval(2 * ALPHA) is None:
        return None
    low, high = 0.0, 0.5
    # 30 halvings reach 1e-9, finer than any p-value is shown.
    for _ in range(30):
        middle = (low + high) / 2
        ends = test.interval(2 * middle)
        if ends is not None and ends[0] > -margin:
            high = middle
        else:
            low = middle
    return high
