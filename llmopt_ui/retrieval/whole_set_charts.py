"""Figures of retrieval over a set. Pure functions of core reports."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from llmopt_core.labs.retrieval.ablation import TITLES, AblationReport
from llmopt_core.labs.retrieval.k_sweep import KSweep
from llmopt_core.labs.retrieval.set_report import MEASURES, ConfusionReport, SetReport, position_groups
from llmopt_core.labs.retrieval.stage_words import part_words
from llmopt_core.statistics.intervals import Summary
from llmopt_ui import format as fmt
from llmopt_ui.charts import summary_words, whiskers
from llmopt_ui.retrieval.charts import UPRIGHT, stage_label, stage_labels
from llmopt_ui.retrieval.sides import Side
from llmopt_ui.theme import NEUTRAL, SHARES, Ink, apply_theme, figure_text, verdict

_NAMES = {"recall": "Recall", "mrr": "MRR", "ndcg": "nDCG"}
_LABEL = 26
"""So many letters of a part stand in a line beside its figure."""
# Dark to light as ranks get worse, and vermilion for what is not there: order and loss are seen without the legend.
_POSITIONS = ("#00523C", "#009E73", "#66BBA1", "#B9DDD1", "#E6C39A", "#D55E00")
SideReports = Sequence[tuple[Side, SetReport]]


def stage_chart(reports: SideReports, k: int) -> go.Figure:
    """Recall, MRR and nDCG after every stage, one panel each, one line per configuration with its intervals."""
    figure = make_subplots(rows=1, cols=3, subplot_titles=[f"{_NAMES[name]} of {k}" for name in MEASURES],
                           shared_yaxes=True, horizontal_spacing=0.03)  # fmt: skip
    order = _stage_order(reports)
    for panel, measure in enumerate(MEASURES, start=1):
        for number, (side, report) in enumerate(reports):
            stages = [stage for stage in report.stages if measure in stage.measures]
            figure.add_trace(
                # Moved a little to the right for the second side, or its intervals would hide those of the first.
                _line(side, [order.index(stage.name) + 0.12 * number for stage in stages],
                      [stage.measures[measure] for stage in stages], [stage.name for stage in stages],
                      legend=panel == 1), row=1, col=panel,
            )  # fmt: skip
    figure.update_xaxes(tickvals=list(range(len(order))), range=[-0.4, len(order) - 0.5],
                        ticktext=stage_labels(order, 11), fixedrange=True,
                        autotickangles=UPRIGHT)  # fmt: skip
    figure.update_yaxes(range=[0, 1.05], fixedrange=True)
    return apply_theme(figure, height=400, margin={"t": 70}, yaxis={"title": "Mean (0 to 1)"}, legend={"y": 1.12})


def _stage_order(reports: SideReports) -> list[str]:
    """All ranking stages, the sides' orders laid into each other."""
    lists = [[stage.name for stage in report.stages if stage.measures] for _, report in reports]
    # Step by step from both: what only one side does stands near where it happens there.
    order = list(dict.fromkeys(name for row in zip_longest(*lists) for name in row if name))
    # What is handed over ends both ways, also where one of them is longer.
    last = {names[-1] for names in lists if names}
    return [name for name in order if name not in last] + [name for name in order if name in last]


def _line(side: Side, xs: Sequence[float], values: Sequence[Summary], names: Sequence[str], *, legend: bool) -> Any:
    return go.Scatter(
        name=figure_text(side.name), legendgroup=side.place, showlegend=legend, x=list(xs),
        y=[value.mean for value in values], mode="lines+markers",
        line={"color": side.ink.colour, "width": 2, "dash": "dot" if side.place == "right" else "solid"},
        marker={"size": 9, "color": side.ink.colour, "symbol": "diamond" if side.place == "right" else "circle"},
        error_y=whiskers(values, side.ink.colour),
        customdata=[f"{figure_text(name)}: {summary_words(one)}" for name, one in zip(names, values, strict=True)],
        hovertemplate="<b>%{fullData.name}</b><br>%{customdata}<extra></extra>",
    )  # fmt: skip


def position_legend() -> str:
    """The colours of `position_chart`, as one line of Markdown that breaks where it must."""
    # A name must not be parted from its square at the end of a line.
    names = [group.replace(" ", "&nbsp;") for group in position_groups()]
    squares = [f':color[■]{{foreground="{colour}"}}' for colour in _POSITIONS]
    return " &ensp; ".join(f"{square}&nbsp;{name}" for square, name in zip(squares, names, strict=True))


def position_chart(side: Side, report: SetReport) -> go.Figure:
    """Shares of the references by the rank they have after each stage."""
    # Plotly draws the first row of horizontal bars at the bottom.
    stages = [stage for stage in reversed(report.stages) if stage.positions]
    figure = go.Figure()
    for place, group in enumerate(position_groups()):
        # A stage without any source has no shares; 1 spares a division by nothing.
        shares = [stage.positions[place] / max(1, sum(stage.positions)) for stage in stages]
        figure.add_trace(
            go.Bar(
                name=group,
                orientation="h",
                x=shares,
                y=[stage_label(stage.name, 20) for stage in stages],
                marker={"color": _POSITIONS[place], "cornerradius": 0},
                customdata=[stage.positions[place] for stage in stages],
                hovertemplate=f"{group}: %{{customdata}} sources (%{{x:.0%}})<extra>%{{y}}</extra>",
            )
        )
    return apply_theme(
        figure,
        barmode="stack", title={"text": figure_text(fmt.shorten(side.name, 40))}, height=104 + 44 * len(stages),
        margin={"t": 50, "r": 28}, showlegend=False,
        xaxis={
            "title": "Share of sources", "tickformat": ".0%", "range": [0, 1], "fixedrange": True,
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
        },
        yaxis={"fixedrange": True},
    )  # fmt: skip


