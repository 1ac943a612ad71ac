"""The Ragas metrics of all configurations: grouped bars with intervals, or a radar."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_ui import format as fmt
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import section
from llmopt_ui.evaluation.comparison import Selection
from llmopt_ui.evaluation.pictures.marks import notes_of, records_bar
from llmopt_ui.evaluation.pictures.radar import RADAR_AT_MOST, RADAR_LIMITS, radar, radar_names
from llmopt_ui.evaluation.records_address import clicked_names, open_records
from llmopt_ui.evaluation.score_bars import score_bars
from llmopt_ui.pickers import address_arguments
from llmopt_ui.runs.leaderboard_table import leaderboard_table
from llmopt_ui.runs.results import Entry

FORM = "picture_form"
_FORMS = {"bars": "Bars", "radar": "Radar"}


def metrics_view(selection: Selection, comparison: Sequence[Entry]) -> None:
    """The four Ragas metrics where they were measured, else the leading ones."""
    metrics = selection.ragas or selection.leading
    section("Ragas metrics" if selection.ragas else "Scores", "Means with 95 % intervals.")
    form = "bars"
    if len(metrics) > 2:
        form = str(
            st.segmented_control(
                "Drawn as", list(_FORMS), required=True, format_func=_FORMS.__getitem__, label_visibility="collapsed",
                **address_arguments(FORM, list(_FORMS), "bars"),
            )
        )  # fmt: skip
    if form == "radar":
        _radar(comparison, selection, metrics)
    else:
        score_bars(selection, comparison, metrics, "picture_bars")
    records_bar(selection, metrics[0], "metrics")
    with st.expander("As a table", icon=":material/table:"):
        leaderboard_table(comparison, metrics, selection.inks, "picture_scores", cost=False)


def _take_point() -> None:
    if names := clicked_names("radar", 2):
        open_records(names[0], names[1])


def _radar(comparison: Sequence[Entry], selection: Selection, metrics: Sequence[str]) -> None:
    results = {entry.name: entry.summaries for entry in comparison}
    titles = {metric: metric_title(metric) for metric in metrics}
    names = radar_names(results, titles)
    drawn = {name: results[name] for name in names[:RADAR_AT_MOST]}
    if drawn:
        figure = radar(drawn, titles, selection.inks, notes_of(comparison))
        show_chart(figure, "radar", "Profile of each configuration over the metrics", on_select=_take_point,
                   selection_mode="points")  # fmt: skip
    st.caption(f"Mean scores, 0 in the middle and 1 at the rim. {RADAR_LIMITS}")
    without = [name for name in results if name not in names]
    if without:
        st.caption(f":material/info: Not drawn, since a metric is missing: {fmt.markdown(', '.join(without))}.")
    if len(names) > RADAR_AT_MOST:
        rest = ", ".join(names[RADAR_AT_MOST:])
        st.caption(f":material/info: {RADAR_AT_MOST} outlines at most. Not drawn: {fmt.markdown(rest)}.")
