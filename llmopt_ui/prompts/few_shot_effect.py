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
from llmopt_core.runs.store_versions import Version
from llmopt_core.runs.values import Project
from llmopt_core.text.csv_text import csv_of
from llmopt_ui import format as fmt
from llmopt_ui.charts import CONFIG
from llmopt_ui.components import Download, downloads, empty_state, section, show_errors
from llmopt_ui.prompts.search_charts import effect_chart
from llmopt_ui.prompts.search_form import can_search, describe_cost, search_form, start_button
from llmopt_ui.prompts.search_parts import (
    choose_search,
    in_prompt,
    score_title,
    show_cost,
    show_end_note,
    start_search,
)
from llmopt_ui.resources import store
from llmopt_ui.theme import verdict

_QUESTIONS = 24
_WORDS = {"better": "helps", "worse": "hurts", "no difference seen": "no difference seen"}


def few_shot_effect_view(project: Project, saved: Version) -> None:
    """The whole view."""
    if not can_search(project):
        return
    section("What each example is worth")
    st.caption("Each example is left out once. Where the answers get worse without it, it "
            "helps; where they get better, it hurts.")  # fmt: skip
    found, running = choose_search(
        project, FEW_SHOT_EFFECT, saved.name, FewShotEffect, f"Leaving out examples of {saved.name}"
    )
    if found is not None:
        _result(found)
    elif not running:
        empty_state("Not measured yet", "Choose a prompt and questions below, and press Measure.", ":material/balance:")
    title = "Measure" if found is None else "Measure again"
    with st.expander(title, expanded=found is None and not running, key="worth_form"), show_errors():
        _form(project, saved)


def _form(project: Project, saved: Version) -> None:
    setup = search_form(project, "worth", questions=_QUESTIONS, held_back=False)

    def ready() -> tuple[Callable[[], None], str]:
        shots = few_shot_from(saved.body)
        task = task_from(store(), project, setup, shots, in_prompt(saved, setup))
        answers = effect_answers(len(shots.examples), len(task.evaluation_set.examples))
        options: dict[str, object] = {"keep_examples": setup.keep_examples}
        start = partial(start_search, project, FEW_SHOT_EFFECT, saved.name, task, options, setup)
        return start, describe_cost(FEW_SHOT_EFFECT, task, options, answers)

    start_button("worth_start", "Measure", ready)


def _result(found: FewShotEffect) -> None:
    show_end_note(found.ended, found.problem, found.left_out)
    score = score_title(found.metric)
    st.markdown(f"**{fmt.markdown(found.source)}** on {fmt.markdown(found.set_name)}: {score} with all examples "
                f"**{fmt.score(found.full.mean)}** :gray[({fmt.interval(found.full.low, found.full.high)}), "
                f"{found.full.scored} of {found.full.total} scored]")  # fmt: skip
    if any(row.comparison is not None for row in found.examples):
        st.plotly_chart(effect_chart(found, score), config=CONFIG, key="worth_chart", width="stretch")
        st.caption("Marks show the mean difference over the same questions, lines its 95 % interval. An example is "
                   "said to help or hurt only where that holds for all examples tested together.",
                   help=explain_terms("p", "together"))  # fmt: skip
    with st.container(key="figures_worth"):
        st.table(effect_table(found), border="horizontal", hide_index=True, alt="What each few-shot example is worth")
    show_cost(found.usage, found.seconds)
    rows = [_plain(row) for row in found.examples]
    stem = fmt.file_stem(f"{found.source}-worth")
    downloads([Download("CSV", csv_of(rows), f"{stem}.csv", "text/csv"),
               Download("JSON", found.model_dump_json(indent=2), f"{stem}.json", "application/json")],
              "worth_download")  # fmt: skip


def effect_table(found: FewShotEffect) -> pd.DataFrame:
    """One row per example, in the order of the set."""
    return pd.DataFrame([_row(row) for row in found.examples])


def _row(row: ExampleEffect) -> dict[str, str]:
    compared = row.comparison
    name = f"{row.place + 1}\\. {fmt.markdown(fmt.shorten(row.question, 70))}"
    if compared is None:
        return {"Example": name, "Worth": ":gray[not measured]", "95 % interval": fmt.DASH, "Says the test": fmt.DASH,
                "p": fmt.DASH, "Questions": fmt.DASH, "Tokens": fmt.DASH}  # fmt: skip
    style = verdict(row.verdict)
    of = f" of {compared.pairs + compared.dropped}" if compared.dropped else ""
    return {
        "Example": name,
        "Worth": fmt.with_sign(compared.difference),
        "95 % interval": fmt.unbroken(fmt.interval(compared.low, compared.high)),
        "Says the test": fmt.unbroken(
            f":{style.colour_name}[{style.sign} {_WORDS[row.verdict or 'no difference seen']}]"
        ),
        "p": fmt.p_value(row.p_adjusted),
        "Questions": f"{compared.pairs}{of}",
        "Tokens": fmt.DASH if row.tokens is None else f"{row.tokens:,.0f}",
    }


def _plain(row: ExampleEffect) -> dict[str, object]:
    compared = row.comparison
    return {
        "example": row.place + 1,
        "question": row.question,
        "answer": row.answer,
        "worth": compared and compared.difference,
        "low": compared and compared.low,
        "high": compared and compared.high,
        "p_holm": row.p_adjusted,
        "verdict": row.verdict,
        "pairs": compared and compared.pairs,
        "tokens": row.tokens,
    }
