"""Starting an evaluation, or the pilot that says what it will cost, from any page."""

from __future__ import annotations

from llmopt_core.experiments.plan import Plan
from llmopt_core.labs.evaluation.jobs import ESTIMATE, EVALUATION, evaluation_arguments, evaluation_versions
from llmopt_core.runs.values import Project
from llmopt_ui.resources import models, start_job, store
from llmopt_ui.session import state

RUN_SET, RUN_CONFIGURATIONS = "run_set", "run_configurations"
"""Keys of the form that starts an evaluation, for pages that lead to it with something chosen."""


def start_evaluation(project: Project, plan: Plan) -> int:
    """Start an evaluation; gives its job."""
    return start_job(EVALUATION.name, project, evaluation_arguments(store(), plan), evaluation_versions(plan))


def start_pilot(project: Project, plan: Plan) -> None:
    """Start a pilot; what it says is shown on this tab, with the button that starts the evaluation."""
    arguments, versions = evaluation_arguments(store(), plan), evaluation_versions(plan)
    state().pilot_job = start_job(ESTIMATE.name, project, arguments, versions)


def check_start(plan: Plan) -> None:
    """Refuse what could only fail, before the job starts.

    Raises:
        BadInput: See `check_plan`.
    """
    from llmopt_core.experiments.experiment import check_new_budget
    from llmopt_core.experiments.plan import check_plan

    # Both read only what is stored, so they answer at once; no model is asked.
    check_new_budget(store(), plan)
    check_plan(plan, models())
