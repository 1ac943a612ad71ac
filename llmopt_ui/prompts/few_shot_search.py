"""Automatic few-shot choice: the verified result, the path that led to it, and the way to take it over."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import pandas as pd
import streamlit as st

from llmopt_core.experiments.search.results import ChoiceResult, Method, Trial
from llmopt_core.experiments.search.task import CHOICE, split_task
from llmopt_core.experiments.versions.prompts import few_shot_from, save_few_shot
from llmopt_core.labs.prompts.few_shot_search import choice_answers, choosable
from llmopt_core.labs.prompts.search_setup import task_from
from llmopt_core.runs.store_versions import Version
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import empty_state, section, show_errors
from llmopt_ui.pickers import open_next
from llmopt_ui.prompts.search_charts import TrialPoint, path_chart
from llmopt_ui.prompts.search_form import can_search, describe_cost, search_form, start_button
from llmopt_ui.prompts.search_parts import (
    choose_search,
    describe_setup,
    result_download,
    score_title,
    show_cost,
    show_end_note,
    show_verification,
    start_search,
)
from llmopt_ui.resources import store
from llmopt_ui.session import notify, report_problem
from llmopt_ui.tables import show_table
from llmopt_ui.theme import verdict

_METHODS = {"greedy": "Add the one that helps most, step by step", "random": "Try random subsets"}
_QUESTIONS = 32
"""A search asks every question for every subset; so many are enough to tell good subsets from bad ones."""


def few_shot_search_view(project: Project, version: Version) -> None:
    """The whole view."""
    if not can_search(project):
        return
    section("Automatic choice")
    st.caption("Subsets of the set are tried on a training part of the questions. The best one is "
            "tested once on a part that was held back, and only that is the result.")  # fmt: skip
    result, running = choose_search(project, CHOICE, version.name, ChoiceResult)
    if result is not None:
        _result(project, version, result)
    elif not running:
        empty_state("Nothing searched yet", "Choose a prompt and questions below, and press Search.",
                    ":material/manage_search:")  # fmt: skip
    title = "Search" if result is None else "Search again"
    with st.expander(title, expanded=result is None and not running, key="choice_form"), show_errors():
        _form(project, version)


def _form(project: Project, version: Version) -> None:
    one, two, three = st.columns([2, 1, 1], gap="small")
    method = one.selectbox("How to search", list(_METHODS), key="choice_method", format_func=_METHODS.__getitem__,
                           persist_state="session")  # fmt: skip
    most = two.number_input("Examples at most", 1, 50, 3, key="choice_most", persist_state="session")
    trials = three.number_input("Subsets to try", 1, 200, 12, key="choice_trials", disabled=method == "greedy",
                                persist_state="session")  # fmt: skip
    setup = search_form(project, "choice", questions=_QUESTIONS, held_back=True)
    options = {"method": method, "most": int(most), "trials": int(trials), "keep_examples": setup.keep_examples}

    def ready() -> tuple[Callable[[], None], str]:
        task = task_from(store(), project, setup, few_shot_from(version.body), describe_setup(version, setup))
        # As the search itself will see them: examples that repeat a question take no part.
        rest, places, _ = choosable(task, keep_examples=setup.keep_examples)
        training, validation = split_task(rest)
        answers = choice_answers(
            cast("Method", method), len(places), int(most), int(trials), len(training), len(validation)
        )
        start = partial(start_search, project, CHOICE, version.name, task, options, setup)
        return start, describe_cost(CHOICE, task, options, answers)

    start_button("choice_start", "Search", ready)


def _result(project: Project, version: Version, result: ChoiceResult) -> None:
    show_end_note(result.ended, result.problem, result.left_out)
    st.markdown(f"**{fmt.markdown(result.source)}** on {fmt.markdown(result.set_name)}: {_describe(result)}")
    if result.verification is not None:
        show_verification(result.verification, result.metric, "choice_verified")
        _use_selection(project, version, result)
    st.markdown("**The search path**")
    figure = path_chart(_path_rows(result), score_title(result.metric), result.training)
    show_chart(figure, "choice_path", "Scores of the candidates, rung by rung")
    with st.expander("As a table", key="choice_table"):
        show_table(trials_table(result), "Every subset that was tried", "choice")
    show_cost(result.usage, result.seconds)
    result_download(result, f"{result.source}-choice", "choice_download")


def _describe(result: ChoiceResult) -> str:
    if result.chosen is None:
        return ("no subset did better than the set as it is on the training part, so nothing was tested and there is "
                "nothing to take over.")  # fmt: skip
    names = _names(result, result.chosen)
    if result.verification is None:
        return f"{names} did best on the training part, but was not tested on the held-back part: there is no result."
    return f"chosen on the training part: {names}."


def _names(result: ChoiceResult, places: tuple[int, ...]) -> str:
    if not places:
        return "no examples at all"
    texts = [f"{place + 1} ({fmt.markdown(fmt.shorten(result.questions.get(place, ''), 40))})" for place in places]
    return f"{'examples' if len(places) > 1 else 'example'} {', '.join(texts)}"


def _use_selection(project: Project, version: Version, result: ChoiceResult) -> None:
    if result.verification is None or result.chosen is None:
        return
    # An empty subset is a result, too, but a set without examples cannot be saved.
    if not result.chosen:
        st.caption("No examples did better than these. Take them out of the prompt in the tab Editor.")
        return
    # Only a gain that was verified is advised; taking over anything else is the user's decision.
    is_better = result.verification.is_better
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button("Take over as a new version", key="choice_take_over", type="primary" if is_better else "secondary",
                  icon=":material/save:", on_click=_save, args=(project, version.name, result))  # fmt: skip
        if not is_better:
            st.caption("No gain is shown. Fewer examples for the same answers may still be worth it.", width="content")


def _save(project: Project, name: str, result: ChoiceResult) -> None:
    if result.few_shot is None or result.verification is None:
        return
    comparison = result.verification.comparison
    gain = f"{fmt.with_sign(comparison.difference)} {score_title(result.metric)}"
    note = (f"Chosen from {result.source}: {comparison.verdict} ({gain} on "
            f"{fmt.plural(result.verification.questions, 'held-back question')})")  # fmt: skip
    with report_problem():
        version = save_few_shot(store(), project, name, result.few_shot, note)
        open_next("few_shot", version.name)
        notify(f"{version.name} saved as version {version.number}.")


def _path_rows(result: ChoiceResult) -> list[TrialPoint]:
    rows = []
    for number, trial in enumerate(result.trials):
        # None stands for the set as it is, an empty tuple for no examples at all.
        role = "start" if trial.places is None else "best" if trial.places == result.chosen else "other"
        label = "the set as it is" if trial.places is None else _names(result, trial.places)
        rows.append(
            TrialPoint(_short_label(trial, number), label, trial.summary, role if trial.complete else "partial")
        )
    return rows


def _short_label(trial: Trial, number: int) -> str:
    if trial.places is None:
        return "the set as it is"
    places = ", ".join(str(place + 1) for place in trial.places)
    word = "example" if len(trial.places) == 1 else "examples"
    return f"{number}: {word} {places}" if places else f"{number}: no examples"


def trials_table(result: ChoiceResult) -> pd.DataFrame:
    """One row per subset, in the order tried."""
    rows = []
    for number, trial in enumerate(result.trials):
        style = verdict(trial.comparison.verdict if trial.places is not None else "baseline")
        rows.append(
            {
                "Tried": fmt.markdown(_short_label(trial, number)),
                "Mean on the training part": fmt.score(trial.summary.mean),
                "95 % interval": fmt.unbroken(fmt.interval(trial.summary.low, trial.summary.high)),
                "Against the set as it is": " ".join(
                    (fmt.with_sign(trial.comparison.difference), fmt.unbroken(style.markdown))
                ),
                "Scored": f"{trial.summary.scored} of {trial.summary.total}",
            }
        )
    return pd.DataFrame(rows)
