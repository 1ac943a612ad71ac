"""Results on the Evaluation page: the picture first, then the table, then question by question."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

import streamlit as st

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.experiments.imported_runs import judge_of_runs
from llmopt_core.reporting.verdict_words import INSIDE_NOISE, missing_words
from llmopt_core.runs.values import Project, Run
from llmopt_core.statistics.paired_comparison import Comparison
from llmopt_ui import format as fmt
from llmopt_ui.button_to import button_to
from llmopt_ui.caveats import caveats_view, describe_outdated, judge_caption
from llmopt_ui.components import downloads, empty_state, section
from llmopt_ui.evaluation.comparison import Selection, choose
from llmopt_ui.evaluation.every_pair import every_pair_view
from llmopt_ui.evaluation.examples import examples_view
from llmopt_ui.evaluation.import_results import import_button
from llmopt_ui.evaluation.score_bars import score_bars
from llmopt_ui.evaluation_sets import set_size
from llmopt_ui.navigation import EVALUATION
from llmopt_ui.resources import store
from llmopt_ui.runs.leaderboard_table import leaderboard_csv, leaderboard_table
from llmopt_ui.runs.next_steps import advice_on, steps_view
from llmopt_ui.runs.results import Entry, comparison_family, describe_means, entries, missing_scores
from llmopt_ui.theme import Ink, verdict
from llmopt_ui.viewer_time import viewer_zone

_FINDINGS = ("better", "worse", "equivalent", "not comparable")
"""Verdicts that say something, in the order of a sentence."""


def results_view(project: Project, runs: Sequence[Run]) -> None:
    """The whole tab. `runs` holds at least one run with a record."""
    runs_with_answers = [run for run in runs if run.done]
    if not runs_with_answers:
        hint = "Keep what is ticked in the tab Run, and press Evaluate, or bring results of another tool."
        with empty_state("No results yet", hint):
            button_to(EVALUATION, "Go to Run", "results_to_run", "Run")
            import_button(project, "results_import")
        return
    selection = choose(project, runs_with_answers)
    # The user took the last one out; what was compared before must not stay on the page.
    if not selection.runs:
        st.caption("Choose at least one configuration above.")
        return
    comparison = entries(selection.runs, selection.baseline, selection.family, selection.margin)
    chart_metrics = metrics_to_chart(comparison, selection.leading, selection.metrics)
    _picture(project, selection, comparison, chart_metrics)
    _table(selection, comparison)
    if len(selection.runs) > 1 and selection.metrics:
        every_pair_view(selection, comparison, next(iter(chart_metrics[0]), selection.metrics[0]))
    section("What to do next", "For the configuration that leads here, from what its records fail of.")
    steps_view(project, advice_on(project, comparison), "results")
    examples_view(project, selection, next(iter(chart_metrics[0]), ""))


def _picture(
    project: Project,
    selection: Selection,
    comparison: Sequence[Entry],
    chart_metrics: tuple[tuple[str, ...], tuple[str, ...]],
) -> None:
    first, partial = chart_metrics
    section("Scores that all have" if partial else "Scores")
    caveats_view([entry.caveats for entry in comparison if entry.caveats], describe_outdated(project, selection.runs))
    if first:
        score_bars(selection, comparison, first, "metric_bars")
    else:
        st.caption("These runs were made without scores: below are their answers.")
        return
    size = set_size(project, selection.set_name, selection.set_version)
    means = describe_means(list(selection.runs.values()), size)
    judge_caption(judge_of_runs(list(selection.runs.values())), selection.ragas, means)
    for line in describe_findings(comparison, selection.metrics, selection.inks):
        st.markdown(line)
    if partial:
        section("Scores that only some have", "The others use no documents, or could not be scored.")
        having = [entry for entry in comparison if _has_any(entry, partial)]
        score_bars(selection, having, partial, "partial_bars")
        without = [fmt.markdown(entry.name) for entry in comparison if entry not in having]
        if without:
            st.caption(f"Without these scores: {', '.join(without)}.")


def _has_any(entry: Entry, metrics: Sequence[str]) -> bool:
    return any(metric in entry.summaries and entry.summaries[metric].mean is not None for metric in metrics)


def metrics_to_chart(
    comparison: Sequence[Entry], leading: Sequence[str], metrics: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The metrics of the first chart, which every configuration has, and the leading ones that only some have.

    Where no metric is shared by all, the first chart has the leading ones. What nobody has is in no chart: the
    leaderboard says so.
    """
    # A metric may be listed for a run and have no value, as where nothing could be scored.
    has_mean = {m: [m in e.summaries and e.summaries[m].mean is not None for e in comparison] for m in metrics}
    by_all = [metric for metric, has_means in has_mean.items() if all(has_means)]
    # Where none of the leading ones is shared, any shared one makes a fairer picture than bars with gaps.
    first = tuple(metric for metric in leading if metric in by_all) or tuple(by_all)
    some = tuple(metric for metric in leading if metric not in by_all and any(has_mean.get(metric, ())))
    return (first, some) if first else (tuple(leading), ())


