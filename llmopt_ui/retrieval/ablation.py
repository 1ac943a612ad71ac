"""Leave-one-out: what removing each component costs, and which one to drop."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.setting_choices import choice_note
from llmopt_core.labs.retrieval.ablation import TITLES, AblatedPart, AblationReport
from llmopt_core.labs.retrieval.components import FACT_CHECK_AND_REFUSAL, components, list_asked_models
from llmopt_core.labs.retrieval.costs import Cost
from llmopt_core.labs.retrieval.jobs import (
    ABLATION,
    report_of,
)
from llmopt_core.labs.retrieval.stage_words import part_words
from llmopt_core.reporting.glossary import explain_terms
from llmopt_core.reporting.verdict_words import unit_of
from llmopt_core.runs.values import Project
from llmopt_core.statistics.intervals import Summary
from llmopt_core.statistics.tables import Gain
from llmopt_ui import format as fmt
from llmopt_ui.caveats import configuration_caveats, long_question_notes
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import downloads, empty_state, section, show_errors
from llmopt_ui.retrieval.jobs import (
    Questions,
    adopt_configuration,
    follow_paid_work,
    questions_fields,
    results,
    task_of,
)
from llmopt_ui.retrieval.sides import Side
from llmopt_ui.retrieval.whole_set_charts import ablation_chart
from llmopt_ui.tables import show_table
from llmopt_ui.theme import verdict

_FEW = 3
"""So many measures have room for whole lines in a narrow window."""
ANSWERS = "ablation_answers"
MEASURE = "ablation_measure"
_ADVICE = {
    "keep": ":green[▲ keep]",
    "drop": ":red[▼ drop]",
    "cannot tell": ":gray[? cannot tell]",
}


def ablation_view(project: Project, sides: Sequence[Side]) -> None:
    """The left configuration with each of its components left out."""
    side = sides[0]
    st.caption(
        f"{side.ink.dot}\u00a0{fmt.markdown(side.name)} as it is, and again with each of its parts left out, on the "
        "same questions."
    )
    with_answers = st.toggle(
        "Answer the questions too", key=ANSWERS, bind="query-params",
        help="Also measures answer F1 and faithfulness, and the fact check as a part. Takes much longer.",
    )  # fmt: skip
    parts = components(side.configuration, with_answers)
    if not parts:
        empty_state(
            "Nothing to leave out",
            "This is a plain search. Choose a configuration with hybrid search, a reranker or a query transform.",
            ":material/content_cut:",
        )
        return
    # With answers a dozen by default: each question is answered once more for every part that is left out.
    questions = questions_fields(
        project, "ablation_answers" if with_answers else "ablation", 12 if with_answers else None
    )
    if questions is None:
        return
    configuration_caveats(project, [side.configuration], questions.examples, answers=bool(with_answers))
    long_question_notes([side.configuration], questions.examples)
    options = {"answers": bool(with_answers)}
    with show_errors():
        finished_work = results(
            ABLATION, [task_of(project, side, questions)], options,
            "Leave one out",
            f"{fmt.plural(len(questions.examples), 'question')} × {len(parts) + 1} configurations: the whole one, "
            + ", ".join(map(part_words, parts)),
            follow_paid_work(list_asked_models(side.configuration, bool(with_answers), JudgeSpec())),
        )  # fmt: skip
        # One side only, so one task and one job.
        report = report_of(finished_work[0], AblationReport) if finished_work else None
        if report is not None:
            _show(project, report, questions, side.original)


def _show(project: Project, report: AblationReport, asked: Questions, parent: Configuration) -> None:
    # In the order of the titles; what nobody could score has no column.
    measures = [name for name in TITLES if name in report.measures and report.measures[name].scored]
    names = [*measures]
    measure = st.segmented_control(
        "Measure", names, default=report.leading, format_func=TITLES.__getitem__, key=MEASURE, required=True
    )
    show_chart(ablation_chart(report, measure or report.leading), "ablation_chart", "Paired differences with intervals")
    _table(report, measures)
    unit = unit_of(one.gains[report.leading] for one in report.removed)
    section("Which to drop", f"By {TITLES[report.leading]}, tested on {unit}. {explain_terms('together')}")
    st.caption(fmt.markdown(choice_note(asked.set_name)))
    for number, one in enumerate(report.removed):
        _advice(project, one, number, asked, parent)
    # Told beside the result: means are over the questions that did not fail.
    for message, count in report.failures.items():
        st.warning(fmt.markdown(f"{fmt.plural(count, 'question')}: {message}"), icon=":material/warning:")
    numbers = ("Numbers (JSON)", lambda: report.model_dump_json(indent=1), "leave-one-out.json")
    downloads("ablation_download", numbers)


def _table(report: AblationReport, measures: Sequence[str]) -> None:
    whole = {
        "": f"**{fmt.markdown(report.configuration)}**",
        **{TITLES[name]: _whole(report.measures[name]) for name in measures},
        "Takes": f"{_cost(report.cost)}  \n:gray[all of it]",
    }
    # The whole one first: all other rows are differences to it.
    rows = [whole] + [
        {
            "": fmt.markdown(part_words(one.name)),
            **{TITLES[name]: f"{_mean(one.measures[name])}  \n{_gain(one.gains[name])}" for name in measures},
            "Takes": _cost(one.cost),
        }
        for one in report.removed
    ]
    show_table(rows, "Leave-one-out", "ablation_few" if len(measures) <= _FEW else "ablation_many")
    st.caption(
        "“Takes” is what the part itself costs per question: work on this machine timed past the cache, model calls as "
        "they were when they were made. Means with 95 % intervals; differences are paired, and are seen where they "
        "hold when all parts are tested at once.",
        help=explain_terms("recall", "mrr", "ndcg", "bm25", "dense"),
    )
    # Otherwise the two costs look as if they should add up.
    if any(one.name == FACT_CHECK_AND_REFUSAL for one in report.removed):
        st.caption(
            "Fact check and refusal share one judge: removing either spares only what it alone adds, removing both "
            "spares the judge."
        )


def _whole(value: Summary) -> str:
    between = f"  \n:gray[{fmt.interval(value.low, value.high)}]" if value.low is not None else ""
    return f"{_mean(value)}{between}"


def _mean(value: Summary) -> str:
    if value.mean is None:
        return ":gray[not scored]"
    missing = f" :gray[({value.scored} of {value.total})]" if value.scored < value.total else ""
    return f"**{fmt.score(value.mean)}**{missing}"


def _gain(gain: Gain) -> str:
    between = f"  \n:gray[{fmt.with_sign(gain.low)} to {fmt.with_sign(gain.high)}]" if gain.low is not None else ""
    return f"{fmt.with_sign(gain.difference)}{between}  \n{verdict(gain.verdict).markdown}"


def _cost(cost: Cost) -> str:
    time = fmt.DASH if cost.seconds is None else _saving(cost.seconds, fmt.short_time)
    tokens = "tokens known no more" if cost.tokens is None else f"{_saving(cost.tokens, fmt.number)} tokens"
    price = f", {fmt.markdown(fmt.money(cost.usd))}" if cost.usd else ""
    return f"{time}  \n:gray[{tokens}{price}]"


def _saving(value: float, format_value: Callable[[float], str]) -> str:
    """An amount; below zero, which the fact check can come to, it is what the part spares."""
    return format_value(value) if value >= 0 else f"spares {format_value(-value)}"


def _advice(project: Project, one: AblatedPart, number: int, asked: Questions, parent: Configuration) -> None:
    with st.container(border=True):
        left, right = st.columns([4, 1], vertical_alignment="center", wrap=False)
        left.markdown(
            f"{_ADVICE[one.advice]} **{fmt.markdown(part_words(one.name.removeprefix('without ')))}** "
            f":gray[{fmt.markdown(one.reason)}]"
        )
        right.button(
            "Save without", key=f"ablation_save_{number}", icon=":material/save:", type="tertiary",
            on_click=adopt_configuration, args=(project, one.configuration, "components", asked, parent),
            help="Saves the configuration without this part.",
        )  # fmt: skip
