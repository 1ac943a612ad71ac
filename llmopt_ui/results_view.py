"""Results on the Evaluation page: the picture first, then the table, then question by question."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import streamlit as st

from llmopt_core.runs.values import Project, Run
from llmopt_ui import format as fmt
from llmopt_ui.charts import CONFIG, metric_bars
from llmopt_ui.comparison import Chosen, choose
from llmopt_ui.components import Download, downloads, section
from llmopt_ui.examples_view import examples_view
from llmopt_ui.leaderboard_table import leaderboard_csv, leaderboard_table, metric_title
from llmopt_ui.resources import store
from llmopt_ui.results import Entry, entries
from llmopt_ui.theme import verdict


def results_view(project: Project, runs: Sequence[Run]) -> None:
    """The whole tab. `runs` holds at least one run with a record."""
    chosen = choose(project, [run for run in runs if run.done])
    if not chosen.runs:
        st.caption("Choose at least one configuration above.")
        return
    compared = entries(chosen.runs, chosen.baseline)
    _picture(chosen, compared)
    _table(chosen, compared)
    examples_view(project, chosen)


def _picture(chosen: Chosen, compared: Sequence[Entry]) -> None:
    section("The four Ragas metrics" if len(chosen.ragas) == 4 else "Scores")
    titles = {metric: metric_title(metric) for metric in chosen.leading}
    figure = metric_bars({entry.name: entry.summaries for entry in compared}, titles, chosen.inks)
    told = "Mean score of each configuration per metric, with 95 % intervals"
    st.plotly_chart(figure, config=CONFIG, key="metric_bars", alt=told)
    size = max(run.total for run in chosen.runs.values())
    st.caption(
        f"Means over {fmt.plural(size, 'question')} with 95 % bootstrap intervals. "
        f"Graded by {fmt.markdown(chosen.judge)}."
    )


def _table(chosen: Chosen, compared: Sequence[Entry]) -> None:
    section("Leaderboard")
    leaderboard_table(compared, chosen.leading, chosen.inks, "leaderboard")
    further = [metric for metric in chosen.metrics if metric not in chosen.leading]
    if further:
        with st.expander(f"Further metrics: {', '.join(metric_title(metric) for metric in further)}"):
            leaderboard_table(compared, further, chosen.inks, "further")
    if len(compared) > 1:
        signs = " · ".join(verdict(name).markdown for name in ("better", "worse", "no difference seen"))
        st.caption(
            f"Against {fmt.markdown(chosen.baseline)} on the same questions: {signs} (paired permutation test at 5 %, "
            "adjusted for the number of configurations). No difference seen does not mean equal."
        )
    _downloads(chosen, compared)


def _downloads(chosen: Chosen, compared: Sequence[Entry]) -> None:
    stem = fmt.file_stem(chosen.set_name)
    table = Download(
        "Leaderboard (CSV)", lambda: leaderboard_csv(compared, chosen.metrics), f"leaderboard-{stem}.csv", "text/csv"
    )
    records = Download("All records (JSON)", lambda: _records_json(chosen), f"records-{stem}.json", "application/json")
    report = Download("Report (HTML)", lambda: _report_html(chosen), f"report-{stem}.html", "text/html")
    downloads([report, table, records], "results_download")


def _result(chosen: Chosen) -> dict[str, Any]:
    """What `llmopt evaluate --json` writes."""
    from llmopt_core.experiments.result import result_of

    found = result_of(store(), [run.id for run in chosen.runs.values()])
    for row, name in zip(found["runs"], chosen.runs, strict=True):
        row["configuration"] = name
    return found


def _records_json(chosen: Chosen) -> str:
    return json.dumps(_result(chosen), ensure_ascii=False, indent=1)


def _report_html(chosen: Chosen) -> str:
    """The page that `llmopt report` writes: one file that opens without the app."""
    from llmopt_core.experiments.report import report_of
    from llmopt_core.reporting.page import render

    return render(report_of(_result(chosen), chosen.baseline))
