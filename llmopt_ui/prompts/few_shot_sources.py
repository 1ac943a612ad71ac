"""Where a few-shot set is filled from: files, and good answers of earlier runs."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.labs.prompts.few_shot_sources import examples_from_records
from llmopt_core.prompts.few_shot_files import read_few_shot
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.components import show_errors
from llmopt_ui.resources import store
from llmopt_ui.runs.recent_runs import recent_runs, run_choice
from llmopt_ui.session import notify, report_problem, state

Add = Callable[..., None]
_SOURCES = {"model": "The model's", "reference": "The reference answer"}
_FILE, _REPLACE = "shots_file", "shots_replace"


def sources_view(project: Project, add: Add) -> None:
    """The buttons above the table."""
    with st.popover("Import", icon=":material/upload_file:"):
        st.caption("CSV, JSONL, or OpenAI chat JSONL. Each example needs an answer.")
        # The count of uploads in the key empties it after each import.
        st.file_uploader("File", ["csv", "tsv", "jsonl", "json"], key=f"{_FILE}_{state().uploads}")
        st.toggle("In place of what is there", False, key=_REPLACE)
        st.button("Import examples", key="shots_import", icon=":material/upload:", on_click=_import, args=(add,))
    with st.popover("From earlier runs", icon=":material/recommend:"), show_errors():
        _from_runs(project, add)


def _import(add: Add) -> None:
    file = st.session_state.get(f"{_FILE}_{state().uploads}")
    if file is None:
        state().problem = "Choose a file first."
        return
    with report_problem():
        examples = read_few_shot(file.getvalue(), file.name)
        add(examples, replace=bool(st.session_state.get(_REPLACE)))
        state().uploads += 1
        notify(f"{fmt.plural(len(examples), 'example')} imported.")


def _from_runs(project: Project, add: Add) -> None:
    """Answers that scored well become examples."""
    runs = recent_runs(project, with_scores=True)
    if not runs:
        with st.container(width=300):
            st.markdown("**No run has scores yet**")
            st.caption("Run a configuration on the page Evaluation, or compare prompts with a score in the tab Side by "
                       "side. Answers that score well can then be added here.")  # fmt: skip
        return
    run = run_choice(project, runs, "shots_run")
    if run is None:
        return
    metric = st.selectbox("Score", list(run.metrics), key=f"shots_metric_{run.id}", format_func=metric_title)
    # .8 lets through what is nearly right: lower teaches mistakes, higher leaves few answers.
    least = st.number_input("At least", 0.0, 1.0, 0.8, 0.05, key="shots_least")
    source = st.segmented_control("Answer shown", list(_SOURCES), default="model", required=True, key="shots_answer",
                                  format_func=_SOURCES.__getitem__)  # fmt: skip
    context = st.toggle("With the retrieved passages", False, key="shots_context")
    most = st.number_input("At most", 1, 200, 10, key="shots_most")
    records = store().records(run.id)
    examples = examples_from_records(records, metric, least, answer=source or "model", with_context=context)[:most]
    hint = "" if examples else " Lower the score, or choose another run."
    st.caption(f"{fmt.plural(len(examples), 'answer')} of {run.done:,} fit.{hint}")
    st.button("Add them", key="shots_add_good", icon=":material/add:", disabled=not examples, on_click=_add,
              args=(add, examples))  # fmt: skip


def _add(add: Add, examples: list[dict[str, str]]) -> None:
    add(examples)
    notify(f"{fmt.plural(len(examples), 'example')} added; those that stand in an evaluation set are flagged.")
