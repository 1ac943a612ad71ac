"""Runs of the compared configurations over time, with the versions of the set told apart."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.experiments.caveats import caveats_of, marks
from llmopt_core.experiments.run_scores import read_run_scores
from llmopt_core.labs.evaluation.pictures.trend import Trend, trend_of
from llmopt_core.runs.values import Run
from llmopt_ui import format as fmt
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import section
from llmopt_ui.evaluation.comparison import Selection
from llmopt_ui.evaluation.pictures.trend_chart import trend_chart
from llmopt_ui.evaluation.records_address import clicked_names, open_records
from llmopt_ui.evaluation.run_pins import pin
from llmopt_ui.resources import store
from llmopt_ui.runs.results import version_of
from llmopt_ui.tables import show_table
from llmopt_ui.viewer_time import viewer_zone

_MOST = 200
_RULE = (
    "A line joins runs of one configuration on the same version of the set by the same judge: numbers over other "
    "questions, or of another judge, are no steps of one way."
)


def trend_view(selection: Selection, runs: Sequence[Run], metric: str) -> None:
    """The picture, and its numbers.

    Args:
        selection: Which configurations, and of which set.
        runs: Of the project, newest first.
        metric: What is drawn.
    """
    section(f"{metric_title(metric)} over time", _RULE)
    names = {run.name for run in selection.runs.values()}
    there = [
        run for run in runs
        if run.done and not run.comparison and run.evaluation_set == selection.set_name and run.name in names
    ] or list(selection.runs.values())  # fmt: skip
    trend = _trend(tuple(map(version_of, there[:_MOST])), metric, there[:_MOST])
    if not trend.lines:
        st.caption("No run of these has a date and this score.")
        return
    inks = {run.name: selection.inks[name] for name, run in reversed(selection.runs.items())}
    key = f"trend_{metric}"
    show_chart(
        trend_chart(trend, inks, metric_title(metric), viewer_zone()),
        key,
        f"{metric_title(metric)} of each run over time",
        on_select=lambda: _take_click(key, metric),
        selection_mode="points",
    )
    st.caption(fmt.markdown(" ".join([_RULE, *_notes(trend, len(there), has_marks=_has_marks(trend))])))
    _runs_bar(trend, metric)
    _numbers(trend, selection, metric)


def _notes(trend: Trend, count: int, *, has_marks: bool) -> list[str]:
    notes = []
    if len(trend.versions) > 1:
        notes.append(f"The marks tell {len(trend.versions)} versions of the set apart.")
    if has_marks:
        notes.append("A ring: trained on, chosen on or asked these questions before; the table tells.")
    if trend.undated:
        notes.append(f"Not drawn: {', '.join(trend.undated)}, whose files say no date.")
    if trend.unscored:
        notes.append(f"Not drawn, which is not 0: {fmt.plural(trend.unscored, 'run')} without this score.")
    if count > _MOST:
        notes.append(f"The newest {_MOST} of {count:,} runs.")
    return notes


def _has_marks(trend: Trend) -> bool:
    return any(point.mark for line in trend.lines for point in line.points)


# What was trained or searched since then is seen after a minute.
@st.cache_resource(max_entries=16, ttl=60, show_spinner="Comparing …")
def _trend(keys: tuple[tuple[int, int, int, str], ...], metric: str, _runs: Sequence[Run]) -> Trend:
    tables = {run.id: table for run, table in zip(_runs, read_run_scores(store(), _runs), strict=True)}
    words = marks(caveats_of(store(), _runs))
    return trend_of(_runs, tables, metric, {run.id: mark for run, mark in zip(_runs, words, strict=True)})


def _take_click(key: str, metric: str) -> None:
    if names := clicked_names(key, 2):
        _open_run(names[0], int(names[1]), metric)


def _open_run(configuration: str, run_id: int, metric: str) -> None:
    """The records of this very run, also where a newer one counts by now."""
    pin([run_id])
    open_records(configuration, metric)


def _runs_bar(trend: Trend, metric: str) -> None:
    """What a click does, by keyboard."""
    points = {
        point.run_id: (line.configuration, point)
        for line in trend.lines
        for point in line.points
    }  # fmt: skip
    ids = sorted(points, reverse=True)
    # A run that was deleted since.
    if st.session_state.get("trend_run") not in (None, *ids):
        del st.session_state["trend_run"]
    bar = st.container(horizontal=True, gap="small", vertical_alignment="bottom")

    def label(run_id: int) -> str:
        name, point = points[run_id]
        # Two runs may have been started in the same minute.
        return f"{name}, {fmt.full_moment(point.when)}, run {run_id}"

    run_id = int(bar.selectbox("Run", ids, key="trend_run", format_func=label, width=320))
    bar.button("Show its records", key="trend_records", icon=":material/list:", on_click=_open_run,
               args=(points[run_id][0], run_id, metric))  # fmt: skip


def _numbers(trend: Trend, selection: Selection, metric: str) -> None:
    rows = [
        {
            "Run": f"**{fmt.markdown(line.configuration)}**  \n:gray[{fmt.full_moment(point.when)}, run {point.run_id}]"
            + (f"  \n:orange[{fmt.markdown(point.mark)}]" if point.mark else ""),
            metric_title(metric): fmt.score(point.summary.mean)
            + (f" :gray[{fmt.unbroken(fmt.interval(point.summary.low, point.summary.high))}]"
               if point.summary.low is not None else ""),
            "Scored": f"{point.summary.scored:,} of {point.summary.total:,}",
            "Set version": fmt.markdown(line.set_version[:6]),
            "Judge": fmt.markdown(line.judge),
        }
        for line in trend.lines
        for point in line.points
    ]  # fmt: skip
    with st.expander("As a table", icon=":material/table:"):
        show_table(rows, f"{metric_title(metric)} of each run on {selection.set_name}", "trend")
