"""Grouped bars with intervals, as coordinates for an SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

Interval = tuple[float | None, float | None, float | None]

# All sizes are pixels of the SVG's own units; the page scales it as a whole.
HEIGHT = 220.0
_BAR = 18.0
_GAP = 4.0
_BETWEEN = 36.0
_AXIS_WIDTH = 52.0  # room for the labels of the axis
# What an A4 page has room for.
_WIDEST = 680.0
# A label such as "Context precision" needs as much.
_LABEL = 112.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; `low` and `high` are the heights of its whisker, None without one. `x` is its left edge.

    `is_hatched` says that it is not what it seems to be; `turn` how many before it in its group have its colour.
    """

    x: float
    y: float
    height: float
    middle: float
    low: float | None
    high: float | None
    value: float
    colour: str
    is_hatched: bool = False
    turn: int = 0
    place: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """The bars of one metric, with the middle of its label."""

    label: str
    middle: float
    bars: tuple[Bar, ...]
    missing: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """All groups, the axis, and the size of the drawing."""

    groups: tuple[Group, ...]
    ticks: tuple[tuple[float, str], ...]
    width: float
    height: float
    bar: float
    left: float


def bar_charts(
    labels: Sequence[str],
    values: Sequence[Sequence[Interval]],
    colours: Sequence[str],
    hatching: Sequence[bool] = (),
) -> list[Chart]:
    """As many charts as are needed so that none is wider than a page, all on one scale. Arguments as of `bar_chart`."""
    # At least one group a chart: with very many runs a single group is wider than a page, and must still be drawn.
    each = max(1, int((_WIDEST - _AXIS_WIDTH) // _step(len(colours))))
    # One scale for all of them, so that bars of two charts can be compared by eye.
    ends = _ends(values)
    starts = range(0, len(labels), each)
    return [bar_chart(labels[i : i + each], values[i : i + each], colours, hatching, ends) for i in starts]


def bar_chart(
    labels: Sequence[str],
    values: Sequence[Sequence[Interval]],
    colours: Sequence[str],
    hatching: Sequence[bool] = (),
    ends: tuple[float, float] | None = None,
) -> Chart:
    """Lay out one group of bars per label.

    Args:
        labels: One per group.
        values: Per group and bar mean, low, high; a mean of None leaves its place empty.
        colours: One per bar of a group.
        hatching: For each bar of a group, whether it is hatched; none is by default.
        ends: Of the axis; by default 0 and 1, or as far as the values go.
    """
    bottom, top = ends or _ends(values)
    inner = len(colours) * (_BAR + _GAP)
    step = _step(len(colours))

    def y(value: float) -> float:
        return HEIGHT * (top - value) / (top - bottom)

    groups = []
    for i, (label, group) in enumerate(zip(labels, values, strict=True)):
        start = _AXIS_WIDTH + i * step + (step - inner) / 2
        places = [start + j * (_BAR + _GAP) for j in range(len(group))]
        # `strict` tells a caller that gave fewer colours than bars, which would drop the last runs in silence.
        kinds = zip(places, group, colours, hatching or [False] * len(colours), turns(colours), strict=True)
        bars = [
            replace(_bar(x, v, c, y), is_hatched=h, turn=t, place=number)
            for number, (x, v, c, h, t) in enumerate(kinds)
            if v[0] is not None
        ]
        missing = [x + _BAR / 2 for x, v in zip(places, group, strict=True) if v[0] is None]
        groups.append(Group(label, start + inner / 2, tuple(bars), tuple(missing)))
    ticks = tuple((y(value), f"{value:g}") for value in _ticks(bottom, top))
    return Chart(tuple(groups), ticks, _AXIS_WIDTH + len(labels) * step, HEIGHT, _BAR, _AXIS_WIDTH)


def turns(colours: Sequence[str]) -> list[int]:
    """For each colour how often it comes before: bars of one colour are told apart by a filling."""
    return [colours[:place].count(colour) for place, colour in enumerate(colours)]


def _step(bars: int) -> float:
    return max(bars * (_BAR + _GAP) + _BETWEEN, _LABEL)


def _ends(values: Sequence[Sequence[Interval]]) -> tuple[float, float]:
    numbers = [v for group in values for interval in group for v in interval if v is not None]
    # From 0 to 1 even where all values are close, so that small differences do not look large; the 0.0 keeps `min` from
    # failing on nothing.
    return min(0.0, *numbers, 0.0), max(1.0, *numbers, 0.0)


def _bar(x: float, interval: Interval, colour: str, y: object) -> Bar:
    mean, low, high = interval
    # Checked here for mypy, which cannot know that the caller left out bars without a mean.
    if mean is None or not callable(y):
        raise AssertionError("a bar needs a value")
    # Heights grow downwards in SVG, and a negative value hangs from the line of 0.
    upper, lower = min(y(mean), y(0.0)), max(y(mean), y(0.0))
    ends = (None, None) if low is None or high is None else (y(low), y(high))
    return Bar(x, upper, lower - upper, x + _BAR / 2, ends[0], ends[1], mean, colour)


def _ticks(bottom: float, top: float) -> list[float]:
    quarter = (top - bottom) / 4
    return [bottom + i * quarter for i in range(5)]
