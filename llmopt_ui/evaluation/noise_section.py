"""The section Noise of the tab Judge: where variance comes from, what to buy more of. Made when it is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import streamlit as st

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.labs.evaluation.noise import MetricNoise, noise_of_runs, repeats_of
from llmopt_core.labs.evaluation.noise_words import (
    advice_sentence,
    describe_counts,
    difference_sentence,
    judge_sentence,
    variance_shares,
)
from llmopt_core.runs.values import Run
from llmopt_ui import format as fmt
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import section
from llmopt_ui.resources import store
from llmopt_ui.theme import apply_theme, figure_text

OPEN = "judge_noise"
# Of the Okabe-Ito palette. A part that holds another one as well has the colour of the level it stands on.
_COLOURS: Mapping[str, str] = {
    "Questions": "#0072B2",
    "Questions and answers": "#0072B2",
    "All three": "#0072B2",
    "Answers": "#E69F00",
    "Answers and judge": "#E69F00",
    "Judge": "#CC79A7",
}


def noise_section(pair: Mapping[str, Run], runs: Sequence[Run], criterion: str) -> None:
    """The switch, and what it shows.

    Args:
        pair: The runs that are looked at, by configuration.
        runs: All of the project, among which their repeats are.
        criterion: What the sentences are about.
    """
    section("Noise", "How much of the scores' variance comes from the questions, from the answers and from the judge.")
    if not st.toggle("Show where the variance comes from", key=OPEN):
        return
    keys = tuple(
        tuple((one.id, one.done, one.created_at.isoformat()) for one in repeats_of(run, runs)) for run in pair.values()
    )
    found = [noise for key in keys for noise in _noise(key)]
    varying = [one for one in found if variance_shares(one)]
    if varying:
        show_chart(variance_bars(varying), "judge_noise_chart",
                   "Shares of questions, answers and judge in the variance of each metric", plain=True)  # fmt: skip
    chosen = [one for one in found if one.metric == criterion]
    for one in chosen:
        st.markdown(f"**{fmt.markdown(one.configuration)}, {metric_title(criterion)}**: "
                    f"{fmt.markdown(advice_sentence(one))} {fmt.markdown(judge_sentence(one))}")  # fmt: skip
        st.caption(f"{describe_counts(one)}; standard error of the mean {fmt.number(one.standard_error)}.")
    if len(chosen) == 2:
        words, is_inside = difference_sentence(*chosen)
        st.markdown(f":gray[{fmt.markdown(words)}]" if is_inside else fmt.markdown(words))
    if any(one.components.judge is None for one in chosen):
        ids = " ".join(f"--run {run_id}" for one in chosen for run_id in one.run_ids)
        st.caption(f"To judge the stored answers again: `llmopt noise {ids} --judge-repeats 3 --budget 1`")


# Grades that the command line adds meanwhile are seen within a minute.
@st.cache_resource(max_entries=8, show_spinner=False, ttl=60)
def _noise(key: tuple[tuple[int, int, str], ...]) -> list[MetricNoise]:
    """Records are read once for all reruns. A run that goes on has another count, so another key."""
    return noise_of_runs(store(), [store().run(run_id) for run_id, _, _ in key])


def variance_bars(noises: Sequence[MetricNoise]) -> go.Figure:
    """One bar of shares for each metric and configuration, each piece with its word."""
    figure = go.Figure()
    rows = [f"{metric_title(one.metric)} · {fmt.shorten(one.configuration, 24)}" for one in noises]
    shares = [dict(variance_shares(one)) for one in noises]
    for name, colour in _COLOURS.items():
        values = [row.get(name, 0.0) for row in shares]
        # An empty piece would still stand in the legend.
        if not any(values):
            continue
        figure.add_bar(
            name=name,
            y=list(range(len(rows))),
            x=values,
            orientation="h",
            marker={"color": colour},
            # A piece of less than a sixth has no room for its word; pointing at it says it.
            text=[f"{name} {value:.0%}" if value >= 1 / 6 else "" for value in values],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            hovertext=[
                f"<b>{figure_text(label)}</b><br>{name}: {value:.1%}" for label, value in zip(rows, values, strict=True)
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    return apply_theme(
        figure,
        barmode="stack",
        height=100 + 36 * len(rows),
        xaxis={
            "title": "Share of the variance of one grade",
            "tickformat": ".0%",
            "dtick": 0.25,
            "range": [0, 1.001],
            "fixedrange": True,
        },
        yaxis={
            "tickvals": list(range(len(rows))),
            "ticktext": [figure_text(row) for row in rows],
            "range": [len(rows) - 0.5, -0.5],
            "showgrid": False,
            "fixedrange": True,
        },
        legend={"traceorder": "normal"},
        showlegend=True,
        dragmode=False,
    )
