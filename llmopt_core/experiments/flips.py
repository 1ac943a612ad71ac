"""The questions on which two runs differ, both ways: only they move a difference."""

from __future__ import annotations

from dataclasses import dataclass

from llmopt_core.experiments.run_scores import RunScoreTable, common_examples, higher_is_better


@dataclass(frozen=True, slots=True)
class Flip:
    """One question that the two runs score differently."""

    example_id: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Flips:
    """What changes from `a` to `b` by one metric; largest changes first.

    Attributes:
        gained: Better in `b`: passes that `a` failed, or higher grades.
        lost: Worse in `b`.
        equal: Questions with the same value in both.
        missing: Example ids with a value on one side only, which count in no comparison.
    """

    gained: tuple[Flip, ...]
    lost: tuple[Flip, ...]
    equal: int
    missing: tuple[str, ...]


def list_flips(a: RunScoreTable, b: RunScoreTable, metric: str) -> Flips:
    """The flips from the baseline `a` to `b` on the questions that both were asked."""
    examples = common_examples(a, b)
    rows = list(zip(examples, a.align(metric, examples), b.align(metric, examples), strict=True))
    flips = [Flip(example, x, y) for example, x, y in rows if x is not None and y is not None]
    sign = 1 if higher_is_better(metric) else -1
    # Sorting keeps equal changes in the order of the set. Below 1e-12 values differ by rounding.
    largest_first = sorted(flips, key=lambda flip: -abs(flip.after - flip.before))
    gains = tuple(flip for flip in largest_first if sign * (flip.after - flip.before) > 1e-12)
    losses = tuple(flip for flip in largest_first if sign * (flip.before - flip.after) > 1e-12)
    missing = tuple(example for example, x, y in rows if (x is None) != (y is None))
    return Flips(gains, losses, len(flips) - len(gains) - len(losses), missing)
