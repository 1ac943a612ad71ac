"""Evaluation: run, compare, read single answers."""

import streamlit as st

from llmopt_ui.components import page_header
from llmopt_ui.evaluation.comparison import show_run
from llmopt_ui.evaluation.questions import questions_view
from llmopt_ui.evaluation.results_view import results_view
from llmopt_ui.evaluation.run_view import announce_results, run_view
from llmopt_ui.forms.configuration import CONFIGURATION, configuration_editor, configuration_picker
from llmopt_ui.navigation import EVALUATION
from llmopt_ui.project import current_project
from llmopt_ui.resources import store
from llmopt_ui.session import state
from llmopt_ui.tabs import load_view, show_tabs

VIEW = "evaluation_view"

project = current_project()
# Before the header, which shows what is announced.
announce_results(project)
page_header(EVALUATION)
runs = store().runs(project)
has_answers = any(run.done for run in runs)
if state().go_to_results:
    # Taken once, so that the user can leave these results again.
    run_id, state().go_to_results = state().go_to_results, 0
    show_run(store().run(run_id), [run for run in runs if run.done])
    st.session_state[VIEW] = "Results"
elif state().go_to_tab:
    # Taken before the tabs are drawn: what a click in a picture asks for comes after them.
    st.session_state[VIEW], state().go_to_tab = state().go_to_tab, ""
# Without results their tab is empty: a first visit begins where something can be done. A tab that was chosen stays.
elif not has_answers and VIEW not in st.session_state and VIEW not in st.query_params:
    st.session_state[VIEW] = "Run"

show_tabs(VIEW, {
    "Results": lambda: results_view(project, runs),
    "Pictures": lambda: load_view("llmopt_ui.evaluation.pictures.view:pictures_view")(project, runs),
    "Records": lambda: load_view("llmopt_ui.evaluation.records_view:records_view")(project, runs),
    "Head to head": lambda: load_view("llmopt_ui.evaluation.head_to_head:head_to_head_view")(project, runs),
    "Judge": lambda: load_view("llmopt_ui.evaluation.judge_view:judge_view")(project, runs),
    "Failures": lambda: load_view("llmopt_ui.evaluation.failures.view:failures_view")(project, runs),
    "Run": lambda: run_view(project, runs),
    "Configurations": lambda: configuration_editor(
        project, configuration_picker(store().configurations(project), CONFIGURATION, new=True)),
    "Questions": lambda: questions_view(project),
})  # fmt: skip
