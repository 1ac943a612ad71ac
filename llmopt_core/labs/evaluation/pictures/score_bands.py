"""How the scores of a metric are spread: what is tied at either end apart from what lies between."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from llmopt_core.experiments.run_scores import RunScoreTable
from llmopt_core.reporting.formatting import number
from llmopt_core.statistics.intervals import is_value
from llmopt_core.statistics.resampling import Floats

Mask = npt.NDArray[np.bool_]

NOT_SCORED = "none"
_BETWEEN = 4
"""Bands between the ends: more are too narrow to be read."""


@dataclass(frozen=True, slots=True)
class Band:
    """A part of a scale. Bands do not overlap, and together hold every value.

    Attributes:
        key: Its name in an address.
        low, high: Its ends; both None for what has no value.
        holds_low, holds_high: Whether the ends belong to it.
    """

    key: str
    low: float | None = None
    high: float | None = None
    holds_low: bool = False
    holds_high: bool = False

    def holds(self, values: Floats) -> Mask:
        """Which of these values lie in it; what has no value is NaN."""
        if self.low is None or self.high is None:
            return ~np.isfinite(values)
        above = values >= self.low if self.holds_low else values > self.low
        below = values <= self.high if self.holds_high else values < self.high
        return np.isfinite(values) & above & below

    @property
    def words(self) -> str:
        """`exactly 0`, `above 0, up to 0.25`, `not scored`."""
        if self.low is None or self.high is None:
            return "not scored"
        if self.low == self.high:
            return f"exactly {number(self.low)}"
        end = f"up to {number(self.high)}" if self.holds_high else f"below {number(self.high)}"
        return f"above {number(self.low)}, {end}"


@dataclass(frozen=True, slots=True)
class Spread:
    """How many scores of a configuration lie in each band, in the order of the bands."""

    configuration: str
    counts: tuple[int, ...]
    total: int


def score_bands(values: Iterable[float | None]) -> tuple[Band, ...]:
    """The bands of a metric: its two ends, four between them, and what has no value.

    The scale is 0 to 1 where all values lie there, else from the lowest value to the highest.
    """
    known = [value for value in values if value is not None and is_value(value)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    if low == high:
        return (_end("low", low), Band(NOT_SCORED))
    edges = [low + (high - low) * place / _BETWEEN for place in range(_BETWEEN + 1)]
    between = [
        Band(f"part{place + 1}", edges[place], edges[place + 1], holds_high=place < _BETWEEN - 1)
        for place in range(_BETWEEN)
    ]
    return (_end("low", low), *between, _end("high", high), Band(NOT_SCORED))


def _end(key: str, value: float) -> Band:
    return Band(key, value, value, holds_low=True, holds_high=True)


def metric_bands(runs: Sequence[RunScoreTable], metric: str) -> tuple[Band, ...]:
    """The bands of these runs, the same for all of them."""
    return score_bands(value for run in runs for value in run.scores.values.get(metric, ()))


def score_spreads(runs: Sequence[RunScoreTable], metric: str, bands: Sequence[Band]) -> list[Spread]:
    """One row per run; records that are not there yet count as not scored."""
    return [_spread(run, metric, bands) for run in runs]


def _spread(run: RunScoreTable, metric: str, bands: Sequence[Band]) -> Spread:
    values = list(run.scores.values.get(metric, ()))
    values += [None] * max(0, run.total - len(values))
    numbers = float_array(values)
    return Spread(run.name, tuple(int(band.holds(numbers).sum()) for band in bands), len(values))


def float_array(values: Sequence[float | None]) -> Floats:
    """Values as numbers, NaN where there is none."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def band_named(bands: Sequence[Band], key: str) -> Band | None:
    """The band of this key; None where there is none."""
    return next((band for band in bands if band.key == key), None)


def band_titles(bands: Sequence[Band]) -> Mapping[str, str]:
    """Key -> what is said of it."""
    return {band.key: band.words for band in bands}
