"""A radar of several metrics: the shape of a profile, and no more."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from llmopt_core.statistics.intervals import Summary
from llmopt_ui import format as fmt
from llmopt_ui.charts import summary_words
from llmopt_ui.theme import FAINT, Ink, apply_theme, figure_text

RADAR_LIMITS = (
    "A radar shows the shape of a profile and no more: its area depends on the order of the axes and grows with the "
    "square of the scores, and it has no intervals. Compare by the bars."
)
RADAR_AT_MOST = 6
"""More outlines hide each other."""


def radar(
    results: Mapping[str, Mapping[str, Summary]],
    titles: Mapping[str, str],
    inks: Mapping[str, Ink],
    notes: Mapping[str, str],
) -> go.Figure:
    """One outline per configuration that has all metrics.

    Args:
        results: Configuration -> metric -> summary, scores between 0 and 1.
        titles: Metric -> what its axis says; at least three.
        inks: Configuration -> its colour.
        notes: Configuration -> what must stand beside its name.
    """
    figure = go.Figure([_outline(name, one, titles, inks[name], notes.get(name, "")) for name, one in results.items()])
    return apply_theme(
        figure,
        height=460,
        margin={"t": 60, "b": 40, "l": 40, "r": 40},
        polar={
            "bgcolor": "rgba(0,0,0,0)",
            "radialaxis": {"range": [0, 1], "dtick": 0.25, "gridcolor": FAINT, "angle": 90, "tickangle": 90,
                           "linecolor": FAINT},
            "angularaxis": {"gridcolor": FAINT, "linecolor": FAINT, "rotation": 90, "direction": "clockwise"},
        },
        showlegend=True,
        # With no way to drag a radar hears no clicks either.
        dragmode="zoom",
    )  # fmt: skip


def radar_names(results: Mapping[str, Mapping[str, Summary]], titles: Mapping[str, str]) -> list[str]:
    """Those that have all metrics: an outline with a gap would look like a zero."""

    def has_all(one: Mapping[str, Summary]) -> bool:
        return all(metric in one and one[metric].mean is not None for metric in titles)

    return [name for name, one in results.items() if has_all(one)]


def _outline(
    name: str, summaries: Mapping[str, Summary], titles: Mapping[str, str], ink: Ink, note: str
) -> go.Scatterpolar:
    metrics = [*titles, next(iter(titles))]
    unseen = {"marker": {"opacity": 1}}
    more = f" ({note})" if note else ""
    return go.Scatterpolar(
        r=[summaries[metric].mean for metric in metrics],
        theta=[figure_text(titles[metric]) for metric in metrics],
        name=figure_text(fmt.shorten(f"{name}{more}", 60)),
        mode="lines+markers",
        line={"color": ink.colour, "width": 2.5, "dash": "dash" if ink.pattern else "solid"},
        marker={"size": 8, "color": ink.colour},
        customdata=[[name, metric] for metric in metrics],
        selected=unseen,
        unselected=unseen,
        hovertext=[
            f"<b>{figure_text(name)}</b><br>{figure_text(titles[metric])}: {summary_words(summaries[metric])}"
            for metric in metrics
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
