"""Retrieval over a whole set: recall, MRR and nDCG after each stage, where gold stands, where it is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd
import streamlit as st

from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.labs.retrieval.components import list_asked_models
from llmopt_core.labs.retrieval.jobs import MEASURE, report_of
from llmopt_core.labs.retrieval.set_report import MEASURES, SetReport
from llmopt_core.reporting.glossary import explain_terms
from llmopt_core.runs.values import Project
from llmopt_core.text.csv_text import csv_of
from llmopt_ui import format as fmt
from llmopt_ui.caveats import configuration_caveats, long_question_notes
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import downloads, section
from llmopt_ui.retrieval.charts import stage_name
from llmopt_ui.retrieval.jobs import follow_paid_work, questions_fields, results, task_of
from llmopt_ui.retrieval.sides import Side
from llmopt_ui.retrieval.whole_set_charts import confusion_chart, position_chart, position_legend, stage_chart
from llmopt_ui.tables import data_table, show_table

K = "measured_k"
_NAMES = {"recall": "Recall", "mrr": "MRR", "ndcg": "nDCG"}
SideReports = Sequence[tuple[Side, SetReport]]


def whole_set_view(project: Project, sides: Sequence[Side]) -> None:
    """Choose the questions, measure, read."""
    questions = questions_fields(project, "set")
    if questions is None:
        return
    configuration_caveats(project, [side.configuration for side in sides], questions.examples, answers=False)
    long_question_notes([side.configuration for side in sides], questions.examples)
    k = int(st.slider("Chunks that count (k)", 1, 20, 5, key=K, bind="query-params", width=340))
    # A task per side, so that changing one configuration measures only that one again.
    tasks = [task_of(project, side, questions) for side in sides]
    # Without answers, no judge: only transforms, routers and rerankers that ask a model count.
    models = [model for side in sides for model in list_asked_models(side.configuration, False, JudgeSpec())]
    finished_work = results(
        MEASURE, tasks, {"k": k}, "Measure retrieval",
        f"{fmt.plural(len(questions.examples), 'question')} · no answers are asked for, only what retrieval itself "
        "needs",
        follow_paid_work(models),
    )  # fmt: skip
    # By key, since jobs come without those that are missing and so do not line up with the sides.
    reports = {job.arguments.get("key"): report_of(job, SetReport) for job in finished_work}
    side_reports = [
        (side, report)
        for side, task in zip(sides, tasks, strict=True)
        if (report := reports.get(task.key(k=k))) is not None
    ]
    if side_reports:
        _show(side_reports, k)


def _show(reports: SideReports, k: int) -> None:
    section(
        f"After each stage, among its first {k} chunks",
        "Means over the questions with sources, with 95 % intervals. The last stage holds no more chunks than are "
        "handed over.",
    )
    show_chart(stage_chart(reports, k), "set_stages", "Recall, MRR and nDCG after each stage")
    st.caption(explain_terms("recall", "mrr", "ndcg"))
    section(
        "Where the sources stand", f"{explain_terms('source')} Each counts once: by the first chunk that overlaps it."
    )
    st.markdown(position_legend())
    for column, (side, report) in zip(st.columns(len(reports), gap="medium"), reports, strict=True):
        figure = position_chart(side, report)
        show_chart(figure, f"set_gold_{side.place}", "Ranks of sources after each stage", place=column)
    for side, report in reports:
        _notes(side, report)
    for side, report in reports:
        _table(side, report)
        _losses_view(side, report)
        _routing(side, report)
    downloads("set_download", ("Numbers (CSV)", lambda: stages_csv(reports), "retrieval-stages.csv"))


def _notes(side: Side, report: SetReport) -> None:
    if report.without:
        st.caption(f"{fmt.plural(report.without, 'question')} without a source could not be measured.")
    # Each message once with its count; a failing endpoint would give one per question.
    for message, number in [*report.warnings.items(), *report.failures.items()]:
        st.warning(
            fmt.markdown(f"{side.name}, {fmt.plural(number, 'question')}: {message}"), icon=":material/warning:"
        )  # fmt: skip


def _table(side: Side, report: SetReport) -> None:
    rows = [
        {
            "Stage": fmt.markdown(stage_name(stage.name)),
            **{
                _NAMES[measure]: _estimate(stage.measures[measure]) if measure in stage.measures else ""
                for measure in MEASURES
            },
            # None where every call came from a cache that did not keep its time.
            "Time per question": fmt.DASH if stage.cost.seconds is None else fmt.short_time(stage.cost.seconds),
            "Tokens per question": "from the cache" if stage.cost.tokens is None else fmt.number(stage.cost.tokens),
        }
        for stage in report.stages
    ]
    st.markdown(f"{side.ink.dot}\u00a0**{fmt.markdown(side.name)}**")
    show_table(rows, "Measures, time and tokens per stage", f"set_{side.place}")


def _estimate(value: object) -> str:
    # Only the three that summaries of all kinds share.
    mean, low, high = value.mean, value.low, value.high  # type: ignore[attr-defined]
    if mean is None:
        return ":gray[not scored]"
    between = f"  \n:gray[{fmt.interval(low, high)}]" if low is not None else ""
    return f"**{fmt.score(mean)}**{between}"


def _losses_view(side: Side, report: SetReport) -> None:
    if not report.lost:
        st.caption("No question lost all chunks that hold its source.")
        return
    counts = ", ".join(f"{number} at {stage_name(stage)}" for stage, number in report.lost_at.items())
    number = sum(report.lost_at.values())
    with st.expander(
        f"{fmt.markdown(fmt.plural(number, 'question'))} lost their source: {fmt.markdown(counts)}",
        key=f"set_lost_{side.place}",
    ):
        rows = [
            {"Question": one.question, "Lost at": stage_name(one.stage), "Why": one.why, "Id": one.example_id}
            for one in report.lost
        ]
        data_table(
            pd.DataFrame(rows), alt="Questions whose source was lost",
        )  # fmt: skip


def _routing(side: Side, report: SetReport) -> None:
    if report.routing is None:
        return
    section(f"Routing of {side.name}", "Rows are what a question is, columns what it was taken for.")
    show_chart(confusion_chart(report.routing), f"set_routing_{side.place}", "Confusion of categories")
    st.caption(
        f"{report.routing.accuracy:.0%} of {fmt.plural(report.routing.asked, 'labelled question')} are taken for what "
        "they are. A question that is itself an example of the router does not answer for itself."
    )


def stages_csv(reports: SideReports) -> str:
    """One row per configuration, stage and measure."""
    rows = [
        {
            "configuration": side.name,
            "stage": stage.name,
            "measure": f"{measure}@{report.k}",
            **asdict(estimate),
            "seconds": stage.cost.seconds,
            "tokens": stage.cost.tokens,
        }
        for side, report in reports
        for stage in report.stages
        for measure, estimate in stage.measures.items()
    ]
    return csv_of(rows)