def confusion_chart(report: ConfusionReport) -> go.Figure:
    """Counts as a heat map."""
    labels = [figure_text(label) for label in report.labels]
    places = [(row, column) for row in range(len(labels)) for column in range(len(labels))]
    figure = go.Figure(
        [
            go.Heatmap(
                z=[list(row) for row in report.counts], x=labels, y=labels, showscale=False, xgap=2, ygap=2,
                colorscale=SHARES,
                hovertemplate="%{y} taken for %{x}: %{z}<extra></extra>",
            ),
            # A heat map's own text takes its colour from the cell as if the page were white.
            go.Scatter(
                x=[labels[column] for _, column in places], y=[labels[row] for row, _ in places], mode="text",
                text=[str(report.counts[row][column]) for row, column in places], hoverinfo="skip", showlegend=False,
            ),
        ]
    )  # fmt: skip
    return apply_theme(
        figure,
        height=140 + 38 * len(labels), margin={"t": 20},
        xaxis={"title": "Taken for", "fixedrange": True, "side": "bottom", "showgrid": False},
        yaxis={"title": "Is", "autorange": "reversed", "fixedrange": True, "showgrid": False},
    )  # fmt: skip


def ablation_chart(report: AblationReport, measure: str) -> go.Figure:
    """What removing each component changes, with its interval, coloured by verdict."""
    # Backwards, as Plotly draws from the bottom up.
    rows = [one for one in reversed(report.removed) if measure in one.gains]
    gains = [one.gains[measure] for one in rows]
    # As far to both sides, so that no change is in the middle. At least .02, or a chart of tiny differences would
    # make them look large; a quarter more for marks at the ends.
    reach = max([0.02, *(abs(v) for g in gains for v in (g.low, g.high, g.difference) if v is not None)]) * 1.25
    figure = go.Figure(
        go.Scatter(
            x=[gain.difference for gain in gains], y=[_part_label(one.name) for one in rows], mode="markers",
            marker={"size": 13, "color": [verdict(gain.verdict).colour for gain in gains]},
            error_x=whiskers([Summary(g.difference, g.low, g.high, g.pairs, g.pairs) for g in gains]),
            customdata=[
                f"{fmt.with_sign(g.difference)} ({fmt.interval(g.low, g.high)})<br>{verdict(g.verdict).text}, "
                f"{g.pairs} questions" for g in gains
            ],
            hovertemplate="<b>%{y}</b><br>%{customdata}<extra></extra>",
        )
    )  # fmt: skip
    figure.add_vline(0, line={"color": NEUTRAL, "dash": "dot"})
    return apply_theme(
        figure,
        title={"text": f"What removing each part does to {TITLES[measure]}"},
        height=170 + 46 * len(rows), showlegend=False, margin={"t": 60},
        xaxis={"title": "← it helps      Change without it (95 % interval)      it hurts →", "range": [-reach, reach],
               "fixedrange": True},
        yaxis={"fixedrange": True},
    )  # fmt: skip


def _part_label(name: str) -> str:
    """A part for an axis, in lines that leave room for the figure."""
    return "<br>".join(map(figure_text, textwrap.wrap(part_words(name), _LABEL)))


def k_chart(reports: Mapping[str, KSweep], inks: Mapping[str, Ink]) -> go.Figure:
    """Answer F1, faithfulness, recall and prompt tokens as k grows."""
    panels = [("answer_f1", "Answer F1"), ("faithfulness", "Faithfulness"), ("recall", "Sources handed over")]
    figure = make_subplots(rows=1, cols=4, horizontal_spacing=0.06,
                           subplot_titles=[*(title for _, title in panels), "Prompt tokens"])  # fmt: skip
    for name, report in reports.items():
        ks = [row.k for row in report.rows]
        for place, (measure, _) in enumerate(panels, start=1):
            _add_k_line(figure, name, inks[name], ks, [row.measures[measure] for row in report.rows], place)
        _add_k_line(figure, name, inks[name], ks, [row.tokens for row in report.rows], 4)
    # By ratio: from 1 to 2 chunks changes more than from 19 to 20.
    figure.update_xaxes(title="Chunks (k)", fixedrange=True, type="log",
                        tickvals=sorted({row.k for report in reports.values() for row in report.rows}))  # fmt: skip
    for place in range(1, 4):
        figure.update_yaxes(range=[0, 1.05], fixedrange=True, row=1, col=place)
    # Tokens are amounts, so their axis begins at 0; how far it goes nobody knows before.
    figure.update_yaxes(rangemode="tozero", fixedrange=True, row=1, col=4)
    return apply_theme(figure, height=360, margin={"t": 70}, legend={"y": 1.14})


def _add_k_line(  # noqa: PLR0917
    figure: go.Figure, name: str, ink: Ink, ks: Sequence[int], values: Sequence[Summary], place: int
) -> None:
    figure.add_trace(
        go.Scatter(
            name=figure_text(name), legendgroup=name, showlegend=place == 1, x=list(ks),
            y=[value.mean for value in values], mode="lines+markers", line={"color": ink.colour, "width": 2},
            marker={"size": 9},
            error_y=whiskers(values, ink.colour),
            customdata=[summary_words(value) for value in values],
            hovertemplate="<b>%{fullData.name}</b><br>k = %{x}: %{customdata}<extra></extra>",
        ), row=1, col=place,
    )  # fmt: skip
