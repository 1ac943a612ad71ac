"""What each few-shot example is worth: the examples as intervals, then as a table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pandas as pd
import streamlit as st

from llmopt_core.experiments.search.results import ExampleEffect, FewShotEffect
from llmopt_core.experiments.search.task import FEW_SHOT_EFFECT
from llmopt_core.experiments.versions.prompts import few_shot_from
from llmopt_core.labs.prompts.few_shot_effect import effect_answers
from llmopt_core.labs.prompts.search_setup import task_from
from llmopt_core.reporting.glossary import explain_terms
from llmopt_core.reporting.verdict_words import unit_of
from llmopt_core.runs.store_versions import Version
from llmopt_core.runs.values import Project
from llmopt_core.text.csv_text import csv_of
from llmopt_ui import format as fmt
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import downloads, empty_state, section, show_errors
from llmopt_ui.prompts.search_charts import effect_chart
from llmopt_ui.prompts.search_form import can_search, describe_cost, search_form, start_button
from llmopt_ui.prompts.search_parts import (
    choose_search,
    describe_setup,
    score_title,
    show_cost,
    show_end_note,
    start_search,
)
from llmopt_ui.resources import store
from llmopt_ui.tables import show_table
from llmopt_ui.theme import verdict

_QUESTIONS = 24
"""Asked once more for each example that is left out, so fewer than a search takes."""
_WORDS = {"better": "helps", "worse": "hurts", "equivalent": "equivalent", "cannot tell": "cannot tell"}


def few_shot_effect_view(project: Project, version: Version) -> None:
    """The whole view."""
    if not can_search(project):
        return
    section("What each example is worth")
    st.caption("Each example is left out once. Where the answers get worse without it, it "
            "helps; where they get better, it hurts.")  # fmt: skip
    effect, running = choose_search(project, FEW_SHOT_EFFECT, version.name, FewShotEffect)
    if effect is not None:
        _result(effect)
    elif not running:
        empty_state("Not measured yet", "Choose a prompt and questions below, and press Measure.", ":material/balance:")
    title = "Measure" if effect is None else "Measure again"
    with st.expander(title, expanded=effect is None and not running, key="worth_form"), show_errors():
        _form(project, version)


def _form(project: Project, version: Version) -> None:
    setup = search_form(project, "worth", questions=_QUESTIONS, held_back=False)

    def ready() -> tuple[Callable[[], None], str]:
        shots = few_shot_from(version.body)
        task = task_from(store(), project, setup, shots, describe_setup(version, setup))
        answers = effect_answers(len(shots.examples), len(task.evaluation_set.examples))
        options: dict[str, object] = {"keep_examples": setup.keep_examples}
        start = partial(start_search, project, FEW_SHOT_EFFECT, version.name, task, options, setup)
        return start, describe_cost(FEW_SHOT_EFFECT, task, options, answers)

    start_button("worth_start", "Measure", ready)


def _result(effect: FewShotEffect) -> None:
    show_end_note(effect.ended, effect.problem, effect.left_out)
    score = score_title(effect.metric)
    st.markdown(f"**{fmt.markdown(effect.source)}** on {fmt.markdown(effect.set_name)}: {score} with all examples "
                f"**{fmt.score(effect.full.mean)}** :gray[({fmt.interval(effect.full.low, effect.full.high)}), "
                f"{effect.full.scored} of {effect.full.total} scored]")  # fmt: skip
    # A search that was cut short may have measured none.
    if any(row.comparison is not None for row in effect.examples):
        show_chart(
            effect_chart(effect, score), "effect_chart", "What each few-shot example is worth, with its interval"
        )
        st.caption("Marks show the mean difference over the same questions, lines its 95 % interval. An example is "
                   "said to help or hurt only where that holds for all examples tested together. Tested on "
                   f"{unit_of(row.comparison for row in effect.examples if row.comparison)}.",
                   help=explain_terms("p", "together"))  # fmt: skip
    show_table(effect_table(effect), "What each few-shot example is worth", "worth")
    show_cost(effect.usage, effect.seconds)
    rows = [_plain_row(row) for row in effect.examples]
    stem = fmt.file_stem(f"{effect.source}-worth")
    as_json = effect.model_dump_json(indent=2)
    downloads("worth_download", ("CSV", csv_of(rows), f"{stem}.csv"), ("JSON", as_json, f"{stem}.json"))


def effect_table(effect: FewShotEffect) -> pd.DataFrame:
    """One row per example, in the order of the set."""
    return pd.DataFrame([_row(row) for row in effect.examples])


def _row(row: ExampleEffect) -> dict[str, str]:
    comparison = row.comparison
    # Escaped, or Markdown would make a list of a cell that begins with "1.".
    name = f"{row.place + 1}\\. {fmt.markdown(fmt.shorten(row.question, 70))}"
    if comparison is None:
        return {"Example": name, "Worth": ":gray[not measured]", "95 % interval": fmt.DASH, "Says the test": fmt.DASH,
                "p": fmt.DASH, "Questions": fmt.DASH, "Tokens": fmt.DASH}  # fmt: skip
    style = verdict(row.verdict)
    # Pairs of which one side has no score are dropped, which is told.
    of = f" of {comparison.pairs + comparison.dropped}" if comparison.dropped else ""
    return {
        "Example": name,
        "Worth": fmt.with_sign(comparison.difference),
        "95 % interval": fmt.unbroken(fmt.interval(comparison.low, comparison.high)),
        "Says the test": fmt.unbroken(f":{style.colour_name}[{style.sign} {_WORDS[row.verdict or 'cannot tell']}]"),
        "p": fmt.p_value(row.p_adjusted),
        "Questions": f"{comparison.pairs}{of}",
        "Tokens": fmt.DASH if row.tokens is None else f"{row.tokens:,.0f}",
    }


def _plain_row(row: ExampleEffect) -> dict[str, object]:
    comparison = row.comparison
    return {
        "example": row.place + 1,
        "question": row.question,
        "answer": row.answer,
        # Empty cells in the file where nothing was measured.
        "worth": comparison and comparison.difference,
        "low": comparison and comparison.low,
        "high": comparison and comparison.high,
        "p_holm": row.p_adjusted,
        "verdict": row.verdict,
        "pairs": comparison and comparison.pairs,
        "tokens": row.tokens,
    }
