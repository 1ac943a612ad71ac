"""Plotly figures from core tables. Pure functions: no Streamlit calls, no reading of stores."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from textwrap import wrap

import plotly.graph_objects as go

from llmopt_core.statistics.intervals import Summary
from llmopt_ui import format as fmt
from llmopt_ui.theme import NEUTRAL, Ink, apply_theme, figure_text

# Characters. Longer lines show more of a name in one piece, and leave the bars less room in a narrow window.
_LEGEND_LINE = 60
CONTAMINATION_LABEL = "trained on these questions"
_MANY = 6
"""Above so many configurations a group's bars are too thin to hold their figures."""
_LOW = 0.08
"""A lower mean has no room for its figure inside its bar."""


def metric_bars(
    results: Mapping[str, Mapping[str, Summary]],
    titles: Mapping[str, str],
    inks: Mapping[str, Ink],
    contaminated_names: Collection[str] = (),
    question_counts: Mapping[str, str] | None = None,
) -> go.Figure:
    """Grouped bars with 95 % intervals: one group per metric, one bar per configuration.

    A metric that was not scored has no bar but says so: a missing bar must not look like a zero.

    Args:
        results: Configuration -> metric -> summary; scores between 0 and 1.
        titles: Metric -> what the axis says, in drawing order.
        inks: Configuration -> its colour.
        contaminated_names: Configurations that were trained on these questions; their bars are hatched.
        question_counts: What stands beside a configuration's name, such as how many questions it was asked where not
            all were asked as many.
    """
    traces: list[go.Bar] = []
    groups = [figure_text(text) for text in titles.values()]
    for name, summaries in results.items():
        values = [summaries.get(metric) for metric in titles]
        bars = _bars(name, groups, values, inks[name], is_crowded=len(results) > _MANY)
        if question_counts and name in question_counts:
            bars.name = _in_legend(f"{name} ({question_counts[name]})")
        traces.append(_hatch(bars) if name in contaminated_names else bars)
        # These figures stand above the bar; only a mean that was scored has one.
        above = [s is not None and s.mean is not None and (name in contaminated_names or s.mean < _LOW) for s in values]
        if any(above):
            traces.append(_value_labels(name, groups, values, above))
        empty = [group for group, summary in zip(groups, values, strict=True) if _mean(summary) is None]
        if empty:
            # A bar of height nothing that carries words: without any bar the others of its group would move over.
            traces.append(_unscored_bar(name, empty))
    figure = go.Figure(traces)
    return apply_theme(
        figure,
        height=360,
        # Room above 1 for the figures that stand over full bars; no dragging, which would hide where the scale
        # begins.
        yaxis={"title": "Mean score (0 to 1)", "range": [0, 1.08], "dtick": 0.25, "fixedrange": True},
        xaxis={"tickfont": {"size": 14}, "fixedrange": True},
        showlegend=True,
    )


def _bars(name: str, groups: Sequence[str], values: Sequence[Summary | None], ink: Ink, *, is_crowded: bool) -> go.Bar:
    means = [_mean(summary) for summary in values]
    return go.Bar(
        name=_in_legend(name),
        # Whose bars they are, for what a click leads to.
        meta={"configuration": name},
        # All traces of one configuration share a place in the group, so that figures stand over their own bar.
        offsetgroup=figure_text(name),
        x=groups,
        y=means,
        error_y=whiskers(values),
        marker={"color": ink.colour, "pattern": {"shape": ink.pattern}, "line": {"width": 0}},
        # The others have theirs above, see `_value_labels`.
        text=["" if mean is None or mean < _LOW else fmt.score(mean) for mean in means],
        textposition="inside",
        insidetextanchor="start",
        # Plotly would turn or shrink figures to fit, each bar in its own way. Only where bars are too thin may it
        # shrink them.
        textangle=0,
        constraintext="both" if is_crowded else "none",
        customdata=[summary_words(summary) for summary in values],
        hovertemplate="<b>%{fullData.name}</b><br>%{x}: %{customdata}<extra></extra>",
    )


def _in_legend(name: str) -> str:
    """The whole name, in lines that a narrow legend has room for: Plotly cuts longer ones at the left."""
    return "<br>".join(figure_text(line) for line in wrap(name, _LEGEND_LINE)) or figure_text(name)


def _hatch(bars: go.Bar) -> go.Bar:
    """The same bars, to be told from those that show what a configuration can do; no figure is read over hatching."""
    bars.update(
        name=f"{bars.name} ({CONTAMINATION_LABEL})", marker={"pattern": hatching(["/"] * len(bars.x))}, text=None
    )
    return bars


def hatching(shapes: Sequence[str]) -> dict[str, object]:
    """A Plotly pattern for bars whose score is owed to training on the questions: `/` for those, else empty."""
    return {"shape": list(shapes), "fillmode": "replace", "size": 7, "solidity": 0.35}


def _value_labels(name: str, groups: Sequence[str], values: Sequence[Summary | None], which: Sequence[bool]) -> go.Bar:
    """The figures of bars that cannot hold them (too low, or hatched), above their intervals."""
    pairs = [(group, s) for group, s, is_in in zip(groups, values, which, strict=True) if s is not None and is_in]
    return go.Bar(
        offsetgroup=figure_text(name),
        x=[group for group, _ in pairs],
        y=[0.0] * len(pairs),
        # Bars without height that begin at the upper end of the interval, so that the whisker does not cross the
        # figure.
        base=[max(s.high or 0.0, s.mean or 0.0) for _, s in pairs],
        text=[fmt.score(s.mean) for _, s in pairs],
        textposition="outside",
        textangle=0,
        constraintext="none",
        showlegend=False,
        hoverinfo="skip",
    )


def _unscored_bar(name: str, groups: Sequence[str]) -> go.Bar:
    return go.Bar(
        offsetgroup=figure_text(name),
        x=groups,
        y=[0.0] * len(groups),
        text=["not scored"] * len(groups),
        textposition="outside",
        textangle=-90,
        textfont={"size": 12, "color": NEUTRAL},
        showlegend=False,
        hovertemplate=f"<b>{figure_text(name)}</b><br>%{{x}}: not scored<extra></extra>",
    )


def _mean(summary: Summary | None) -> float | None:
    return None if summary is None else summary.mean


def whiskers(values: Sequence[Summary | None], colour: str = NEUTRAL) -> dict[str, object]:
    """Error bars from each mean to the ends of its interval; none where there is no interval."""
    ends = [(0.0, 0.0) if s is None or s.mean is None or s.low is None or s.high is None
            else (s.high - s.mean, s.mean - s.low) for s in values]  # fmt: skip
    spans = {"array": [up for up, _ in ends], "arrayminus": [down for _, down in ends]}
    return {"type": "data", "symmetric": False, "thickness": 1.5, "width": 4, "color": colour, **spans}


def summary_words(summary: Summary | None) -> str:
    """A mean with its interval and what it rests on, for what is said at a mark."""
    if summary is None or summary.mean is None:
        return "not scored"
    between = f" (95 % interval {fmt.interval(summary.low, summary.high)})" if summary.low is not None else ""
    # How many were scored is a part of the figure: a mean over a few may look better than one over all.
    return f"{fmt.score(summary.mean)}{between}<br>{summary.scored} of {summary.total} scored"
