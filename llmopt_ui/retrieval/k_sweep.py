"""More is not better: what happens to answers as more chunks are handed over."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.setting_choices import choice_note
from llmopt_core.labs.retrieval.components import list_asked_models
from llmopt_core.labs.retrieval.jobs import SWEEP, report_of
from llmopt_core.labs.retrieval.k_sweep import KS, AtK, KSweep, at_k
from llmopt_core.reporting.verdict_words import unit_of
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.caveats import configuration_caveats, long_question_notes
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import downloads, show_errors
from llmopt_ui.retrieval.jobs import (
    Questions,
    adopt_configuration,
    follow_paid_work,
    questions_fields,
    results,
    task_of,
)
from llmopt_ui.retrieval.sides import Side
from llmopt_ui.retrieval.whole_set_charts import k_chart
from llmopt_ui.tables import show_table
from llmopt_ui.theme import verdict

K_VALUES = "sweep_ks"
_TITLES = {"answer_f1": "Answer F1", "faithfulness": "Faithfulness", "recall": "Sources handed over"}


def k_sweep_view(project: Project, sides: Sequence[Side]) -> None:
    """Answer the questions with 1 to 20 chunks and draw what comes of it."""
    side = sides[0]
    st.caption(
        f"{side.ink.dot}\u00a0{fmt.markdown(side.name)} with more and more chunks handed over. Recall can only rise; "
        "do the answers follow?"
    )
    # A dozen by default, since each is answered once per number of chunks.
    questions = questions_fields(project, "sweep", 12)
    if questions is None:
        return
    ks = st.multiselect(
        "Numbers of chunks", list(range(1, 21)), list(KS), key=K_VALUES, persist_state="session", wrap=True
    )
    if not ks:
        st.caption("Choose at least one number.")
        return
    configuration_caveats(project, [side.configuration], questions.examples)
    long_question_notes([side.configuration], questions.examples)
    # Sorted, as the options are a part of the result's key: the order of the clicks must not measure again.
    options = {"ks": sorted(ks)}
    with show_errors():
        finished_work = results(
            SWEEP, [task_of(project, side, questions)], options,
            "Hand over more chunks",
            f"{fmt.plural(len(questions.examples), 'question')} × {fmt.plural(len(ks), 'number')} of chunks = "
            f"{len(questions.examples) * len(ks)} answers, less what is known already",
            follow_paid_work(list_asked_models(side.configuration, True, JudgeSpec())),
        )  # fmt: skip
        report = report_of(finished_work[0], KSweep) if finished_work else None
        if report is not None:
            _show(project, side, report, questions)


def _show(project: Project, side: Side, report: KSweep, asked: Questions) -> None:
    figure = k_chart({side.name: report}, {side.name: side.ink})
    show_chart(figure, "k_chart", "Answer F1, faithfulness, recall and tokens by number of chunks")
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(_describe(report), width="stretch")
        # Where all are alike the fewest chunks are the advice; else also the best where it is another number.
        for k in [report.fewest] if report.alike else sorted({report.best, report.fewest}):
            st.button(
                f"Save with k = {k}", key=f"k_save_{k}", icon=":material/save:", type="tertiary",
                on_click=adopt_configuration,
                args=(project, at_k(side.configuration, k), "number of chunks", asked, side.original),
            )  # fmt: skip
    st.caption(fmt.markdown(choice_note(asked.set_name)))
    _table(report)
    for message, count in report.failures.items():
        st.warning(fmt.markdown(f"{fmt.plural(count, 'answer')} failed: {message}"), icon=":material/warning:")
    downloads("k_download", ("Numbers (JSON)", lambda: report.model_dump_json(indent=1), "more-chunks.json"))


def _describe(report: KSweep) -> str:
    name, rows = _TITLES[report.leading], report.rows
    questions = fmt.plural(report.questions, "question")
    if len(rows) == 1:
        return f"{name} with **{fmt.plural(report.best, 'chunk')}**; choose more numbers to compare."
    if report.alike:
        return (
            f"**No difference**: on {questions} {name} is the same with {rows[0].k} to {rows[-1].k} chunks, and fewer "
            "chunks cost fewer tokens."
        )
    words = f"{name} is highest with **{fmt.plural(report.best, 'chunk')}**"
    if report.is_undecided:
        return f"{words}, but {questions} cannot tell it from any other number."
    if report.fewest < report.best:
        return f"{words}. From **{report.fewest}** on, {questions} cannot tell it from the highest."
    return f"{words}."


def _table(report: KSweep) -> None:
    rows = [
        {
            "Chunks": f"**{row.k}**" + ("  \n:gray[● best]" if row.k == report.best and not report.alike else ""),
            **{title: _cell(row, name) for name, title in _TITLES.items()},
            # Answers from a cache of an earlier version do not tell what they took.
            "Prompt tokens": fmt.number(row.tokens.mean) if row.tokens.scored else ":gray[known no more]",
            "Time": fmt.duration(row.seconds.mean) if row.seconds.scored else ":gray[known no more]",
            "Failed": str(row.failed) if row.failed else "",
        }
        for row in report.rows
    ]
    show_table(rows, "Answers by number of chunks", "k")
    unit = unit_of(row.gains[report.leading] for row in report.rows if row.gains)
    if unit:
        st.caption(
            f"Verdicts are against {fmt.plural(report.best, 'chunk')}, all numbers tested together "
            f"(Holm: the more of them, the more evidence each needs), on {unit}."
        )


def _cell(row: AtK, name: str) -> str:
    value = row.measures[name]
    if value.mean is None:
        return ":gray[not scored]"
    lines = [f"**{fmt.score(value.mean)}**"]
    if value.low is not None:
        lines.append(f":gray[{fmt.interval(value.low, value.high)}]")
    if name in row.gains:
        lines.append(verdict(row.gains[name].verdict).markdown)
    if value.scored < value.total:
        lines.append(f":gray[{value.scored} of {value.total} scored]")
    return "  \n".join(lines)
