"""The form of a comparison as it is kept: a draft of the project."""

from __future__ import annotations

from llmopt_core.experiments.comparison_setup import Setup
from llmopt_core.runs.values import Project
from llmopt_ui.prompts.state import prompt_state
from llmopt_ui.resources import store

KIND = "comparison"


def save_setup(project: Project, setup: Setup, *, refill: bool = False) -> None:
    """Keep what is chosen; with `refill` the fields show it at the next rerun."""
    values = setup.model_dump(mode="json")
    slot = prompt_state().slot(form_key(project))
    # Called at every drawing; most change nothing and need not write.
    if refill or prompt_state().field_values.get(slot) != values:
        store().save_draft(project, KIND, "", values)
        prompt_state().field_values[slot] = values
    if refill:
        prompt_state().fill(form_key(project))


def form_key(project: Project) -> str:
    """Under which the form's fields are kept in the session."""
    return f"{KIND}_{project.id}"
