"""What did the tuned model forget? Part of the 2 x 2 tab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.experiment import list_configurations
from llmopt_core.finetuning.jobs.job import FineTunedModel
from llmopt_core.labs.finetuning.forgetting import Forgetting, LostQuestion, forgetting, general_pair
from llmopt_core.labs.finetuning.sources import GENERAL, general_questions
from llmopt_core.models.base import ModelSpec
from llmopt_core.reporting.verdict_words import unit_note
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.caveats import caveats_view, describe_outdated, overlap_sentences
from llmopt_ui.chart_view import show_chart
from llmopt_ui.colours import project_inks
from llmopt_ui.components import facts, section
from llmopt_ui.evaluation_sets import set_choices
from llmopt_ui.finetuning.charts import category_bars
from llmopt_ui.finetuning.evaluation_start import evaluate_configurations
from llmopt_ui.resources import store
from llmopt_ui.session import notify, report_problem
from llmopt_ui.tables import data_table
from llmopt_ui.theme import Ink, comparison_style

SET, CONFIGURATION, RUN, ADD = "forgot_set", "forgot_configuration", "forgot_run", "forgot_add"


def forgetting_view(project: Project, tuned_model: FineTunedModel, metric: str) -> None:
    """Base and tuned model asked the very same on a general set."""
    section(
        "What did it forget?", "A model fine-tuned for one task can lose others. Both are asked the very same here."
    )
    sets = {item.name: item for item in set_choices(project)}
    usual = _base_configurations(project)
    # An embedding model answers nothing, so it can forget no answers.
    if not usual or not sets or not isinstance(tuned_model.spec, ModelSpec):
        return
    if GENERAL not in sets:
        st.caption("It takes questions that have nothing to do with the training: add those that come along, or choose "
                   "a set of your own.")  # fmt: skip
        st.button("Add 60 easy questions", key=ADD, icon=":material/add:", on_click=_add, args=(project,),
                  help="Capitals, opposites, sums, plurals: a general set that comes along.")  # fmt: skip
    bar = st.container(horizontal=True, gap="small", vertical_alignment="bottom")
    # Only the user knows which other set is not about the task.
    set_name = bar.selectbox("General set", list(sets), list(sets).index(GENERAL) if GENERAL in sets else None,
                             key=f"{SET}_{GENERAL in sets}", width=260, placeholder="Choose a set",
                             help="Questions that have nothing to do with the training.")  # fmt: skip
    configuration_name = bar.selectbox("Asked as", list(usual), key=CONFIGURATION, width=240)
    if set_name is None:
        return
    # The same prompt for both, or it would be the prompt that is measured.
    pair = general_pair(usual[configuration_name], tuned_model.spec, tuned_model.name)
    result = forgetting(store(), project, pair, sets[set_name], metric)
    words = "Measure" if result is None else "Measure again"
    if bar.button(words, key=RUN, icon=":material/play_arrow:"):
        evaluate_configurations(project, pair, sets[set_name], (metric,), None)
    if result is None:
        st.caption("Not measured yet on this set.")
    else:
        _result(project, result, metric, {c.name: project_inks(project, [p.name for p in pair])[c.name] for c in pair})


def _base_configurations(project: Project) -> dict[str, Configuration]:
    """Those of the base model; the ones without retrieval first, since a general set has no documents."""
    configurations = list_configurations(store(), project)
    base = [c for c in configurations if not c.model.adapter]
    # The sort is stable: within both groups the order is the project's.
    return {c.name: c for c in sorted(base, key=lambda c: c.retrieval is not None)}


def _add(project: Project) -> None:
    with report_problem():
        store().save_evaluation_set(project, general_questions())
        notify(f"{GENERAL} is there; press Measure.")


def _result(project: Project, result: Forgetting, metric: str, inks: Mapping[str, Ink]) -> None:
    comparison, title = result.comparison, fmt.markdown(metric_title(metric))
    caveats_view(
        (), describe_outdated(project, dict(zip(("the base model", "the fine-tuned one"), result.runs, strict=True)))
    )
    overlap_sentences(result.overlap)
    facts(
        ("Base", fmt.score(result.base.mean), f"95 % interval {fmt.interval(result.base.low, result.base.high)}"),
        (
            "Fine-tuned",
            fmt.score(result.tuned.mean),
            f"95 % interval {fmt.interval(result.tuned.low, result.tuned.high)}",
        ),
        ("Answered worse", fmt.plural(result.worse, "question")),
        ("Scored higher" if result.overlap.overlap_count else "Answered better", fmt.plural(result.better, "question")),
    )
    change = fmt.change(comparison.difference, comparison.low, comparison.high)
    count = unit_note(comparison.pairs, comparison.clusters)
    st.markdown(f"{comparison_style(comparison).markdown} · {title} {change} on {count}.")
    # A single category is the mean above.
    if len(result.by_category) > 1:
        figure = category_bars(result.by_category, metric_title(metric), inks)
        show_chart(figure, "forgot_bars", "Mean score of base and fine-tuned model by category")
    if result.losses:
        st.markdown("**Answered worse than before**")
        data_table(_loss_table(result.losses), alt="Questions the fine-tuned model answers worse than the base model")
    st.caption("An adapter is switched on per request: the base model itself is unchanged and can still be asked.")


def _loss_table(losses: Sequence[LostQuestion]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Question": [fmt.shorten(item.question, 300) for item in losses],
            "Reference answer": [fmt.shorten(item.reference, 200) for item in losses],
            "Base said": [fmt.shorten(item.base_answer, 200) for item in losses],
            "Fine-tuned said": [fmt.shorten(item.tuned_answer, 200) for item in losses],
        }
    )
