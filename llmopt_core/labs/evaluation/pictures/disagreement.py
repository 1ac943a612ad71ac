"""On which examples configurations disagree most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from llmopt_core.experiments.run_scores import Values
from llmopt_core.labs.evaluation.pictures.score_bands import Mask, float_array
from llmopt_core.statistics.resampling import Floats

Rank = Callable[[Floats, Mask], Floats]


@dataclass(frozen=True, slots=True)
class ExampleOrder:
    """Places of examples in an order.

    Attributes:
        common: Places of the examples that every configuration has a value of, in the order asked for.
        others: Those that some lack, in the same order.
    """

    common: tuple[int, ...]
    others: tuple[int, ...]

    @property
    def places(self) -> tuple[int, ...]:
        """All of them."""
        return (*self.common, *self.others)


def order_by_disagreement(rows: Sequence[Values]) -> ExampleOrder:
    """The examples whose values vary most first: of passes those that half of the configurations pass.

    Args:
        rows: The values of each configuration, aligned by example.
    """
    # A range would call a question on which 1 of 30 differs as disputed as one that 15 pass.
    return _order(rows, lambda values, known: -_variance(values, known))


def order_by_mean(rows: Sequence[Values]) -> ExampleOrder:
    """The examples with the lowest mean first."""
    return _order(rows, _mean)


def _order(rows: Sequence[Values], rank: Rank) -> ExampleOrder:
    values = np.stack([float_array(row) for row in rows])
    known: Mask = np.isfinite(values)
    ranks = rank(np.where(known, values, 0.0), known)
    # Those without any value come last; equal ones stay in the order of the set.
    places = np.argsort(np.where(known.any(axis=0), ranks, np.inf), kind="stable").tolist()
    whole = np.asarray(known.all(axis=0), dtype=bool)
    return ExampleOrder(
        tuple(place for place in places if whole[place]), tuple(place for place in places if not whole[place])
    )


def _mean(values: Floats, known: Mask) -> Floats:
    return np.asarray(values.sum(axis=0) / np.maximum(known.sum(axis=0), 1), dtype=np.float64)


def _variance(values: Floats, known: Mask) -> Floats:
    apart = np.where(known, values - _mean(values, known), 0.0)
    # Rounded, so that what is equal but for the last digit stays in the order of the set.
    variance = (apart**2).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.asarray(np.round(variance, 12), dtype=np.float64)
