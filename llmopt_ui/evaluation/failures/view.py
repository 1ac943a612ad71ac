"""The tab Failures: what fails, records read by keyboard, and the groups that come of it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from llmopt_core.runs.values import Project, Run
from llmopt_ui.button_to import button_to
from llmopt_ui.components import empty_state, plain_fragment, show_problem
from llmopt_ui.evaluation.comparison import choose
from llmopt_ui.evaluation.failures.data import Desk, desk_of
from llmopt_ui.evaluation.failures.groups import groups_view
from llmopt_ui.evaluation.failures.kinds import kinds_view
from llmopt_ui.evaluation.failures.review import review_view
from llmopt_ui.navigation import EVALUATION
from llmopt_ui.session import rerun_after_action


def failures_view(project: Project, runs: Sequence[Run]) -> None:
    """The whole tab."""
    runs_with_answers = [run for run in runs if run.done]
    if not runs_with_answers:
        with empty_state("No failures to read yet", "Run a configuration; then read here why its answers fail.",
                         ":material/troubleshoot:"):  # fmt: skip
            button_to(EVALUATION, "Go to Run", "failures_to_run", "Run")
        return
    selection = choose(project, runs_with_answers)
    if not selection.runs:
        st.caption("Choose at least one configuration above.")
        return
    desk = desk_of(project, selection.set_name, selection.runs, selection.baseline)
    kinds_view(desk)
    _reading(desk)


@plain_fragment
def _reading(desk: Desk) -> None:
    """Only this part is drawn after a keystroke."""
    # An action of a group, such as a new configuration, shows in the whole page; what a keystroke did wrong shows here.
    show_problem()
    rerun_after_action()
    book = desk.notes()
    open_record = review_view(desk, book)
    groups_view(desk, desk.notes(), open_record)
