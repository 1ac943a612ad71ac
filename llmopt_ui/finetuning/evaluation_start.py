"""Evaluations that the fine-tuning page starts."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.comparison_parents import record_origins_by_name
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.experiment import save_configuration
from llmopt_core.experiments.plan import Plan, asks_service
from llmopt_core.runs.values import Project, SavedSet
from llmopt_ui.navigation import EVALUATION as PAGE
from llmopt_ui.resources import store
from llmopt_ui.runs.start import check_start, start_evaluation, start_pilot
from llmopt_ui.session import notify


def evaluate_configurations(
    project: Project,
    configurations: Sequence[Configuration],
    where: SavedSet,
    metrics: Sequence[str],
    limit: int | None,
) -> None:
    """Evaluate configurations as a job and keep them in the project, so that the page Evaluation shows them too.

    What asks a service starts with an estimate there.

    Raises:
        BadInput: One could only fail; nothing was started.
    """
    # Measured beside the chosen score, since they cost nothing once the answers are there.
    usual = ("answer_f1", "exact_match")
    plan = Plan(
        project.name,
        list(configurations),
        store().evaluation_set(project, where.name),
        store().documents(project),
        tuple(dict.fromkeys((*metrics, *usual))),
        JudgeSpec(),
        limit=limit,
    )
    check_start(plan)
    names = {item.name for item in store().configurations(project)}
    for configuration in configurations:
        # One of that name may have been changed by the user, and stays as it is.
        if configuration.name not in names:
            save_configuration(store(), project, configuration)
    record_origins_by_name(store(), project, configurations)
    if asks_service(plan):
        _estimate_first(project, plan)
    else:
        start_evaluation(project, plan)
        st.rerun()


def _estimate_first(project: Project, plan: Plan) -> None:
    """What costs money starts with a pilot; the page Evaluation shows what all of it will cost, and starts it."""
    start_pilot(project, plan)
    st.session_state["evaluation_view"] = "Run"
    notify("Trying a few questions first, to say what all of them will cost.")
    st.switch_page(PAGE.file, query_params={})
