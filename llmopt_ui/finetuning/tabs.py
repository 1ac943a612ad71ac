"""The tabs of the fine-tuning lab. A tab is one line in `TABS`; its module is loaded when it is opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from llmopt_ui.pickers import open_next
from llmopt_ui.session import state

if TYPE_CHECKING:
    import pandas as pd

VIEW = "tuning_view"
DATA, CHECKS, JOBS, FACTORIAL, LABELS = "Training data", "Lint", "Jobs", "2 × 2", "Next to label"
EMBEDDER_TAB = "Embedding model"
TABS = {
    DATA: "llmopt_ui.finetuning.data:data_view",
    CHECKS: "llmopt_ui.finetuning.lint:lint_view",
    JOBS: "llmopt_ui.finetuning.jobs:jobs_view",
    EMBEDDER_TAB: "llmopt_ui.finetuning.embedder:embedder_view",
    FACTORIAL: "llmopt_ui.finetuning.factorial:factorial_view",
    LABELS: "llmopt_ui.finetuning.annotation:annotation_view",
}
"""Title -> `module:function`; the function is given the project."""

# Names of tabs in links of earlier versions.
_FORMER = {"Checks": CHECKS}
_KEY = "llmopt_tuning_state"


@dataclass
class FineTuningState:
    """The session's own things in the fine-tuning lab; all else lives in the store and in the jobs' folders.

    Attributes:
        forms: Counts filled forms; part of their fields' keys, so that they are empty again afterwards.
        collections: Counts what was collected; part of the sources' keys, so that they are closed and empty afterwards.
        removals: Counts changes of the collection; part of its table's key, so that nothing stays selected.
        annotation_table: Key of the table of answers to label, and the table as it was before it was edited.
    """

    forms: int = 0
    collections: int = 0
    removals: int = 0
    annotation_table: tuple[str, pd.DataFrame | None] = ("", None)


def finetuning_state() -> FineTuningState:
    """The state of the current session."""
    current = st.session_state.get(_KEY)
    if current is None:
        current = st.session_state[_KEY] = FineTuningState()
    return current


def open_tab(tab: str, **choices: str) -> None:
    """Go to a tab at the next rerun, with pickers (by key) set to what is given."""
    # Set at the next drawing, as the tabs may be drawn already in this one.
    state().widget_values = {VIEW: tab}
    for key, choice in choices.items():
        open_next(key, choice)


def open_former_tab() -> None:
    """Let the tabs stand where a link of an earlier version leads. Called before they are drawn."""
    former = _FORMER.get(st.query_params.get(VIEW, ""))
    if former:
        st.session_state[VIEW] = st.query_params[VIEW] = former
