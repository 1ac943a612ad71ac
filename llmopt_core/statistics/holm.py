"""Several tests together: Holm's correction, and the level at which it decides on each."""

from __future__ import annotations

from collections.abc import Sequence

# The promise of every verdict here: at most one false alarm in twenty families of comparisons. A convention, kept
# because intervals of 95 % beside means are read the same way.
ALPHA = 0.05


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) adjusted p-values, in the given order."""
    adjusted_values = [0.0] * len(p_values)
    running = 0.0
    for rank, position in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        # Holm multiplies the smallest by m, the next by m - 1 and so on; none may come out below one that is smaller
        # than it.
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[position]))
        adjusted_values[position] = running
    return adjusted_values


def holm_levels(p_values: Sequence[float], alpha: float = ALPHA) -> list[float]:
    """The level at which Holm's procedure decides on each, in the given order.

    Its k-th smallest p-value is tested at alpha / (m - k + 1); with the first that is not below its level the procedure
    ends, and that level holds for all that are left. So a p-value is below its level where its adjusted one is below
    `alpha`, and an interval at 1 - level leaves out 0 just there.
    """
    levels = [0.0] * len(p_values)
    remaining, is_over = len(p_values), False
    for position in sorted(range(len(p_values)), key=lambda i: p_values[i]):
        levels[position] = alpha / remaining
        # At the first that fails all larger ones fail too, so the divisor stands still from here on.
        is_over = is_over or remaining * p_values[position] >= alpha
        remaining -= not is_over
    return levels
