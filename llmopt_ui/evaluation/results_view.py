"""Results on the Evaluation page: the picture first, then the table, then question by question."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.runs.values import Project, Run
from llmopt_ui import format as fmt
from llmopt_ui.caveats import caveats_view, describe_outdated, judge_caption
from llmopt_ui.charts import CONFIG, metric_bars
from llmopt_ui.components import Download, downloads, section
from llmopt_ui.evaluation.comparison import Selection, choose
from llmopt_ui.evaluation.examples import examples_view
from llmopt_ui.evaluation_sets import set_size
from llmopt_ui.resources import store
from llmopt_ui.runs.leaderboard_table import leaderboard_csv, leaderboard_table
from llmopt_ui.runs.results import Entry, comparison_family, entries, means_over, missing_scores
from llmopt_ui.theme import Ink, verdict


def results_view(project: Project, runs: Sequence[Run]) -> None:
    """The whole tab. `runs` holds at least one run with a record."""
    chosen = choose(project, [run for run in runs if run.done])
    if not chosen.runs:
        st.caption("Choose at least one configuration above.")
        return
    compared = entries(chosen.runs, chosen.baseline, chosen.family)
    charted = metrics_to_chart(compared, chosen.leading, chosen.metrics)
    _picture(project, chosen, compared, charted)
    _table(chosen, compared)
    examples_view(project, chosen, next(iter(charted[0]), ""))


def _picture(
    project: Project, chosen: Selection, compared: Sequence[Entry], charted: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    first, partial = charted
    section("Scores that all have" if partial else "Scores")
    caveats_view([entry.caveats for entry in compared if entry.caveats], describe_outdated(project, chosen.runs))
    if first:
        _bars(chosen, compared, first, "metric_bars")
    else:
        st.caption("These runs were made without scores: below are their answers.")
        return
    size = set_size(project, chosen.set_name, chosen.set_version)
    means = means_over(list(chosen.runs.values()), size)
    judge_caption(chosen.judge, chosen.ragas, means)
    for line in findings(compared, chosen.metrics, chosen.inks):
        st.markdown(line)
    if partial:
        section("Scores that only some have", "The others use no documents, or could not be scored.")
        having = [entry for entry in compared if _has_any(entry, partial)]
        _bars(chosen, having, partial, "partial_bars")
        without = [fmt.markdown(entry.name) for entry in compared if entry not in having]
        if without:
            st.caption(f"Without these scores: {', '.join(without)}.")


def _has_any(entry: Entry, metrics: Sequence[str]) -> bool:
    return any(metric in entry.summaries and entry.summaries[metric].mean is not None for metric in metrics)


def metrics_to_chart(
    compared: Sequence[Entry], leading: Sequence[str], metrics: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The metrics of the first chart, which every configuration has, and the leading ones that only some have.

    Where no metric is shared by all, the first chart has the leading ones. What nobody has is in no chart: the
    leaderboard says so.
    """
    scored = {m: [m in e.summaries and e.summaries[m].mean is not None for e in compared] for m in metrics}
    by_all = [metric for metric, found in scored.items() if all(found)]
    first = tuple(metric for metric in leading if metric in by_all) or tuple(by_all)
    some = tuple(metric for metric in leading if metric not in by_all and any(scored.get(metric, ())))
    return (first, some) if first else (tuple(leading), ())


def _bars(chosen: Selection, compared: Sequence[Entry], metrics: Sequence[str], key: str) -> None:
    titles = {metric: metric_title(metric) for metric in metrics}
    seen = [entry.name for entry in compared if entry.overlap_count]
    asked = {entry.name: entry.question_count for entry in compared if entry.question_count}
    figure = metric_bars({entry.name: entry.summaries for entry in compared}, titles, chosen.inks, seen, asked)
    told = "Mean score of each configuration per metric, with 95 % intervals"
    st.plotly_chart(figure, config=CONFIG, key=key, alt=told)


def findings(compared: Sequence[Entry], metrics: Sequence[str], inks: Mapping[str, Ink]) -> list[str]:
    """One line of Markdown per configuration: on what it is better or worse than the baseline, and by how much."""
    lines = []
    for entry in compared:
        if entry.is_baseline or not entry.comparisons:
            continue
        parts = [
            part for name in ("better", "worse", "not comparable") if (part := _verdict_words(entry, metrics, name))
        ]
        told = " · ".join(parts) or verdict("no difference seen").markdown
        lines.append(f"{inks[entry.name].dot} **{fmt.markdown(entry.name)}** {told}")
    return lines


def _verdict_words(entry: Entry, metrics: Sequence[str], name: str) -> str:
    found = [(metric, entry.comparisons[metric]) for metric in metrics if metric in entry.comparisons]
    told = [
        f"{fmt.markdown(metric_title(m))} {fmt.change(c.difference, c.low, c.high)}"
        for m, c in found
        if c.verdict == name
    ]
    return f"{verdict(name).markdown} on {', '.join(told)}" if told else ""


def _table(chosen: Selection, compared: Sequence[Entry]) -> None:
    section("Leaderboard")
    leaderboard_table(compared, chosen.leading, chosen.inks, "leaderboard")
    further = [metric for metric in chosen.metrics if metric not in chosen.leading]
    if further:
        with st.expander("Further metrics", expanded=True):
            leaderboard_table(compared, further, chosen.inks, "further", cost=False)
    if len(compared) > 1:
        signs = " · ".join(verdict(name).markdown for name in ("better", "worse", "no difference seen"))
        family = comparison_family(chosen.family)
        st.caption(
            f"Against {fmt.markdown(chosen.baseline)}: {signs}, which does not mean equal. "
            f"{fmt.markdown(family.in_short)}",
            help=fmt.markdown(family.words),
        )
    _missing(chosen)
    _downloads(chosen, compared)


def _missing(chosen: Selection) -> None:
    """Why answers failed or have no score, so that neither looks like a bad answer."""
    lines = [
        f"{name}: {line}" for name, run in chosen.runs.items() for line in missing_scores(run).sentences(metric_title)
    ]
    if lines:
        failed = any(run.failed for run in chosen.runs.values())
        with st.expander("Why some have no score", expanded=failed, icon=":material/help:"):
            for line in lines:
                st.text(line, width="stretch")


def _downloads(chosen: Selection, compared: Sequence[Entry]) -> None:
    stem = fmt.file_stem(chosen.set_name)
    table = Download(
        "Leaderboard (CSV)", lambda: leaderboard_csv(compared, chosen.metrics), f"leaderboard-{stem}.csv", "text/csv"
    )
    records = Download("All records (JSON)", lambda: _records_json(chosen), f"records-{stem}.json", "application/json")
    report = Download("Report (HTML)", lambda: _report_html(chosen), f"report-{stem}.html", "text/html")
    downloads([report, table, records], "results_download")


def _result(chosen: Selection) -> dict[str, Any]:
    """What `llmopt evaluate --json` writes."""
    from llmopt_core.experiments.result import result_of

    return result_of(store(), [run.id for run in chosen.runs.values()], list(chosen.runs))


def _records_json(chosen: Selection) -> str:
    return json.dumps(_result(chosen), ensure_ascii=False, indent=1)


def _report_html(chosen: Selection) -> str:
    """The page that `llmopt report` writes: one file that opens without the app."""
    from llmopt_core.experiments.report import report_of
    from llmopt_core.reporting.page import render

    return render(report_of(_result(chosen), chosen.baseline))