def describe_findings(comparison: Sequence[Entry], metrics: Sequence[str], inks: Mapping[str, Ink]) -> list[str]:
    """One line of Markdown per configuration: on what it is better or worse than the baseline, and by how much."""
    lines = []
    for entry in comparison:
        # A run without pairs, such as one of other questions, can be neither better nor worse.
        if entry.is_baseline or not entry.comparisons:
            continue
        # What differs; "cannot tell" is said only where there is nothing else to say.
        parts = [part for name in _FINDINGS if (part := _verdict_words(entry, metrics, name))]
        sentence = " · ".join(parts) or _undecided(entry, metrics)
        lines.append(f"{inks[entry.name].dot}\u00a0**{fmt.markdown(entry.name)}** {sentence}")
    return lines


def _undecided(entry: Entry, metrics: Sequence[str]) -> str:
    """That nobody can tell, and by which metric somebody could soonest."""
    open_ones = [(m, entry.comparisons[m]) for m in metrics if m in entry.comparisons]
    countable = [(m, c) for m, c in open_ones if c.more_questions is not None]
    word = verdict("cannot tell").markdown
    if not countable:
        return word
    metric, comparison = min(countable, key=lambda item: item[1].more_questions or 0)
    change = fmt.change(comparison.difference, comparison.low, comparison.high)
    # The four metrics of a run would take four sentences that all say "ask more".
    noise = _noise_words(comparison)
    return f"{word}, soonest on {fmt.markdown(metric_title(metric))} {change}{noise}: {missing_words(comparison)}"


def _verdict_words(entry: Entry, metrics: Sequence[str], name: str) -> str:
    comparisons = [(metric, entry.comparisons[metric]) for metric in metrics if metric in entry.comparisons]
    words = [
        f"{fmt.markdown(metric_title(m))} {fmt.change(c.difference, c.low, c.high)}{_noise_words(c)}"
        for m, c in comparisons
        if c.verdict == name
    ]
    return f"{verdict(name).markdown} on {', '.join(words)}" if words else ""


def _noise_words(comparison: Comparison) -> str:
    return f" :gray[({INSIDE_NOISE})]" if comparison.inside_judge_noise else ""


def _table(selection: Selection, comparison: Sequence[Entry]) -> None:
    section("Leaderboard")
    leaderboard_table(comparison, selection.leading, selection.inks, "leaderboard")
    further = [metric for metric in selection.metrics if metric not in selection.leading]
    if further:
        with st.expander("Further metrics", expanded=True):
            leaderboard_table(comparison, further, selection.inks, "further", cost=False)
    if len(comparison) > 1:
        signs = " · ".join(verdict(name).markdown for name in ("better", "worse", "equivalent", "cannot tell"))
        family = comparison_family(selection.family)
        st.caption(
            f"Against {fmt.markdown(selection.baseline)}: {signs}. Margin {fmt.number(selection.margin)}. "
            f"{fmt.markdown(family.in_short)}",
            help=fmt.markdown(family.words),
        )
    _missing(selection)
    _downloads(selection, comparison)


def _missing(selection: Selection) -> None:
    """Why answers failed or have no score, so that neither looks like a bad answer."""
    lines = [
        f"{name}: {line}"
        for name, run in selection.runs.items()
        for line in missing_scores(run).sentences(metric_title)
    ]
    if lines:
        has_failures = any(run.failed for run in selection.runs.values())
        with st.expander("Why some have no score", expanded=has_failures, icon=":material/help:"):
            for line in lines:
                st.text(line, width="stretch")


def _downloads(selection: Selection, comparison: Sequence[Entry]) -> None:
    # Files are made outside of the session, where nobody knows who looks.
    stem, zone = fmt.file_stem(selection.set_name), viewer_zone()
    downloads(
        "results_download",
        # Each is made when its button is pressed: records of a large run take seconds.
        ("Report (HTML)", lambda: _report_html(selection, zone), f"report-{stem}.html"),
        ("Leaderboard (CSV)", lambda: leaderboard_csv(comparison, selection.metrics), f"leaderboard-{stem}.csv"),
        ("All records (JSON)", lambda: _records_json(selection), f"records-{stem}.json"),
        ("All tables (CSV, JSON, Parquet)", lambda: _tables_zip(selection), f"tables-{stem}.zip"),
    )


def _result_json(selection: Selection, *, traces: bool = True) -> dict[str, Any]:
    """What `llmopt evaluate --json` writes; without traces no rank of a source among the candidates."""
    from llmopt_core.experiments.result import result_of

    # With the names on the page: two runs of one configuration have names that tell them apart.
    run_ids = [run.id for run in selection.runs.values()]
    return result_of(store(), run_ids, list(selection.runs), traces=traces, margin=selection.margin)


def _records_json(selection: Selection) -> str:
    return json.dumps(_result_json(selection), ensure_ascii=False, indent=1)


def _report_html(selection: Selection, zone: tzinfo | None) -> str:
    """The page that `llmopt report` writes, with the ladder of the project: one file that opens without the app."""
    from llmopt_core.labs.evaluation.ladder.build import build_ladder
    from llmopt_core.labs.evaluation.report.build import build_report
    from llmopt_core.reporting.page import render

    result = _result_json(selection)
    ladder = build_ladder(store(), next(iter(selection.runs.values())).project, margin=selection.margin)
    return render(build_report(result, baseline=selection.baseline, ladder=ladder, zone=zone))


def _tables_zip(selection: Selection) -> bytes:
    """What `llmopt export` writes."""
    from llmopt_core.experiments.result_tables import result_tables
    from llmopt_core.reporting.table_files import tables_zip

    # No table has what the traces tell, and they are half of what there is to read.
    return tables_zip(result_tables(_result_json(selection, traces=False), selection.baseline))
